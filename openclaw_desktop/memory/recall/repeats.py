"""Hits that say what another hit says.

Owns which of them are left out: what became a fact is found as that fact alone. Must not know scores. Runs on a
database thread.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import apsw

from openclaw_desktop.memory.recall.hits import Hit
from openclaw_desktop.memory.recall.words import telling, words_in
from openclaw_desktop.storage.database import fetch

# A fact and both sides of the turn that it was told in may all be found, and what is said day by day.
FOUND_PER_HIT = 8


def without_repeats(connection: apsw.Connection, hits: Sequence[Hit], k: int) -> list[Hit]:
    """Return the first `k` of `hits` but for turns that a fact among them, or the turn they repeat, stands for.

    A turn in which other things were said too is found where the question is about these. Of turns in the same words
    the best is enough, however often they were said.
    """
    hits = hits[: FOUND_PER_HIT * k]
    facts = [hit for hit in hits if hit.memory.kind == "fact"]
    told: dict[str, list[Hit]] = {}
    for fact in facts:
        if fact.memory.turn_id:
            told.setdefault(fact.memory.turn_id, []).append(fact)
    texts = {_bare(fact.memory.text) for fact in facts}
    links = _links(connection, [hit.memory.rowid for hit in hits])
    repeated = {made for made, _ in links}
    # What was chosen from a turn stands for it where it is shown in its stead.
    shown = {hit.memory.rowid: hit for hit in hits[:k] if hit.memory.kind == "fact"}
    chosen: dict[int, list[Hit]] = {}
    for made, source in links:
        if made in shown:
            chosen.setdefault(source, []).append(shown[made])
    kept: list[Hit] = []
    for hit in hits:
        if len(kept) == k:
            break
        if hit.memory.kind == "turn":
            kept_with = told.get(hit.memory.turn_id or "", ())
            if (
                any(fact.stands_for(hit) for fact in kept_with)
                or _tell_all([*kept_with, *chosen.get(hit.memory.rowid, ())], hit)
                or hit.memory.rowid in repeated
                or (words := _bare(hit.memory.text)) in texts
            ):
                continue
            texts.add(words)
        kept.append(hit)
    return kept


def _links(connection: apsw.Connection, rowids: list[int]) -> list[tuple[int, int]]:
    """Return which of `rowids` were made of which others of them."""
    sql = """select s.memory_rowid, s.source_rowid from json_each(?) j
        cross join memory_sources s on s.memory_rowid = j.value"""
    among = frozenset(rowids)
    return [
        (int(made), int(source)) for made, source in fetch(connection, sql, (json.dumps(rowids),)) if source in among
    ]


def _tell_all(facts: Sequence[Hit], turn: Hit) -> bool:
    """Return whether a turn tells nothing beside the facts that came from it."""
    told = {word for fact in facts for word in words_in(fact.memory.text)}
    return bool(facts) and told.issuperset(telling(words_in(turn.memory.text)))


def _bare(text: str) -> str:
    return text.strip(" .!").casefold()
