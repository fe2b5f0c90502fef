"""What was said, read for facts: the queue of unread memories, one by one and in order.

Owns the table `reading_queue`, and which of a turn's sentences become facts. Must not know models: what one offers
comes as texts, and is believed so far as the turn bears it out. Writer's thread, within the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence

import apsw

from openclaw_desktop.memory.consolidation import facts, mood, summaries
from openclaw_desktop.memory.consolidation.checking import is_borne_out
from openclaw_desktop.memory.consolidation.facts import DERIVED, Candidate, Diff
from openclaw_desktop.memory.consolidation.pronouns import put_right
from openclaw_desktop.memory.consolidation.slots import read_claims, weight_of
from openclaw_desktop.memory.consolidation.statements import (
    Statement,
    find_statements,
    is_correction,
    own_words,
)
from openclaw_desktop.memory.records import StoredMemory
from openclaw_desktop.memory.rows import COLUMNS, stored
from openclaw_desktop.storage.database import fetch

# How many of the user's own turns "it" may point back over.
LOOKED_BACK = 2


def next_unread(connection: apsw.Connection, limit: int) -> list[StoredMemory]:
    """Return the next memories to read, oldest row first."""
    # A cross join keeps its order: the queue is short, the memories are many.
    sql = f"""select {COLUMNS} from reading_queue q cross join memories m on m.rowid = q.memory_rowid
        order by q.memory_rowid limit ?"""
    return [stored(row) for row in fetch(connection, sql, (limit,))]


def count_unread(connection: apsw.Connection) -> int:
    """Return how many memories wait to be read."""
    return int(fetch(connection, "select count(*) from reading_queue")[0][0])


def reread(connection: apsw.Connection, rowids: Iterable[int]) -> None:
    """Have these memories read again: something that was made of them is gone."""
    sql = """insert or ignore into reading_queue (memory_rowid) select m.rowid from json_each(?) j
        join memories m on m.rowid = j.value where m.kind = 'fact' or (m.kind = 'turn' and m.speaker = 'user')"""
    connection.execute(sql, (json.dumps(list(rowids)),))


def reread_used(connection: apsw.Connection, ids: Iterable[str]) -> None:
    """Have turns read again that an answer used and of which no fact is left: it may have been let go too early."""
    sql = """insert or ignore into reading_queue (memory_rowid) select m.rowid from json_each(?) j
        join memories m on m.id = j.value where m.kind = 'turn' and m.speaker = 'user'
        and not exists (select 1 from memory_sources s where s.source_rowid = m.rowid)"""
    connection.execute(sql, (json.dumps(list(ids)),))


def read(
    diff: Diff,
    memories: Sequence[StoredMemory],
    offered: Mapping[int, Sequence[str]] | None = None,
    weights: Mapping[str, float] | None = None,
    enough: Callable[[], bool] = lambda: False,
) -> int:
    """Read some unread memories and return how many were read; each leaves the queue with what came of it.

    `offered`: a model's facts by the rowid of their turn; `weights`: its judgement of how much a text matters, 0 to 1.
    `enough`: asked after each memory, on the writer's thread, whether the rest stays for the next time.
    """
    # By their ids and words: while a model was asked, one may have been forgotten, and its rowid come again.
    still = set(
        fetch(
            diff.connection,
            """select m.id, m.text from reading_queue q cross join memories m on m.rowid = q.memory_rowid
            where q.memory_rowid in (select value from json_each(?))""",
            (json.dumps([memory.rowid for memory in memories]),),
        )
    )
    known = [memory for memory in memories if (memory.id, memory.text) in still]
    summaries.note_late(diff, [memory for memory in known if memory.kind == "turn"])
    for place, memory in enumerate(known, 1):
        _read_one(diff, memory, offered or {}, weights or {})
        if enough():
            return place
    return len(known)


def _read_one(
    diff: Diff, memory: StoredMemory, offered: Mapping[int, Sequence[str]], weights: Mapping[str, float]
) -> None:
    if memory.kind == "fact":
        read_fact(diff, memory)
        return
    chosen = _chosen(memory)
    offers = _believed(offered.get(memory.rowid, ()), memory, [statement.text for statement in chosen])
    believed = [*((one.text, one.changes) for one in chosen), *((text, False) for text in offers)]
    for text, changes in believed if believed and not _is_taken_back(diff.connection, memory) else ():
        facts.add(diff, Candidate(text, (memory,), weights.get(text), changes=changes))
    if (corrected := corrects(diff.connection, memory)) is not None:
        facts.add(diff, corrected)
    diff.connection.execute("delete from reading_queue where memory_rowid = ?", (memory.rowid,))


def corrects(connection: apsw.Connection, turn: StoredMemory) -> Candidate | None:
    """Return what a turn puts right by pointing back, as in "no, it's 15 March", at what the user said just before."""
    if turn.label.integrity == "untrusted" or not is_correction(turn.text):
        return None
    # Of "Remember that …" the fact that was kept with it tells what was said.
    sql = f"""with lately as (select rowid, turn_id from memories where session_id = ?1 and rowid < ?2 and kind = 'turn'
        and speaker = 'user' and integrity <> 'untrusted' order by rowid desc limit ?3)
        select {COLUMNS} from memories m where m.rowid in (select rowid from lately) or (m.rowid < ?2
        and m.turn_id in (select turn_id from lately) and m.kind = 'fact' and m.speaker = 'user' and m.source <> ?4
        and m.superseded_by is null and m.integrity <> 'untrusted') order by m.rowid desc"""
    values = (turn.session_id, turn.rowid, LOOKED_BACK, DERIVED)
    for before in map(stored, fetch(connection, sql, values)):
        for statement in reversed(find_statements(before.text)):
            if (text := put_right(statement.text, turn.text)) is not None:
                return Candidate(text, (before, turn), puts_right=statement.text)
    return None


def read_fact(diff: Diff, fact: StoredMemory) -> tuple[str, ...]:
    """Read a fact: what it claims is kept, and what it contradicts ends. Returns the ids of what ended."""
    reading = read_claims(fact.text, facts.speaker_of(fact))
    facts.claim(diff.connection, fact.rowid, fact.text, reading, weight_of(reading.claims, fact.text))
    if fact.superseded_by is not None or fact.speaker not in ("", "user"):
        return ()
    if fact.label.integrity == "untrusted":
        return ()
    facts.date_by_words(diff, fact)
    facts.take_over(diff, fact, reading)
    return facts.settle(diff, fact.rowid, reading)


def claim_unread(connection: apsw.Connection, ids: Sequence[str]) -> None:
    """Keep what the facts among `ids` claim, though they wait to be read: what is said against one ends it already."""
    sql = f"select {COLUMNS} from json_each(?) j cross join memories m on m.id = j.value where m.kind = 'fact'"
    for fact in map(stored, fetch(connection, sql, (json.dumps(list(ids)),))):
        reading = read_claims(fact.text, facts.speaker_of(fact))
        facts.note_claims(connection, fact.rowid, fact.text, reading, weight_of(reading.claims, fact.text))


def told_in(turn: StoredMemory) -> frozenset[str]:
    """Return what a turn tells, each as the sense of its words."""
    return frozenset(facts.sense_key(statement.text) for statement in _chosen(turn))


def _chosen(turn: StoredMemory) -> tuple[Statement, ...]:
    # "I" is somebody else in what is not the user's; it is found as what was said, and nothing is concluded.
    return () if turn.label.integrity == "untrusted" else find_statements(turn.text)


def _is_taken_back(connection: apsw.Connection, turn: StoredMemory) -> bool:
    """True where the next thing that the user said in the same chat was "just kidding"."""
    sql = """select text from memories where session_id = ? and rowid > ? and kind = 'turn' and speaker = 'user'
        order by rowid limit 1"""
    return any(mood.takes_back(text) for (text,) in fetch(connection, sql, (turn.session_id, turn.rowid)))


def _believed(offered: Sequence[str], turn: StoredMemory, chosen: Sequence[str]) -> list[str]:
    """Return those of a model's facts that the user's own words bear out, and that code did not choose itself."""
    own = own_words(turn.text) if turn.label.integrity != "untrusted" else ""
    if not own or mood.jokes(own):
        return []
    # What was told together is chosen in parts, and offered as a whole.
    known = {"and", "but", *(word for text in chosen for word in facts.sense_key(text).split())}
    return [
        fact
        for fact in offered
        if not known.issuperset(facts.sense_key(fact).split()) and not mood.passes(fact) and is_borne_out(fact, own)
    ]
