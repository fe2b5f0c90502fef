"""The candidates of one search, read once each, with the words of the question that stand in them.

Owns what was read of them so far. Must not know what a vector is, nor how hits are scored. Runs on a database thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import apsw

from openclaw_desktop.memory.recall.candidates import (
    Candidate,
    Found,
    find_by_words,
    read_candidates,
    wanted_by_words,
)
from openclaw_desktop.memory.recall.hits import Hit
from openclaw_desktop.memory.recall.query import CALENDAR, Query
from openclaw_desktop.memory.recall.told import facts_holding
from openclaw_desktop.memory.recall.words import seeker, stemmer

# The stems that are looked for in the text, beside it and in its date, each as often as it stands there.
Columns = tuple[Sequence[str], Sequence[str], Sequence[str]]
NO_COLUMNS: Columns = (), (), ()


class Vectors(Protocol):
    """The vectors of some memories, which a question's is compared with."""

    def cosines(self, vector: bytes) -> Mapping[int, float] | None:
        """Return the cosine of each, by rowid; None where `vector` is another engine's."""


class Pool:
    """What words find for each part of a question that wants `k` hits, and all candidates that were read."""

    def __init__(self, k: int, found: list[Found], names_dates: bool) -> None:
        self.k = k
        self.found = found
        # The stems that are looked for: of the question's words, but for the names of who speaks.
        self.sought = frozenset(name for one in found for name in one.weights)
        self.memories: dict[int, Candidate] = {}
        # What was begun to be scored of them (see `signals`).
        self.hits: dict[int, Hit] = {}
        self.columns: dict[int, Columns] = {}
        # How many words there are of the whole memory, and of its text.
        self.lengths: dict[int, int] = {}
        self.text_lengths: dict[int, int] = {}
        self._names_dates = names_dates
        # The other names in the question, as the index has them.
        self.subjects: tuple[str, ...] = ()
        # Whether every memory of late has its vector; those of the candidates that words found, once they were read.
        self.vectors_complete = False
        self.vectors: Vectors | None = None
        self._compared: tuple[int, ...] = ()

    def keep_vectors(self, vectors: Vectors | None) -> None:
        """Keep the vectors of all candidates there are so far; None: they were not read."""
        self.vectors, self._compared = vectors, tuple(self.memories)

    def known_cosines(self, vector: bytes) -> dict[int, float | None]:
        """Return the cosines of the candidates whose vectors were kept, None for those that have no vector."""
        known = self.vectors.cosines(vector) if self.vectors is not None else None
        return {} if known is None else {rowid: known.get(rowid) for rowid in self._compared}

    def add(self, connection: apsw.Connection, rowids: Iterable[int]) -> None:
        """Read those of `rowids` that were not read yet."""
        new = set(rowids).difference(self.memories)
        if not new:
            return
        seek = seeker(connection, self.sought)
        for memory in read_candidates(connection, new):
            rowid = memory.rowid
            (text, length), (beside, words_beside) = seek(memory.text), seek(memory.neighbours)
            dated = seek(memory.date_words)[0] if self._names_dates else ()
            self.memories[rowid], self.columns[rowid] = memory, (text, beside, dated)
            self.text_lengths[rowid] = length
            # The words that a fact is asked by make it no longer.
            length_beside = words_beside if memory.kind == "turn" else 0
            self.lengths[rowid] = length + length_beside + memory.date_words.count(" ") + 1


def find(connection: apsw.Connection, query: Query, k: int) -> Pool:
    """Return what the words of a question find, enough of it for `k` hits."""
    stem, limit = stemmer(connection), wanted_by_words(k)
    found = [find_by_words(connection, part.words, stem, limit) for part in query.parts]
    pool = Pool(k, found, any(map(_may_name_date, query.words)))
    pool.subjects = tuple(stems[0] for name in query.subjects if (stems := stem(name)))
    told: set[int] = set()
    for part, one in zip(query.parts, found, strict=True):
        words = {word: one.weights[stems[0]] for word in part.words if (stems := stem(word))}
        told.update(facts_holding(connection, words))
    pool.add(connection, told.union(*(one.rowids for one in found)))
    return pool


def _may_name_date(word: str) -> bool:
    return word.isdigit() or word in CALENDAR or word.removesuffix("s") in CALENDAR
