"""What was put right: the correction stands above what it corrects.

Owns the places of facts that took the place of others, and of the turns in which what holds no more was said. Must not
know how hits are scored. Runs on a database thread.

A turn stays as it was said, though the fact that was made of it ended. So where the ended fact answers the question,
the fact that took its place stands at least where the ended one would, and the turn below it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import apsw

from openclaw_desktop.memory.recall.candidates import Candidate, read_candidates
from openclaw_desktop.memory.recall.hits import Hit
from openclaw_desktop.memory.recall.standing import Standing, standing_of
from openclaw_desktop.storage.database import fetch

# So much less than its correction a turn is worth at most, or than itself where nothing took the place of its fact.
OUTDATED = 1.0
# An ended fact that fits the question so much less than the turn it came from is not what the question is about.
SAME_MATTER = 0.6
# A fact may have been put right more than once.
LONGEST_CHAIN = 50


def put_right(connection: apsw.Connection, hits: list[Hit], now_s: float) -> list[Hit]:
    """Return `hits` without those that are hidden, the turns behind these below what took their place."""
    gone = [hit for hit in hits if hit.hidden and hit.memory.kind != "turn"]
    shown = [hit for hit in hits if not hit.hidden]
    if not gone:
        return shown
    by_rowid = {hit.memory.rowid: hit for hit in shown}
    said_in, made_of = _links(connection, [hit.memory.rowid for hit in gone])
    for old in gone:
        new = _successor(connection, old.memory, now_s)
        place = by_rowid.get(new.rowid) if new else None
        if new is not None and place is None:
            place = by_rowid[new.rowid] = Hit(new, old.signals, part=old.part, score=old.score, corrects=True)
            shown.append(place)
        if place is not None and old.score > place.score:
            place.score, place.corrects = old.score, True
        holds = said_in.get(place.memory.rowid, set()) if place else set()
        for rowid in (said_in.get(old.memory.rowid, set()) | made_of.get(old.memory.rowid, set())) - holds:
            turn = by_rowid.get(rowid)
            if turn is None or turn.memory.kind != "turn" or old.signals.strength < SAME_MATTER * turn.signals.strength:
                continue
            turn.ended = old.memory
            turn.score = min(turn.score, place.score if place else turn.score) - OUTDATED
            if place is not None:
                place.corrects = True
    return shown


def _successor(connection: apsw.Connection, memory: Candidate, now_s: float) -> Candidate | None:
    """Return the fact that holds in the place of one that was replaced, perhaps several times."""
    for _ in range(LONGEST_CHAIN):
        if memory.superseded_by is None:
            return memory if standing_of(memory, now_s) is Standing.HOLDS else None
        found = read_candidates(connection, [memory.superseded_by])
        if not found:
            return None
        memory = found[0]
    return None


def _links(connection: apsw.Connection, rowids: Sequence[int]) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """Return the turns that each fact was made of, those of its successors too, and the answers made of each fact."""
    said_in: dict[int, set[int]] = {}
    sql = """with recursive facts (rowid) as (select value from json_each(?) union
        select m.superseded_by from facts f join memories m on m.rowid = f.rowid where m.superseded_by is not null)
        select s.memory_rowid, s.source_rowid from facts f cross join memory_sources s on s.memory_rowid = f.rowid"""
    for fact, turn in fetch(connection, sql, (json.dumps(rowids),)):
        said_in.setdefault(fact, set()).add(turn)
    made_of: dict[int, set[int]] = {}
    sql = """select j.value, s.memory_rowid from json_each(?) j
        cross join memory_sources s on s.source_rowid = j.value"""
    for fact, answer in fetch(connection, sql, (json.dumps(rowids),)):
        made_of.setdefault(fact, set()).add(answer)
    return said_in, made_of
