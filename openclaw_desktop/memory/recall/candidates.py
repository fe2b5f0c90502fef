"""The memories that may answer a question, found in the file.

Owns the SQL of a search: memories by their words within a budget of postings, by their date, and the columns that are
scored. Must not know vectors or weights. Runs on a database thread.

A word that a million memories hold would cost half a second to follow, and tells next to nothing. So the rarest words
of a question choose the candidates, as long as they stand in no more than POSTINGS_BUDGET places together; the commoner
ones only weigh what was chosen. A word that was said counts for more than one that was only said beside it.
"""

from __future__ import annotations

import array
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import apsw

from openclaw_desktop.memory.recall.words import Stem
from openclaw_desktop.storage.database import fetch

POSTINGS_BUDGET = 60_000
# So many candidates for each hit that is wanted, no fewer and no more than these.
WORDS_PER_HIT, FEWEST_BY_WORDS, WORD_CANDIDATES = 8, 80, 160
DATE_CANDIDATES = 60
# What a word that stands beside a text counts for, against one in it.
BESIDE = 0.4
_BESIDE_TEXT = "speaker neighbours date_words"
# Where every word is common, so many of the newest memories that hold the rarest are looked at.
NEWEST_COMMON = 1_000

_COLUMNS = """m.rowid, m.id, m.kind, m.speaker, m.session_id, m.created_s, m.valid_from, m.valid_to, m.expires_at,
    m.superseded_by, (select s.created_s from memories s where s.rowid = m.superseded_by), m.importance, m.pinned,
    m.text, m.neighbours, m.date_words, m.turn_id, m.integrity"""


class Candidate(NamedTuple):
    """What is looked at of a memory to score it. A tuple, for there are hundreds in each search."""

    rowid: int
    id: str
    kind: str
    speaker: str
    session_id: str | None
    created_s: int
    valid_from: str | None
    valid_to: str | None
    expires_at: str | None
    superseded_by: int | None
    superseded_s: int | None
    importance: float
    pinned: int
    text: str
    neighbours: str
    date_words: str
    turn_id: str | None
    integrity: str = "user"


@dataclass(frozen=True, slots=True)
class Found:
    """What the words of a question find: rowids, and how much each stem tells (its inverse document frequency)."""

    rowids: tuple[int, ...]
    weights: dict[str, float]


def wanted_by_words(k: int) -> int:
    """Return how many memories the words of a question choose for `k` hits."""
    return max(k, min(max(WORDS_PER_HIT * k, FEWEST_BY_WORDS), WORD_CANDIDATES))


def known_speakers(connection: apsw.Connection, names: Sequence[str]) -> frozenset[str]:
    """Return those of `names`, lower case, that are the whole or the first name of somebody who speaks."""
    sql = """select j.value from json_each(?) j where exists (select 1 from speakers where name = j.value)
        or exists (select 1 from speakers where name > j.value || ' ' and name < j.value || '!')"""
    return frozenset(name for (name,) in fetch(connection, sql, (json.dumps(names),)))


def find_by_words(connection: apsw.Connection, words: Sequence[str], stem: Stem, limit: int = WORD_CANDIDATES) -> Found:
    """Return the `limit` memories that hold most of `words`, the rarer the better."""
    stems = {stems[0]: word for word in words if (stems := stem(word))}
    total = max_rowid(connection)
    counts = _common_counts(connection, stems)
    left = POSTINGS_BUDGET
    sums: dict[int, float] = {}
    weights: dict[str, float] = {}
    # What the common words that are still to come may add to a memory.
    ahead = sum(rarity(count, total) for count in counts.values())
    rare = " OR ".join(f'"{word}"' for name, word in stems.items() if name not in counts)
    # In most questions no rare word stands beside anything: one look in place of one a word.
    beside = bool(rare) and bool(_holders(connection, f"{{{_BESIDE_TEXT}}} : ({rare})", 1))
    for name in sorted(stems, key=lambda name: counts.get(name, 0)):
        word, count = f'"{stems[name]}"', counts.get(name, 0)
        if count >= limit and len(sums) >= limit and sorted(sums.values())[-limit] > ahead:
            # What holds none of the rarer ones comes among the first no more.
            weights[name] = weight = rarity(count, total)
            ahead -= weight
            if count <= left:
                left -= count
                for rowid in _holders_among(connection, f"{{text}} : {word}", sums) if len(sums) > limit else ():
                    sums[rowid] += weight
            continue
        said = _holders(connection, f"{{text}} : {word}", left + 1) if count <= left else []
        # Where enough have said it, those beside them are no candidates for that.
        near: set[int] = set()
        if len(said) < limit and count <= left:
            near = {*said, *_turns_beside(connection, said)}
            if beside or name in counts:
                near.update(_holders(connection, f"{{{_BESIDE_TEXT}}} : {word}", left + 1))
        ahead -= rarity(count, total) if name in counts else 0.0
        count = max(len(said), len(near), count)
        weights[name] = weight = rarity(count, total)
        if count > left:
            continue
        left -= max(len(said), len(near))
        for rowid in said:
            sums[rowid] = sums.get(rowid, 0.0) + weight
        for rowid in near.difference(said):
            sums[rowid] = sums.get(rowid, 0.0) + BESIDE * weight
    if not sums and stems:
        rarest = sorted(stems, key=lambda name: counts.get(name, 0))[:2]
        sums = dict.fromkeys(_newest(connection, [stems[name] for name in rarest]), 1.0)
    return Found(_best(sums, limit), weights)


def _best(sums: dict[int, float], limit: int) -> tuple[int, ...]:
    """Return the `limit` rowids with the highest sums, the highest first, of equal ones the newest."""
    return tuple(sorted(sorted(sums, reverse=True), key=sums.__getitem__, reverse=True)[:limit])


def find_by_date(connection: apsw.Connection, start_s: int | None, end_s: int | None) -> list[int]:
    """Return memories said from `start_s` (inclusive) to `end_s` (exclusive), the newest first."""
    sql = "select rowid from memories where created_s >= ? and created_s < ? order by created_s desc limit ?"
    ends = (-(2**62) if start_s is None else start_s, 2**62 if end_s is None else end_s)
    return [rowid for (rowid,) in fetch(connection, sql, (*ends, DATE_CANDIDATES))]


def read_candidates(connection: apsw.Connection, rowids: Iterable[int]) -> list[Candidate]:
    """Return what is scored of the memories at `rowids`, in the order of their rowids."""
    sql = f"select {_COLUMNS} from json_each(?) j cross join memories m on m.rowid = j.value"
    return [Candidate._make(row) for row in connection.execute(sql, (json.dumps(sorted(rowids)),))]


def max_rowid(connection: apsw.Connection) -> int:
    """Return about how many memories there are: to count them would read them all."""
    found = fetch(connection, "select max(rowid) from memories")
    return int(found[0][0] or 0)


def rarity(documents: int, total: int) -> float:
    """Return how much a word tells that `documents` of `total` memories hold; never quite 0."""
    return max(math.log((total - documents + 0.5) / (documents + 0.5)), 0.01) if total > documents else 0.01


def _common_counts(connection: apsw.Connection, stems: Iterable[str]) -> dict[str, int]:
    sql = "select term, documents from term_counts where term in (select value from json_each(?))"
    return {str(term): int(count) for term, count in fetch(connection, sql, (json.dumps(list(stems)),))}


# What many rows hold comes in one: between two rows another thread may take the interpreter, for milliseconds.
def _holders(connection: apsw.Connection, expression: str, limit: int) -> list[int]:
    sql = "select json_group_array(rowid) from (select rowid from memories_fts where memories_fts match ? limit ?)"
    return list(json.loads(fetch(connection, sql, (expression, limit))[0][0]))


def _holders_among(connection: apsw.Connection, expression: str, rowids: Iterable[int]) -> list[int]:
    sql = """select json_group_array(rowid) from
        (select rowid from memories_fts where memories_fts match ? and +rowid in (select value from carray(?)))"""
    among = apsw.carray(array.array("q", rowids))
    return list(json.loads(fetch(connection, sql, (expression, among))[0][0]))


def _turns_beside(connection: apsw.Connection, rowids: Sequence[int]) -> set[int]:
    """Return the turns just before and after each of `rowids` in its session: the index has no words of neighbours."""
    if not rowids:
        return set()
    ((found,),) = fetch(connection, _BESIDE, (json.dumps(rowids),))
    return {rowid for both in json.loads(found) for rowid in both if rowid is not None}


def _newest(connection: apsw.Connection, words: Sequence[str]) -> list[int]:
    sql = "select rowid from memories_fts where memories_fts match ? order by rowid desc limit ?"
    both = " AND ".join(f'"{word}"' for word in words)
    found = [rowid for (rowid,) in connection.execute(sql, (both, NEWEST_COMMON))]
    return found or [rowid for (rowid,) in connection.execute(sql, (f'"{words[0]}"', NEWEST_COMMON))]


# Most stand in the very next row: to read that one costs less than to look into the index of the session.
_TURN = "select p.rowid from memories p where p.session_id = m.session_id and p.kind = 'turn' and p.rowid"
_SIDES = ", ".join(
    f"coalesce(({_TURN} = m.rowid {step} 1), ({_TURN} {side} limit 1))"
    for step, side in (("-", "< m.rowid order by p.rowid desc"), ("+", "> m.rowid order by p.rowid"))
)
_BESIDE = f"""select json_group_array(json_array({_SIDES}))
    from json_each(?) j cross join memories m on m.rowid = j.value
    where m.kind = 'turn' and m.session_id is not null"""
