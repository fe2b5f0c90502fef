"""What was put right: the correction stands above what it corrects.

Owns the places of facts that took the place of others, and of the turns in which what holds no more was said. Must not
know how hits are scored. Runs on a database thread.

A turn stays as it was said, though the fact that was made of it ended. So where the ended fact answers the question,
the fact that took its place stands at least where the ended one would, and the turn below it.

Not every change is read as one. So of two facts that answer the same words and are of the same everyday matter, the
later one stands first where it says itself that something is new.
"""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterable, Mapping, Sequence

import apsw

from openclaw_desktop.memory.recall.candidates import read_candidates
from openclaw_desktop.memory.recall.hits import Hit
from openclaw_desktop.memory.recall.standing import Standing, standing_of
from openclaw_desktop.storage.database import fetch

# So much less than its correction a turn is worth at most, or than itself where nothing took the place of its fact.
OUTDATED = 1.0
ABOVE = 0.01


_CHANGED = re.compile(
    r"\b(?:now|no longer|any ?more|new|chang\w+|switched|moved|mov\w+ to|instead|replaced|swapped|these days|nowadays"
    r"|from now on|bec[ao]me|rescheduled|postponed|retrained|overturned|retired"
    r"|correct(?:ed|ion)|updated|reset|cancell?ed|the old (?:one|job|place|sport)|otherwise)\b",
    re.I,
)
# So many of the best are compared, and a newer one that is worth so much less is about something else.
COMPARED, CLOSE = 12, 4.0


def newest_first(hits: Sequence[Hit], columns: Mapping[int, tuple[Sequence[str], ...]]) -> None:
    """Put a fact that tells of a change above older ones that answer the same words and are of the same matter.

    `columns`: by rowid, the stems of the question that stand in the text of a memory, then those beside it.
    """
    best = heapq.nlargest(COMPARED, hits, key=lambda hit: hit.score)
    facts = [hit for hit in best if hit.memory.kind == "fact" and hit.memory.speaker in ("", "user") and not hit.ended]
    for newer in facts:
        if newer.memory.integrity == "untrusted" or not _CHANGED.search(newer.memory.text):
            continue
        words = _asked_words(columns, newer)
        matter = set(newer.memory.neighbours.split())
        for older in facts:
            said = _asked_words(columns, older)
            if not said or not said <= words or older.memory.pinned:
                continue
            # One word in common may be that of another matter.
            same = len(said) > 1 or matter.intersection(older.memory.neighbours.split())
            close = newer.score < older.score <= newer.score + CLOSE
            if same and close and older.memory.created_s < newer.memory.created_s:
                newer.score, newer.newer = older.score + ABOVE, True


def _asked_words(columns: Mapping[int, tuple[Sequence[str], ...]], hit: Hit) -> set[str]:
    # What was not looked for has none.
    text, beside, *_ = columns.get(hit.memory.rowid, ((), ()))
    return {*text, *beside}


def put_right(connection: apsw.Connection, hits: list[Hit], now_s: float) -> list[Hit]:
    """Return `hits` without those that are hidden, the turns behind these below what took their place."""
    gone = [hit for hit in hits if hit.hidden and hit.memory.kind != "turn"]
    shown = [hit for hit in hits if not hit.hidden]
    if not gone:
        return shown
    by_rowid = {hit.memory.rowid: hit for hit in shown}
    chains = _successors(connection, [hit.memory.rowid for hit in gone])
    linked = _linked_turns(connection, chains)
    ends = {hit.memory.rowid: _end_of(chains, hit.memory.rowid) for hit in gone}
    unread = read_candidates(connection, set(ends.values()).difference(hit.memory.rowid for hit in hits))
    holding = {memory.rowid: memory for memory in unread if standing_of(memory, now_s) is Standing.HOLDS}
    places: list[tuple[Hit, Hit | None]] = []
    for old in gone:
        end = ends[old.memory.rowid]
        if end in holding and end not in by_rowid:
            by_rowid[end] = Hit(holding[end], old.signals, part=old.part, score=old.score, corrects=True)
            shown.append(by_rowid[end])
        place = by_rowid.get(end)
        if place is not None and place.ended is not None:
            place = None
        if place is not None and old.score > place.score:
            place.score, place.corrects = old.score, True
        places.append((old, place))
    outdated: dict[int, float] = {}
    for old, place in places:
        holds = linked.get(place.memory.rowid, set()) if place else set()
        for rowid in linked.get(old.memory.rowid, set()) - holds:
            turn = by_rowid.get(rowid)
            if turn is None or turn.memory.kind != "turn" or not old.stands_for(turn):
                continue
            turn.ended = old.memory
            below = turn.score if place is None else min(turn.score, place.score)
            outdated[rowid] = min(below, outdated.get(rowid, below))
            if place is not None:
                place.corrects = True
    for rowid, below in outdated.items():
        by_rowid[rowid].score = below - OUTDATED
    return shown


def put_in_question(
    connection: apsw.Connection, hits: list[Hit], columns: Mapping[int, tuple[Sequence[str], ...]], now_s: float
) -> list[Hit]:
    """Return `hits` with each fact that stays below what was said otherwise since, which the question is about too.

    What contradicts a pinned fact stands above it. One that tells more may be asked for the rest of it: there the other
    has to answer the same words. `columns`: as in `newest_first`.
    """
    staying = {hit.memory.id: hit for hit in hits if hit.memory.kind == "fact" and not hit.ended}
    sql = """select c.value, c.memory_rowid from json_each(?) j
        cross join memory_claims c on c.subject = '' and c.slot = 'questions' and c.value = j.value"""
    if not (staying and (found := fetch(connection, sql, (json.dumps(list(staying)),)))):
        return hits
    by_rowid = {hit.memory.rowid: hit for hit in hits}
    of_pinned = {rowid: staying[id_] for id_, rowid in found if staying[id_].memory.pinned}
    unread = read_candidates(connection, set(of_pinned).difference(by_rowid))
    for memory in unread:
        old = of_pinned[memory.rowid]
        by_rowid[memory.rowid] = Hit(memory, old.signals, part=old.part, score=old.score)
    for id_, rowid in found:
        newer, old = by_rowid.get(rowid), staying[id_]
        if newer is None:
            continue  # it was erased between two reads
        said = _asked_words(columns, old)
        if not old.memory.pinned and not (said and said <= _asked_words(columns, newer)):
            continue
        if standing_of(newer.memory, now_s) is Standing.HOLDS:
            newer.score, old.questioned = max(newer.score, old.score), True
            old.score = min(old.score, newer.score - OUTDATED)
    return [*hits, *(by_rowid[memory.rowid] for memory in unread if standing_of(memory, now_s) is Standing.HOLDS)]


def _successors(connection: apsw.Connection, rowids: Sequence[int]) -> dict[int, int | None]:
    """Return what took the place of each fact, of what did so too, and so on; None where nothing did."""
    sql = """with recursive facts (rowid, successor) as (
            select m.rowid, m.superseded_by from json_each(?) j cross join memories m on m.rowid = j.value
            union select m.rowid, m.superseded_by from facts f cross join memories m on m.rowid = f.successor)
        select rowid, successor from facts"""
    return dict(fetch(connection, sql, (json.dumps(rowids),)))


def _end_of(chains: dict[int, int | None], rowid: int) -> int:
    """Return the last fact of a chain."""
    for _ in chains:
        if (successor := chains.get(rowid)) is None:
            break
        rowid = successor
    return rowid


def _linked_turns(connection: apsw.Connection, rowids: Iterable[int]) -> dict[int, set[int]]:
    """Return the turns that each fact was made of or kept in, and the answers that were made of it."""
    sql = """select j.value, s.source_rowid from json_each(?1) j
            cross join memory_sources s on s.memory_rowid = j.value
        union all select j.value, s.memory_rowid from json_each(?1) j
            cross join memory_sources s on s.source_rowid = j.value
        union all select j.value, t.rowid from json_each(?1) j cross join memories m on m.rowid = j.value
            cross join memories t on t.turn_id = m.turn_id and t.kind = 'turn'"""
    linked: dict[int, set[int]] = {}
    for fact, turn in fetch(connection, sql, (json.dumps(list(rowids)),)):
        linked.setdefault(fact, set()).add(turn)
    return linked
