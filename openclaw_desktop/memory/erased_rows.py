"""Taking rows out: those of memories and turns, and all that was made of them, wherever in the file it is.

Owns which tables hold words of a memory. Works on the one file and on its copies, older ones too, which lack some of
the tables. Must not know who asks. Runs on a database's thread, within one transaction.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import apsw

from openclaw_desktop.core.text import tr
from openclaw_desktop.memory import neighbours
from openclaw_desktop.memory.consolidation.facts import reopen
from openclaw_desktop.memory.consolidation.reading import reread
from openclaw_desktop.memory.erasures import note_erased_ids
from openclaw_desktop.memory.reach import Reach, find_marked, rows_of, table_names
from openclaw_desktop.memory.sessions import QUESTION_KEY
from openclaw_desktop.storage.database import fetch

# Of a text so short a change is known by the memory it belongs to alone.
LEAST_QUOTED_CHARS = 8
_ENGINE_TABLE = re.compile(r"vectors_\d+")
# Before the id of a turn in the list of what was erased: of that turn the request to forget alone is taken out.
ASKED = "asked:"


def erase_rows(connection: apsw.Connection, reach: Reach, moment: str, reopens: bool = True) -> Counter[str]:
    """Take out all that `reach` names and return how much of each kind that was. `moment`: an ISO time.

    `reopens`: what one of these had ended holds again, for it is as if it had not been said, and what was done in its
    turn is told without words. Else an end has come: it was said, and done.
    """
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
    listed = _lists_of(connection, [*rowids, *beside]) if "vector_lists" in tables else []
    counts["vectors"] = _erase_vectors(connection, rowids, tables)
    if "superseded_by" in _columns(connection):
        if reopens:
            reopen(connection, rowids)
        else:
            ended = "update memories set valid_to = coalesce(valid_to, ?2) where superseded_by = ?1"
            _each(connection, ended, rowids, moment)
    _each(connection, "delete from memories where rowid = ?1", rowids)
    counts["neighbours"] = neighbours.rebuild(connection, beside) if with_neighbours else 0
    _erase_centroids(connection, listed)
    if "notices" in tables:
        counts["notices"] = _erase_notices(connection, reach, [text for _, _, text in rows])
    if "job_runs" in tables:
        _erase_job_words(connection, reach, [text for _, _, text in rows])
    counts += _erase_words(connection, reach, tables)
    if reopens:
        counts["calls"] = _erase_calls(connection, [*reach.turns, *reach.answers], tables)
    if "term_counts" in tables:
        _erase_terms(connection)
    return counts


def redacted_request() -> str:
    """Return what stands in the place of a question that asked to forget something."""
    return tr("[asked to forget something]")


def redact_requests(connection: apsw.Connection, turns: Iterable[str]) -> bool:
    """Take the words out of the questions of `turns`, which asked to forget something; False where there are none."""
    before = connection.total_changes()
    _each(
        connection,
        "update messages set text = ?2 where turn_id = ?1 and role = 'user' and text <> ?2",
        turns,
        redacted_request(),
    )
    if "inbox" in table_names(connection):  # as a question that waited it named what to forget
        own = "capability = '' and state <> 'open' and target <> ''"
        _each(connection, f"update inbox set {_NO_WORDS} where turn_id = ?1 and {own}", turns)
    return connection.total_changes() > before


def replay_erasures(connection: apsw.Connection, ids: Iterable[str]) -> bool:
    """Erase in a copy of the file what was erased since it was made; False where it holds nothing of that."""
    marks = list(ids)
    reach = find_marked(connection, marks)
    if "erased_memories" in table_names(connection):
        note_erased_ids(connection, marks, _now(connection))
    redacted = redact_requests(connection, [mark.removeprefix(ASKED) for mark in marks if mark.startswith(ASKED)])
    if not reach:
        return redacted
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


# In these the words of a parked call are kept; that there was one, and how it ended, is kept.
_NO_WORDS = "arguments = '{}', frozen = 'null', call_hash = '', target = '', preview = ''"


def _erase_calls(connection: apsw.Connection, turns: Sequence[str], tables: frozenset[str]) -> int:
    """Take out what the calls of these turns were about, in the walls' tables; one that waits is not done any more."""
    theirs, count = "turn_id in (select value from json_each(?1))", 0
    if "audit_targets" in tables:
        targets = f"delete from audit_targets where audit_id in (select id from audit_log where {theirs})"
        count += _change(connection, targets, (json.dumps(turns),))
    if "undo_tokens" in tables:
        count += _change(connection, f"delete from undo_tokens where {theirs}", (json.dumps(turns),))
    if "inbox" in tables:
        # Out of its chat: what becomes of it is told there no more.
        emptied = f"""update inbox set {_NO_WORDS}, session_id = null, answered_at = coalesce(answered_at, ?2),
            outcome = case state when 'open' then ?3 else '' end,
            state = case state when 'open' then 'denied' else state end where {theirs}"""
        connection.execute(
            emptied, (json.dumps(turns), _now(connection), tr("Not done: what it was asked in was erased."))
        )
        count += int(connection.changes())
    return count


def _erase_notices(connection: apsw.Connection, reach: Reach, texts: Sequence[str]) -> int:
    """Take out what was told of the chats that these turns are of, and what quotes one of them wherever it came from.

    Called while the turns' messages are still there.
    """
    turns = json.dumps([*reach.turns, *reach.answers])
    said = fetch(connection, "select text from messages where turn_id in (select value from json_each(?))", (turns,))
    quoted = [text for text in (*texts, *(str(text) for (text,) in said)) if len(text) >= LEAST_QUOTED_CHARS]
    sql = """delete from notices where session_id in
        (select conversation_id from messages where turn_id in (select value from json_each(?1)))
        or exists (select 1 from json_each(?2) where instr(notices.title || ' ' || notices.body, value) > 0)"""
    return _change(connection, sql, (turns, json.dumps(quoted)))


def _erase_job_words(connection: apsw.Connection, reach: Reach, texts: Sequence[str]) -> None:
    """Take out what runs of jobs said in these turns or quote; that they ran is kept."""
    quoted = [text for text in texts if len(text) >= LEAST_QUOTED_CHARS]
    sql = """update job_runs set said = '' where said <> '' and (turn_id in (select value from json_each(?1))
        or exists (select 1 from json_each(?2) where instr(job_runs.said, value) > 0))"""
    _change(connection, sql, (json.dumps([*reach.turns, *reach.answers]), json.dumps(quoted)))


def _erase_terms(connection: apsw.Connection) -> None:
    """Take out the counts of common words that no memory holds any more."""
    connection.execute("create virtual table temp.words_held using fts5vocab ('main', 'memories_fts', 'instance')")
    connection.execute(
        "delete from term_counts where not exists (select 1 from temp.words_held h where h.term = term_counts.term)"
    )
    connection.execute("drop table temp.words_held")


def _erase_changes(connection: apsw.Connection, ids: Sequence[str], texts: Sequence[str]) -> int:
    """Take out what the history of changes holds of these memories, and changes of others that quote them."""
    listed = "select id, run_id from memory_changes where memory_id in (select value from json_each(?))"
    found: dict[int, int] = dict(fetch(connection, listed, (json.dumps(ids),)))
    found |= _changes_made_of(connection, ids)
    earlier = """select json_extract(value, '$.text') from memory_changes c, json_each(json_array(c.before, c.after))
        where value is not null and memory_id in (select value from json_each(?))"""
    texts = [*texts, *(text for (text,) in fetch(connection, earlier, (json.dumps(ids),)) if text is not None)]
    found |= _changes_that_quote(connection, texts)
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


def _changes_that_quote(connection: apsw.Connection, texts: Iterable[str]) -> dict[int, int]:
    """Return the changes, and their runs, that hold one of `texts` word for word.

    Each change is read once, however many texts there are: they are looked up by how they begin.
    """
    by_beginning = defaultdict[str, list[str]](list)
    for text in texts:
        if len(text) >= LEAST_QUOTED_CHARS:
            quoted = json.dumps(text, ensure_ascii=False)[1:-1]
            by_beginning[quoted[:LEAST_QUOTED_CHARS]].append(quoted)
    # Of an import nothing is kept but that it added them.
    sql = """select id, run_id, coalesce(before, '') || ' ' || coalesce(after, '') from memory_changes
        where max(length(coalesce(before, '')), length(coalesce(after, ''))) >= ?"""
    changes = fetch(connection, sql, (LEAST_QUOTED_CHARS,)) if by_beginning else []
    return {change: run for change, run, written in changes if _quotes(written, by_beginning)}


def _quotes(written: str, by_beginning: Mapping[str, Sequence[str]]) -> bool:
    places = range(len(written) - LEAST_QUOTED_CHARS + 1)
    beginnings = {written[at : at + LEAST_QUOTED_CHARS] for at in places} & by_beginning.keys()
    return any(quoted in written for beginning in beginnings for quoted in by_beginning[beginning])


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


def _lists_of(connection: apsw.Connection, rowids: Sequence[int]) -> list[tuple[int, int]]:
    sql = """select distinct engine_id, list from json_each(?) j cross join vectors v on v.memory_rowid = j.value
        where list > 0"""
    return [(int(engine), int(number)) for engine, number in fetch(connection, sql, (json.dumps(rowids),))]


def _erase_centroids(connection: apsw.Connection, listed: Iterable[tuple[int, int]]) -> None:
    """Blank the centroids of lists that are left empty: of a single vector the centroid is that vector."""
    sql = """update vector_lists set centroid = zeroblob(length(centroid)) where engine_id = ?1 and list = ?2
        and not exists (select 1 from vectors where engine_id = ?1 and list = ?2)"""
    connection.executemany(sql, list(listed))


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
