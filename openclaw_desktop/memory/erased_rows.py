"""Taking rows out: those of memories and turns, and all that was made of them, wherever in the file it is.

Owns which tables hold words of a memory. Works on the one file and on its copies, older ones too, which lack some of
the tables. Must not know who asks. Runs on a database's thread, within one transaction.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import apsw

from openclaw_desktop.memory import neighbours
from openclaw_desktop.memory.consolidation.reading import reread
from openclaw_desktop.memory.erasures import note_erased_ids
from openclaw_desktop.memory.reach import Reach, find_marked, rows_of, table_names
from openclaw_desktop.memory.sessions import QUESTION_KEY
from openclaw_desktop.storage.database import fetch

# Of a text so short, or of so many texts, a change is known by the memory it belongs to alone.
LEAST_QUOTED_CHARS = 8
MOST_QUOTED_TEXTS = 200
_ENGINE_TABLE = re.compile(r"vectors_\d+")


def erase_rows(connection: apsw.Connection, reach: Reach, moment: str) -> Counter[str]:
    """Take out all that `reach` names and return how much of each kind that was. `moment`: an ISO time."""
    tables = table_names(connection)
    rows = rows_of(connection, reach.memory_ids, "m.rowid, m.kind, m.text")
    rowids = [int(rowid) for rowid, _, _ in rows]
    counts = Counter(_PLURAL[kind] for _, kind, _ in rows)
    with_neighbours = "neighbours" in _columns(connection)
    beside = neighbours.beside(connection, rowids) if with_neighbours else ()
    if "memory_changes" in tables:
        counts["changes"] = _erase_changes(connection, (*reach.memory_ids, *reach.gone), [text for _, _, text in rows])
    if "reading_queue" in tables:
        # The facts go, what they were made of besides stays true.
        reread(connection, [int(rowid) for (rowid,) in rows_of(connection, reach.remaining, "m.rowid")])
    counts["vectors"] = _erase_vectors(connection, rowids, tables)
    if "superseded_by" in _columns(connection):
        # What one of these had replaced is not true again because its successor is gone.
        _each(
            connection, "update memories set valid_to = coalesce(valid_to, ?2) where superseded_by = ?1", rowids, moment
        )
    _each(connection, "delete from memories where rowid = ?1", rowids)
    counts["neighbours"] = neighbours.rebuild(connection, beside) if with_neighbours else 0
    counts += _erase_words(connection, reach, tables)
    return counts


def replay_erasures(connection: apsw.Connection, ids: Iterable[str]) -> bool:
    """Erase in a copy of the file what was erased since it was made; False where it holds nothing of that."""
    marks = list(ids)
    reach = find_marked(connection, marks)
    if "erased_memories" in table_names(connection):
        note_erased_ids(connection, marks, _now(connection))
    if not reach:
        return False
    erase_rows(connection, reach, _now(connection))
    return True


def _erase_words(connection: apsw.Connection, reach: Reach, tables: frozenset[str]) -> Counter[str]:
    """Take out what was said in the turns, what is left of it where it was folded, and the scratch."""
    counts = Counter[str]()
    turns, answers = json.dumps(reach.turns), json.dumps(reach.answers)
    theirs = """turn_id in (select value from json_each(?1))
        or (role = 'assistant' and turn_id in (select value from json_each(?2)))"""
    if "session_summaries" in tables:
        extracts = f"delete from session_summaries where message_id in (select id from messages where {theirs})"
        counts["extracts"] = _change(connection, extracts, (turns, answers))
    counts["messages"] = _change(connection, f"delete from messages where {theirs}", (turns, answers))
    # Any question may have been read together with what is erased, and any recall may have returned it.
    scratch = """delete from working_memory where turn_id in (select value from json_each(?1))
        or turn_id in (select value from json_each(?2)) or key = ?3 or key like '%"tool": "recall"%'"""
    counts["scratch"] = _change(connection, scratch, (turns, answers, QUESTION_KEY))
    return counts


def _erase_changes(connection: apsw.Connection, ids: Sequence[str], texts: Sequence[str]) -> int:
    """Take out what the history of changes holds of these memories, and changes of others that quote them."""
    listed = "select id, run_id from memory_changes where memory_id in (select value from json_each(?))"
    found: dict[int, int] = dict(fetch(connection, listed, (json.dumps(ids),)))
    found |= _changes_made_of(connection, ids)
    quotable = [text for text in texts if len(text) >= LEAST_QUOTED_CHARS]
    if quotable:
        for change, run, before, after in fetch(connection, "select id, run_id, before, after from memory_changes"):
            if change not in found and _quotes(f"{before} {after}", quotable):
                found[change] = run
    _each(connection, "delete from memory_changes where id = ?1", list(found))
    # A note may name what was changed; of an import it names the file alone.
    _each(connection, "update memory_runs set note = '' where id = ?1 and kind <> 'import'", list(set(found.values())))
    return len(found)


def _changes_made_of(connection: apsw.Connection, ids: Sequence[str]) -> dict[int, int]:
    """Return the changes, and their runs, that made others of these memories: a run taken back left no other link."""
    sql = """select distinct c.id, c.run_id from memory_changes s join json_each(json_array(s.before, s.after)) j
        join json_each(j.value, '$.sources') source on source.value in (select value from json_each(?))
        join memory_changes c on c.run_id = s.run_id and c.memory_id = s.memory_id"""
    return dict(fetch(connection, sql, (json.dumps(ids),)))


def _quotes(change: str, texts: Sequence[str]) -> bool:
    return any(json.dumps(text, ensure_ascii=False)[1:-1] in change for text in texts[:MOST_QUOTED_TEXTS])


def _erase_vectors(connection: apsw.Connection, rowids: Sequence[int], tables: frozenset[str]) -> int:
    count = 0
    if "vectors" in tables:
        sql = "delete from vectors where memory_rowid in (select value from json_each(?))"
        count += _change(connection, sql, (json.dumps(rowids),))
    for table in filter(_ENGINE_TABLE.fullmatch, tables):
        before = connection.total_changes()
        engine = "select dimension from vector_engines where id = ?"
        ((dimension,),) = fetch(connection, engine, (int(table.rpartition("_")[2]),))
        # vec0 marks a deleted vector and leaves its bytes.
        blank = f"update {table} set embedding = vec_f32(zeroblob({4 * int(dimension)})) where memory_rowid = ?1"
        _each(connection, blank, rowids)
        _each(connection, f"delete from {table} where memory_rowid = ?1", rowids)
        count += connection.total_changes() > before
    return count


def _each(connection: apsw.Connection, sql: str, values: Iterable[object], *more: object) -> None:
    connection.executemany(sql, [(value, *more) for value in values])


def _change(connection: apsw.Connection, sql: str, values: tuple[str, ...]) -> int:
    connection.execute(sql, values)
    return int(connection.changes())


def _columns(connection: apsw.Connection) -> frozenset[str]:
    return frozenset(name for (name,) in fetch(connection, "select name from pragma_table_info('memories')"))


def _now(connection: apsw.Connection) -> str:
    return str(fetch(connection, "select strftime('%Y-%m-%dT%H:%M:%SZ', 'now')")[0][0])


_PLURAL = {"turn": "turns", "fact": "facts", "summary": "summaries"}
