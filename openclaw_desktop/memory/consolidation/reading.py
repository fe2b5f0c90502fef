"""What was said, read for facts: the queue of unread memories, one by one and in order.

Owns the table `reading_queue`, and which of a turn's sentences become facts. Must not know models: what one offers
comes as texts, and is believed so far as the turn bears it out. Writer's thread, within the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import apsw

from openclaw_desktop.memory.consolidation import facts, mood
from openclaw_desktop.memory.consolidation.checking import is_borne_out
from openclaw_desktop.memory.consolidation.facts import DERIVED, Candidate, Diff
from openclaw_desktop.memory.consolidation.slots import read_claims, weight_of
from openclaw_desktop.memory.consolidation.statements import find_statements, own_words
from openclaw_desktop.memory.records import StoredMemory
from openclaw_desktop.memory.rows import COLUMNS, stored
from openclaw_desktop.storage.database import fetch


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


def read(
    diff: Diff,
    memories: Sequence[StoredMemory],
    offered: Mapping[int, Sequence[str]] | None = None,
    weights: Mapping[str, float] | None = None,
) -> int:
    """Read some unread memories and return how many there still were; each leaves the queue with what came of it.

    `offered`: a model's facts by the rowid of their turn; `weights`: its judgement of how much a text matters, 0 to 1.
    """
    still = {
        int(rowid)
        for (rowid,) in fetch(
            diff.connection,
            "select memory_rowid from reading_queue where memory_rowid in (select value from json_each(?))",
            (json.dumps([memory.rowid for memory in memories]),),
        )
    }
    known = [memory for memory in memories if memory.rowid in still]
    for memory in known:
        if memory.kind == "fact":
            read_fact(diff, memory)
            continue
        texts = _chosen(memory)
        for text in (*texts, *_believed((offered or {}).get(memory.rowid, ()), memory, texts)):
            facts.add(diff, Candidate(text, (memory,), (weights or {}).get(text)))
        diff.connection.execute("delete from reading_queue where memory_rowid = ?", (memory.rowid,))
    return len(known)


def read_fact(diff: Diff, fact: StoredMemory) -> tuple[str, ...]:
    """Read a fact: what it claims is kept, and what it contradicts ends. Returns the ids of what ended."""
    reading = read_claims(fact.text, facts.speaker_of(fact))
    facts.claim(diff.connection, fact.rowid, fact.text, reading, weight_of(reading.claims))
    if fact.superseded_by is not None or fact.speaker not in ("", "user"):
        return ()
    if fact.source == DERIVED:
        return ()  # it has ended the others when it was made
    if fact.label.integrity == "untrusted":
        return ()
    facts.date_by_words(diff, fact)
    facts.take_over(diff, fact, reading)
    return facts.settle(diff, fact.rowid, reading)


def _chosen(turn: StoredMemory) -> list[str]:
    if turn.label.integrity == "untrusted":
        return []  # "I" is somebody else in it; it is found as what was said, and nothing is concluded
    return [statement.text for statement in find_statements(turn.text)]


def _believed(offered: Sequence[str], turn: StoredMemory, chosen: Sequence[str]) -> list[str]:
    """Return those of a model's facts that the user's own words bear out, and that code did not choose itself."""
    own = own_words(turn.text) if turn.label.integrity != "untrusted" else ""
    if not own or mood.jokes(own):
        return []
    known = {facts.sense_key(text) for text in chosen}
    return [
        fact
        for fact in offered
        if facts.sense_key(fact) not in known
        and not any(facts.sense_key(fact) in facts.sense_key(text) for text in chosen)
        and not mood.passes(fact)
        and is_borne_out(fact, own)
    ]
