"""All vectors of an engine that has few, in memory: nothing is missed, and nothing is read for a question.

Owns what is kept of them and how it follows the file. Must not know lists' shapes nor words. numpy. Runs on the thread
that reads; one connection's states of the file at a time.

The codes of each list tell what changed (schema 0005): a row of `vector_codes` only becomes longer, by what came; where
anything else happened there is another row, or none. Then all is read again, once the rows stay as they are.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import apsw
import numpy as np
from numpy.typing import NDArray

from openclaw_desktop.memory.vectors import bits, lists
from openclaw_desktop.memory.vectors.int8 import Vector

# Room for so much more than there is: what comes is put behind it.
SPARE = 1.03125
# Read so many at a time: what a search leaves behind in the heap stays there.
AT_ONCE = 512


class FileState:
    """The state of the file that a connection saw last."""

    def __init__(self) -> None:
        self._connection: weakref.ref[apsw.Connection] | None = None
        self._version = 0

    def is_same(self, connection: apsw.Connection) -> bool:
        """Return whether the file is as it was when this was asked last; within a transaction that has read."""
        version = int(connection.pragma("data_version"))
        # Of what the connection itself wrote the version tells nothing.
        same = self._connection is not None and self._connection() is connection and self._version == version
        self._connection, self._version = weakref.ref(connection), version
        return same and connection.readonly("main")


@dataclass(frozen=True, slots=True)
class Stored:
    """Vectors of one engine as they lie in the file, one a row of `values`."""

    engine_id: int
    rowids: tuple[int, ...]
    values: NDArray[np.int8]

    def cosines(self, vector: bytes) -> dict[int, float] | None:
        """Return the cosine of each with `vector`; None where another engine made it."""
        assert isinstance(vector, Vector)
        if vector.engine_id != self.engine_id:
            return None
        if not vector or not self.rowids:
            return {}
        return dict(zip(self.rowids, bits.cosines(self.values, vector).tolist(), strict=True))


class Resident:
    """The vectors of one engine that lie in lists."""

    def __init__(self, engine_id: int, dimension: int) -> None:
        self._engine_id = engine_id
        self._rowids: NDArray[np.int64] = np.zeros(0, np.int64)
        self._values: NDArray[np.int8] = np.zeros((0, dimension), np.int8)
        # Each is gone through from end to end for a question.
        self._columns = [column.copy() for column in bits.columns_of_values(self._values)]
        self._squares: NDArray[np.float32] = np.zeros(0, np.float32)
        self._count = 0
        # By rowid, the place of its vector, -1 where it has none here.
        self._places: NDArray[np.int32] = np.zeros(0, np.int32)
        self._state = FileState()
        # The engine's shape, and by list the id of its codes; by list their length.
        self._seen: tuple[int, dict[int, int]] = (-1, {})
        self._lengths: dict[int, int] = {}
        self._loaded = False
        # Whether some lie in no list yet, so that they are not here.
        self.others = True

    def follow(self, connection: apsw.Connection, shape: int) -> bool:
        """Take over what changed since the last time; False where the file is better looked into this time.

        `shape`: what the engine's row says of how often lists came or went.
        """
        if self._state.is_same(connection) and self._loaded:
            return True
        self.others = lists.any_unlisted(connection, self._engine_id)
        numbers, ids, lengths = lists.all_code_lengths(connection, self._engine_id)
        seen = (shape, dict(zip(numbers, ids, strict=True)))
        if seen != self._seen:
            # Lists are in the making, or something was erased: what is kept would be stale again in a moment.
            self._seen = seen
            self._forget()
            return False
        if not self._loaded:
            if len(numbers) != lists.count_lists(connection, self._engine_id):
                return False
            self._load(connection)
        else:
            pairs = zip(numbers, lengths, strict=True)
            grown = [(number, self._lengths[number]) for number, length in pairs if length > self._lengths[number]]
            self._loaded = False  # unless all of it is taken over
            places = lists.new_places(connection, self._engine_id, grown)
            self._append(*lists.read_places(connection, self._engine_id, places))
            self._loaded = True
        self._lengths = dict(zip(numbers, lengths, strict=True))
        return True

    def nearest(self, vector: Vector, k: int, among: int) -> list[tuple[int, float]]:
        """Return (rowid, cosine) of the `k` nearest, in no order, of the `among` or more whose bits differ least."""
        columns = [column[: self._count] for column in self._columns]
        places = bits.least_differing(columns, np.frombuffer(vector, np.int8), among)
        cosines = bits.cosines(self._values[places], vector, self._squares[places])
        if k < len(cosines):
            best = np.argpartition(-cosines, k)[:k]
            places, cosines = places[best], cosines[best]
        return list(zip(self._rowids[places].tolist(), cosines.tolist(), strict=True))

    def read(self, connection: apsw.Connection, rowids: Iterable[int]) -> Stored:
        """Return the vectors of those of `rowids` that have one with a meaning, in a list or not yet."""
        asked = np.fromiter(rowids, np.int64)
        places = np.full(len(asked), -1, np.int32)
        known = (asked >= 0) & (asked < len(self._places))
        places[known] = self._places[asked[known]]
        here: list[int] = asked[places >= 0].tolist()
        values = self._values[places[places >= 0]]
        others, vectors = lists.read_vectors(connection, self._engine_id, asked[places < 0].tolist())
        if others:
            here += others
            values = np.concatenate([values, bits.values_of(others, vectors)])
        return Stored(self._engine_id, tuple(here), values)

    def _load(self, connection: apsw.Connection) -> None:
        self._forget()
        count = lists.count_listed(connection, self._engine_id)
        self._make_room(count)
        for rowids, vectors in lists.read_listed(connection, self._engine_id, AT_ONCE):
            self._append(rowids, vectors)
        self._loaded = True

    def _forget(self) -> None:
        self._loaded, self._count, self._places = False, 0, self._places[:0].copy()
        self._rowids, self._values = self._rowids[:0].copy(), self._values[:0].copy()
        self._squares, self._columns = self._squares[:0].copy(), [column[:0].copy() for column in self._columns]

    def _make_room(self, count: int) -> None:
        self._rowids = _wider(self._rowids, self._count, count)
        self._values = _wider(self._values, self._count, count)
        self._squares = _wider(self._squares, self._count, count)
        self._columns = [_wider(column, self._count, count) for column in self._columns]

    def _append(self, rowids: list[int], vectors: bytes) -> None:
        if not rowids:
            return
        begin, end = self._count, self._count + len(rowids)
        if end > len(self._rowids):
            self._make_room(end)
        self._values[begin:end] = values = bits.values_of(rowids, vectors)
        self._squares[begin:end] = bits.squares_of(values)
        if (highest := max(rowids)) >= len(self._places):
            before = len(self._places)
            self._places = _wider(self._places, before, highest + 1)
            self._places[before:] = -1
        self._places[rowids] = np.arange(begin, end)
        self._rowids[begin:end] = rowids
        for column, new in zip(self._columns, bits.columns_of_values(values), strict=True):
            column[begin:end] = new
        self._count = end


def _wider(rows: NDArray[Any], filled: int, wanted: int) -> NDArray[Any]:
    made = np.zeros((int(SPARE * wanted), *rows.shape[1:]), rows.dtype)
    made[:filled] = rows[:filled]
    return made
