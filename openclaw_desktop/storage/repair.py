"""A file that is damaged only in what is made from the rest: written anew, with every memory.

Owns which tables are made from others, and the writing of a whole file from the readable tables of a damaged one. Must
not know how the damaged one is kept or named (`recovery`). The writer thread, on a file that nobody else has open.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator
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
# What would say something of a memory that is another one now, where not all of them can be read.
_OF_MEMORIES = {"vectors", "speakers", "term_counts"}
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
        with held(open_source):
            write_whole(open_source, target, key)

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
# Fills the tables that are made of nothing else and can't be read whole.
FillLost = Callable[[apsw.Connection, OpenSource, set[str]], None]


@contextlib.contextmanager
def held(open_source: OpenSource) -> Iterator[apsw.Connection]:
    """Keep a damaged file and the log beside it as they are, and other processes from writing meanwhile."""
    holder = open_source()
    try:
        holder.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        holder.execute("begin immediate")
        yield holder
    finally:
        with contextlib.suppress(apsw.Error):
            holder.execute("rollback")
        holder.close()


def write_whole(open_source: OpenSource, target: Path, key: bytes | None, fill_lost: FillLost | None = None) -> None:
    """Write a whole file; raises apsw.CorruptError where a table that is made of nothing else can't be read.

    With `fill_lost` such a table is filled by that, with what can be read of it.
    """
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
    real = lost - MADE_ANEW.keys()
    if real and fill_lost is None:
        raise apsw.CorruptError(f"can't be read: {', '.join(sorted(real))}")
    if "memories" in real:
        lost |= _OF_MEMORIES
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
            if fill_lost is not None:
                fill_lost(connection, open_source, real)
            for name, fill in MADE_ANEW.items():
                if name in lost & tables.keys() and fill:
                    connection.execute(fill)
            for _, _, sql in (one for one in schema if one[0] == "view"):  # an index of words may be of one
                connection.execute(sql)
            for name, sql in words.items():
                connection.execute(sql)
                connection.execute(f"insert into {quoted(name)} ({quoted(name)}, rank) values ('secure-delete', 1)")
                connection.execute(f"insert into {quoted(name)} ({quoted(name)}) values ('rebuild')")
            for kind, _, sql in schema:
                if kind not in ("table", "view"):
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
    except (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError):
        return False
    return True


def _copy(open_source: OpenSource, target: apsw.Connection, table: str) -> None:
    with contextlib.closing(open_source()) as source:
        values = ", ".join("?" * len(column_names(source, table)))
        target.executemany(f"insert into {quoted(table)} values ({values})", _rows(source, table))


def _rows(source: apsw.Connection, table: str) -> apsw.Cursor:
    """Return every row by the table's own pages; those of a table without rowids are its primary key's."""
    own = own_index(source, table)
    way = "not indexed" if own is None else f"indexed by {quoted(own)}"
    return source.execute(f"select * from {quoted(table)} {way}")


def own_index(source: apsw.Connection, table: str) -> str | None:
    """Return the name of the index that a table without rowids is kept in; None: it has rowids."""
    sql = (
        """select name from pragma_index_list(?) where origin = 'pk' and name not in (select name from sqlite_schema)"""
    )
    own = source.execute(sql, (table,)).get
    return None if own is None else str(own)


def column_names(source: apsw.Connection, table: str) -> list[str]:
    """Return the names of a table's columns; none where there is no such table."""
    return [str(name) for (name,) in source.execute("select name from pragma_table_info(?)", (table,))]


def quoted(name: str) -> str:
    """Return a name as SQL takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'
