"""All vectors of an engine that has few, in memory, and all bits of one that has many: no list is looked for.

Owns what is kept of them and how it follows the file. Must not know lists' shapes nor words. numpy. Runs on the thread
that reads; one connection's states of the file at a time.

The codes of each list tell what changed (schema 0005): a row of `vector_codes` only becomes longer, by what came; where
anything else happened there is another row, or none. Then all is read again, once the rows stay as they are.
"""

from __future__ import annotations

import json
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
AT_ONCE, LISTS_AT_ONCE = 512, 64
# Of many bits those of so large a share are compared by what they count for.
SHARE_OF_ALL = 128


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
    """The vectors of one engine that lie in lists: all of them, or of many their bits alone and where each lies."""

    def __init__(self, engine_id: int, dimension: int, whole: bool) -> None:
        self.whole = whole
        self._engine_id = engine_id
        self._dimension = dimension
        self._rowids: NDArray[np.int64] = np.zeros(0, np.int64)
        # Each is gone through from end to end for a question.
        self._columns = [column.copy() for column in bits.columns_of_values(np.zeros((0, dimension), np.int8))]
        self._count = 0
        # Where the vectors are here too: they, their squares, and by rowid the place of each, -1 where it has none.
        self._values: NDArray[np.int8] = np.zeros((0, dimension), np.int8)
        self._squares: NDArray[np.float32] = np.zeros(0, np.float32)
        self._places: NDArray[np.int32] = np.zeros(0, np.int32)
        # Where they are not: the list of each.
        self._owners: NDArray[np.int32] = np.zeros(0, np.int32)
        self._state = FileState()
        # The engine's shape, its lists, and the ids of their codes; as the file says it, for it is compared each time.
        self._seen: tuple[int, str, str] = (-1, "", "")
        # The lists, and how long their codes were.
        self._numbers: list[int] = []
        self._lengths: list[int] = []
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
        numbers, ids, told = lists.code_lengths(connection, self._engine_id)
        if (shape, numbers, ids) != self._seen:
            # Lists are in the making, or something was erased: what is kept would be stale again in a moment.
            self._seen, self._numbers = (shape, numbers, ids), json.loads(numbers)
            self._forget()
            return False
        lengths: list[int] = json.loads(told)
        if not self._loaded:
            if len(lengths) != lists.count_lists(connection, self._engine_id):
                return False
            self._load(connection, sum(lengths))
        else:
            compared = zip(self._numbers, self._lengths, lengths, strict=True)
            grown = [(number, before) for number, before, now in compared if now > before]
            self._loaded = False  # unless all of it is taken over
            places = lists.new_places(connection, self._engine_id, grown)
            rowids, vectors = lists.read_places(connection, self._engine_id, places)
            list_of = {rowid: number for number, rowid in places}
            begin = self._append_vectors(rowids, vectors)
            if not self.whole:
                self._owners[begin : self._count] = [list_of[rowid] for rowid in rowids]
            self._loaded = True
        self._lengths = lengths
        return True

    def nearest(self, vector: Vector, k: int, among: int) -> list[tuple[int, float]]:
        """Return (rowid, cosine) of the `k` nearest, in no order, of the `among` or more whose bits differ least."""
        assert self.whole
        places = bits.least_differing(self._filled_columns(), np.frombuffer(vector, np.int8), among)
        cosines = bits.cosines(self._values[places], vector, self._squares[places])
        if k < len(cosines):
            best = np.argpartition(-cosines, k)[:k]
            places, cosines = places[best], cosines[best]
        return list(zip(self._rowids[places].tolist(), cosines.tolist(), strict=True))

    def promising(self, vector: Vector, among: int, count: int) -> list[tuple[int, int]]:
        """Return (list, rowid) of the `count` that fit best of the `among` whose bits differ least, where they lie."""
        values = np.frombuffer(vector, np.int8)
        places = bits.promising(self._filled_columns(), values, max(among, self._count // SHARE_OF_ALL), count)
        return sorted(zip(self._owners[places].tolist(), self._rowids[places].tolist(), strict=True))

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

    def _filled_columns(self) -> bits.Columns:
        return [column[: self._count] for column in self._columns]

    def _load(self, connection: apsw.Connection, code_bytes: int) -> None:
        self._forget()
        if self.whole:
            self._make_room(lists.count_listed(connection, self._engine_id))
            for rowids, vectors in lists.read_listed(connection, self._engine_id, AT_ONCE):
                self._append_vectors(rowids, vectors)
        else:
            form = bits.entry(self._dimension)
            self._make_room(code_bytes // form.itemsize)
            for start in range(0, len(self._numbers), LISTS_AT_ONCE):
                some = self._numbers[start : start + LISTS_AT_ONCE]
                for number, content in lists.read_codes(connection, self._engine_id, some):
                    entries = np.frombuffer(content, form)
                    columns = bits.columns_of(entries.view(np.uint8), self._dimension)
                    begin = self._append(entries["rowid"], columns)
                    self._owners[begin : self._count] = number
        self._loaded = True

    def _forget(self) -> None:
        self._loaded, self._count, self._places = False, 0, self._places[:0].copy()
        self._rowids, self._values = self._rowids[:0].copy(), self._values[:0].copy()
        self._squares, self._columns = self._squares[:0].copy(), [column[:0].copy() for column in self._columns]
        self._owners = self._owners[:0].copy()

    def _make_room(self, count: int) -> None:
        self._rowids = _wider(self._rowids, self._count, count)
        self._columns = [_wider(column, self._count, count) for column in self._columns]
        if self.whole:
            self._values = _wider(self._values, self._count, count)
            self._squares = _wider(self._squares, self._count, count)
        else:
            self._owners = _wider(self._owners, self._count, count)

    def _append(self, rowids: NDArray[np.int64] | list[int], columns: bits.Columns) -> int:
        """Take over what every kind has of some vectors, and return the place of the first of them."""
        begin, end = self._count, self._count + len(rowids)
        if end > len(self._rowids):
            self._make_room(end)
        self._rowids[begin:end] = rowids
        for column, new in zip(self._columns, columns, strict=True):
            column[begin:end] = new
        self._count = end
        return begin

    def _append_vectors(self, rowids: list[int], vectors: bytes) -> int:
        if not rowids:
            return self._count
        values = bits.values_of(rowids, vectors)
        begin = self._append(rowids, bits.columns_of_values(values))
        if not self.whole:
            return begin
        self._values[begin : self._count] = values
        self._squares[begin : self._count] = bits.squares_of(values)
        if (highest := max(rowids)) >= len(self._places):
            before = len(self._places)
            self._places = _wider(self._places, before, highest + 1)
            self._places[before:] = -1
        self._places[rowids] = np.arange(begin, self._count)
        return begin


def _wider(rows: NDArray[Any], filled: int, wanted: int) -> NDArray[Any]:
    made = np.zeros((int(SPARE * wanted), *rows.shape[1:]), rows.dtype)
    made[:filled] = rows[:filled]
    return made
