"""A file that is damaged only in what is made from the rest: written anew, with every memory.

Owns which tables are made from others, and the writing of a whole file from the readable tables of a damaged one. Must
not know how the damaged one is kept or named (`recovery`). The writer thread, on a file that nobody else has open.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import apsw

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.storage.connection import connect
from openclaw_desktop.storage.recovery import exchange, read_through

_TO_READ = "from memories where kind = 'fact' or (kind = 'turn' and speaker = 'user')"
# What each table is made of again where it can't be read; without a statement the background makes it. In this order.
MADE_ANEW = {
    "upkeep": "",  # always: the new file has been neither analysed nor read through
    "vector_engines": "",
    "vector_lists": "",
    "vectors": "",
    "vector_codes": "",
    "vector_queue": "insert into vector_queue (memory_rowid) select rowid from memories",
    "term_counts": "delete from memory_state where key = 'terms_counted_at'",
    "speakers": "insert into speakers (name, memories)"
    " select speaker, count(*) from memories where speaker <> '' group by 1 collate nocase",
    "reading_queue": f"insert into reading_queue (memory_rowid) select rowid {_TO_READ}",
    "memory_claims": f"insert or ignore into reading_queue (memory_rowid) select rowid {_TO_READ}",
}
# Those that say something only together. Codes and queue can be made again from the others.
_VECTORS = {"vector_engines", "vector_lists", "vectors"}
# What the check of a table says where nothing is wrong, where an index of it differs or can't be followed, and where a
# page can't be read: whether it is one of the table's own is seen by reading all rows.
_PASSED_BY = re.compile(
    r"^ok$| index \S+$|^database disk image is malformed$|unable to get the page|failed to get page"
)


def make_anew(path: Path, key: bytes | None) -> Path | None:
    """Put a whole file in the place of a damaged one, and return where that is kept; None where memories can't be read.

    Raises UserError where there is no room for it, and apsw.Error where the damaged file is locked or its disk fails.
    """

    def open_source() -> apsw.Connection:
        return connect(path, key)

    def write(target: Path) -> None:
        holder = open_source()
        try:
            # The log stays beside the damaged file as it is, and no other process writes meanwhile.
            holder.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            holder.execute("begin immediate")
            _write(open_source, target, key)
        finally:
            with contextlib.suppress(apsw.Error):
                holder.execute("rollback")
            holder.close()

    try:
        return exchange(path, write)
    except (apsw.CorruptError, apsw.NotADBError, apsw.ConstraintError):
        return None
    except (apsw.FullError, OSError) as error:
        if isinstance(error, OSError) and error.errno != 28:
            raise
        needed_mb = max(1, (path.stat().st_size - shutil.disk_usage(path.parent).free) >> 20)
        raise UserError(
            "disk_full",
            tr("A part of {path} is damaged. It can be made anew, but the disk is full.", path=visible(str(path))),
            tr("Free about {needed} MB and start again; no memory is lost.", needed=needed_mb),
        ) from error


# A connection of its own for each table: one that met a page with a wrong seal reads no other page of the file.
OpenSource = Callable[[], apsw.Connection]


def _write(open_source: OpenSource, target: Path, key: bytes | None) -> None:
    """Write a whole file; raises apsw.CorruptError where a table that is made of nothing else can't be read."""
    with contextlib.closing(open_source()) as source:
        version = int(source.pragma("user_version"))
        sql = "select type, name, sql, rootpage, tbl_name from sqlite_schema"
        entries = [(str(kind), str(name), one, root, str(of)) for kind, name, one, root, of in source.execute(sql)]
    schema = [(kind, name, str(sql)) for kind, name, sql, _, _ in entries if sql and not name.startswith("sqlite_")]
    virtual = {name: sql for kind, name, sql in schema if kind == "table" and "virtual table" in sql[:22].lower()}
    words = {name: sql for name, sql in virtual.items() if "using fts5" in sql.lower()}
    tables = {
        name: sql
        for kind, name, sql in schema
        if kind == "table" and name not in virtual and not name.startswith(tuple(f"{one}_" for one in virtual))
    }
    indexes = {name: {root for kind, _, _, root, of in entries if (kind, of) == ("index", name)} for name in tables}
    lost = {name for name in tables if not _is_whole(open_source, name, indexes[name])}
    if lost - MADE_ANEW.keys():
        raise apsw.CorruptError(f"can't be read: {', '.join(sorted(lost - MADE_ANEW.keys()))}")
    # Tables of vectors of an earlier version are virtual ones too.
    if lost & _VECTORS or virtual.keys() - words.keys():
        lost |= _VECTORS | {"vector_codes", "vector_queue"}
    lost.add("upkeep")

    connection = connect(target, key)
    try:
        connection.pragma("auto_vacuum", "incremental")
        connection.pragma("synchronous", "off")  # it is flushed once, when it is whole
        connection.pragma("foreign_keys", False)
        connection.pragma("user_version", version)
        with connection:
            for name, sql in tables.items():
                connection.execute(sql)
                if name not in lost:
                    _copy(open_source, connection, name)
            for name, fill in MADE_ANEW.items():
                if name in lost & tables.keys() and fill:
                    connection.execute(fill)
            for name, sql in words.items():
                connection.execute(sql)
                connection.execute(f"insert into {_quoted(name)} ({_quoted(name)}, rank) values ('secure-delete', 1)")
                connection.execute(f"insert into {_quoted(name)} ({_quoted(name)}) values ('rebuild')")
            for kind, _, sql in schema:
                if kind != "table":
                    connection.execute(sql)
        if (verdict := read_through(connection, "integrity_check")) != ["ok"]:
            raise apsw.CorruptError("; ".join(verdict))
    finally:
        connection.close()


def _is_whole(open_source: OpenSource, table: str, indexes: set[object]) -> bool:
    """Return whether every row of a table can be read, whatever its indexes, which have those roots, say."""
    try:
        with contextlib.closing(open_source()) as source:
            # The table's own pages are looked at first.
            for message in read_through(source, "quick_check", table):
                found = re.match(r"Tree (\d+)\b", message)
                if not _PASSED_BY.search(message) and not (found and int(found[1]) in indexes):
                    return False
        with contextlib.closing(open_source()) as source:
            for _ in _rows(source, table):
                pass
    except (apsw.CorruptError, apsw.NotADBError):
        return False
    return True


def _copy(open_source: OpenSource, target: apsw.Connection, table: str) -> None:
    with contextlib.closing(open_source()) as source:
        columns = source.execute("select count(*) from pragma_table_info(?)", (table,)).get
        values = ", ".join("?" * int(columns))
        target.executemany(f"insert into {_quoted(table)} values ({values})", _rows(source, table))


def _rows(source: apsw.Connection, table: str) -> apsw.Cursor:
    """Return every row by the table's own pages; those of a table without rowids are its primary key's."""
    sql = (
        """select name from pragma_index_list(?) where origin = 'pk' and name not in (select name from sqlite_schema)"""
    )
    own = source.execute(sql, (table,)).get
    way = "not indexed" if own is None else f"indexed by {_quoted(str(own))}"
    return source.execute(f"select * from {_quoted(table)} {way}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
