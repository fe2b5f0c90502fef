"""The candidates of one search, read once each, with the words of the question that stand in them.

Owns what was read of them so far. Must not know vectors or scores. Runs on a database thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import apsw

from openclaw_desktop.memory.recall.candidates import WORD_CANDIDATES, Candidate, Found, find_by_words, read_candidates
from openclaw_desktop.memory.recall.query import CALENDAR, Query
from openclaw_desktop.memory.recall.words import stemmer

# The stems that are looked for in the text, beside it and in its date, each as often as it stands there.
Columns = tuple[Sequence[str], Sequence[str], Sequence[str]]


class Pool:
    """What words find for each part of a question, and all candidates that were read."""

    def __init__(self, found: list[Found], names_dates: bool) -> None:
        self.found = found
        self.memories: dict[int, Candidate] = {}
        self.columns: dict[int, Columns] = {}
        # How many stems there are of the whole memory, and of its text.
        self.lengths: dict[int, int] = {}
        self.text_lengths: dict[int, int] = {}
        self._names_dates = names_dates

    def add(self, connection: apsw.Connection, rowids: Iterable[int]) -> None:
        """Read those of `rowids` that were not read yet."""
        new = set(rowids).difference(self.memories)
        if not new:
            return
        stem = stemmer(connection)
        sought = {name for one in self.found for name in one.weights}
        for memory in read_candidates(connection, new):
            rowid, text, beside = memory.rowid, stem(memory.text), stem(memory.neighbours)
            dated = stem(memory.date_words) if self._names_dates else ()
            self.memories[rowid] = memory
            self.columns[rowid] = (
                [name for name in text if name in sought],
                [name for name in beside if name in sought],
                [name for name in dated if name in sought],
            )
            self.text_lengths[rowid] = len(text)
            self.lengths[rowid] = len(text) + len(beside) + memory.date_words.count(" ") + 1


def find(connection: apsw.Connection, query: Query, k: int = 0) -> Pool:
    """Return what the words of a question find, enough of it for `k` hits."""
    stem, limit = stemmer(connection), max(k, WORD_CANDIDATES)
    found = [find_by_words(connection, part.words, stem, limit) for part in query.parts]
    pool = Pool(found, any(map(_may_name_date, query.words)))
    pool.add(connection, (rowid for one in found for rowid in one.rowids))
    return pool


def _may_name_date(word: str) -> bool:
    return word.isdigit() or word in CALENDAR or word.removesuffix("s") in CALENDAR
