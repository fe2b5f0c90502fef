"""A search through the lists that looks at one bit a dimension first, and at the vectors themselves of the best alone.

Owns the table `vector_codes`, and what is kept of it and of the centroids in memory (docs/adr/0019); of few vectors,
all are kept (`resident`). Must not know how lists are made. numpy: only where there are lists. Runs on the database's
threads.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import apsw
import numpy as np
from numpy.typing import NDArray

from openclaw_desktop.memory.vectors import bits, lists
from openclaw_desktop.memory.vectors.int8 import Vector
from openclaw_desktop.memory.vectors.resident import Resident, Stored
from openclaw_desktop.storage.database import fetch

# The fewest differing bits choose this many, and of many entries a 64th; what the question's own values say about those
# bits chooses the ones whose vectors are read. Of 60,000 real vectors of 256 dimensions, 99.1 % of the true ten nearest
# are among them. Of an engine of fewer dimensions more are read, of one of more fewer: its bits tell more.
BY_BITS, BITS_SHARE, BY_VALUES, USUAL_DIMENSION = 1_024, 64, 256, 256
# Of so many vectors a search reads twice the lists that `Shaping` found enough for the ten nearest, and twice the bits
# and vectors: the sixty nearest, which a recall weighs, lie farther apart there.
MANY, WIDER = 400_000, 2
# Where all vectors are at hand the bits choose so many, and so many for each that is wanted: of 1,451 real turns 128
# hold 99.7 % of the true ten nearest, 96.7 % of the true forty.
BY_BITS_AT_HAND, BY_BITS_EACH = 512, 12
# Where a vector's list is looked for among thousands, the bits of their centroids choose so many.
LISTS_BY_BITS, LISTS_EACH = 256, 8
# All codes are kept in memory while they take no more than this: 1.2 million vectors of 384 dimensions. Of more, those
# of the nearest lists are read each time.
MOST_KEPT_BYTES = 64 << 20
# An engine's vectors are all kept in memory while they take no more than this: 21,000 of 384 dimensions.
MOST_RESIDENT_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class _Centroids:
    """The centroids of one engine as they were at `state`: (generation, shape)."""

    state: tuple[int, int]
    numbers: NDArray[np.int64]
    generations: NDArray[np.int64]
    rows: NDArray[np.int8]
    squares: NDArray[np.float32]
    columns: bits.Columns


@dataclass(frozen=True, slots=True)
class _Coded:
    """The entries of some lists, end to end, and which list each is of."""

    entries: NDArray[np.uint8]
    owners: NDArray[np.int64]


class CodeSearch:
    """Searches by codes. Keeps centroids in memory, and all codes or vectors while they are not too many."""

    def __init__(self) -> None:
        self._kept: dict[int, _Centroids] = {}
        self._resident: dict[int, Resident] = {}

    def give_back(self) -> None:
        """Let go of what is kept; the next search reads it again."""
        self._kept, self._resident = {}, {}

    def nearest(
        self, connection: apsw.Connection, vector: Vector, k: int, probes: int | None = None
    ) -> list[tuple[int, float]]:
        """Return what `lists.nearest` does, but for the little that bits do not tell."""
        if not vector:
            return []
        with lists.one_state(connection):
            if (engine := lists.engine_row(connection, vector.engine_id)) is None:
                return []
            wider = WIDER if engine.trained_rows >= MANY else 1
            if probes is None and (resident := self._at_hand(connection, engine)) is not None:
                unlisted = [lists.UNLISTED] if resident.others else []
                if resident.whole:
                    found = resident.nearest(vector, k, max(BY_BITS_AT_HAND, BY_BITS_EACH * k))
                    places = []
                else:
                    found, places = [], resident.promising(vector, BY_BITS, _to_read(vector, k, wider))
            else:
                centroids = self._centroids(connection, engine)
                numbers: list[int] = []
                for generation in np.unique(centroids.generations):
                    numbers += _nearest_of(centroids, vector, int(generation), probes or wider * engine.probes)
                coded, uncoded = _read(connection, engine, numbers)
                found, unlisted = [], [lists.UNLISTED, *uncoded]
                places = _promising(vector, coded, _to_read(vector, k, wider), wider) if len(coded.owners) else []
            if unlisted:
                found += lists.nearest_in(connection, vector, k, unlisted)
            if places:
                rowids, vectors = lists.read_places(connection, engine.id, places)
                cosines = bits.cosines(bits.values_of(rowids, vectors), vector).tolist()
                found += zip(rowids, cosines, strict=True)
        return sorted(found, key=lambda one: -one[1])[:k]

    def nearest_lists(self, connection: apsw.Connection, vector: Vector, generation: int, count: int) -> list[int]:
        """Return what `lists.nearest_lists` does."""
        engine = lists.engine_row(connection, vector.engine_id)
        return _nearest_of(self._centroids(connection, engine), vector, generation, count) if engine else []

    def read(self, connection: apsw.Connection, engine_id: int, rowids: Iterable[int]) -> Stored:
        """Return the vectors of those of `rowids` that have one with a meaning."""
        with lists.one_state(connection):
            engine = lists.engine_row(connection, engine_id)
            resident = self._at_hand(connection, engine) if engine else None
            if resident is not None and resident.whole:
                return resident.read(connection, rowids)
            found, vectors = lists.read_vectors(connection, engine_id, rowids)
            return Stored(engine_id, tuple(found), bits.values_of(found, vectors))

    def _at_hand(self, connection: apsw.Connection, engine: lists.EngineRow) -> Resident | None:
        """Return what is in memory of an engine, as the one who reads sees it; None: look into the file."""
        if not connection.readonly("main"):
            return None
        count = lists.highest_rowid(connection)
        whole = count * engine.dimension <= MOST_RESIDENT_BYTES
        fits = whole or count * bits.entry(engine.dimension).itemsize <= MOST_KEPT_BYTES
        if not engine.generation or not fits:
            self._resident.pop(engine.id, None)
            return None
        resident = self._resident.get(engine.id)
        if resident is None or resident.whole != whole:
            self._resident[engine.id] = resident = Resident(engine.id, engine.dimension, whole)
        return resident if resident.follow(connection, engine.shape) else None

    def _centroids(self, connection: apsw.Connection, engine: lists.EngineRow) -> _Centroids:
        kept = self._kept.get(engine.id)
        state = (engine.generation, engine.shape)
        if kept is None or kept.state != state:
            sql = "select list, generation, centroid from vector_lists where engine_id = ? order by generation, list"
            found = fetch(connection, sql, (engine.id,))
            rows = np.frombuffer(b"".join(row[2] for row in found), np.int8).reshape(len(found), engine.dimension)
            kept = _Centroids(
                state,
                np.array([row[0] for row in found], np.int64),
                np.array([row[1] for row in found], np.int64),
                rows,
                bits.squares_of(rows),
                [column.copy() for column in bits.columns_of_values(rows)],
            )
            self._kept[engine.id] = kept
        return kept


def find_uncoded(connection: apsw.Connection, engine_id: int, limit: int) -> list[int]:
    """Return lists that have no codes; none where the engine's dimension fills no whole bytes."""
    sql = """select l.list from vector_lists l where l.engine_id = ?1
        and (select dimension from vector_engines where id = ?1) % 8 = 0
        and not exists (select 1 from vector_codes c where c.engine_id = ?1 and c.list = l.list) limit ?2"""
    return [int(row[0]) for row in fetch(connection, sql, (engine_id, limit))]


def code_lists(connection: apsw.Connection, engine_id: int, numbers: Sequence[int]) -> None:
    """Make the codes of lists anew, from what they hold now."""
    for number in numbers:
        found = lists.read_list(connection, engine_id, number, -1)
        values = np.frombuffer(b"".join(vector for _, vector in found), np.int8).reshape(len(found), -1 if found else 8)
        entries = np.zeros(len(found), bits.entry(values.shape[1]))
        entries["rowid"] = [rowid for rowid, _ in found]
        entries["bits"] = np.packbits(values > 0, axis=1, bitorder="little")
        # An id that no row had before: what was read of another row of this list is known to be of another.
        connection.execute(
            "insert or replace into vector_codes (id, engine_id, list, entries) values (?, ?, ?, ?)",
            (secrets.randbits(62), engine_id, number, entries.tobytes()),
        )


def _nearest_of(centroids: _Centroids, vector: Vector, generation: int, count: int) -> list[int]:
    these = np.flatnonzero(centroids.generations == generation)
    if not len(these):
        return []
    question = np.frombuffer(vector, np.int8)
    if (among := max(LISTS_BY_BITS, LISTS_EACH * count)) < len(these):
        these = these[bits.least_differing([column[these] for column in centroids.columns], question, among)]
    farther = bits.farther(centroids.rows[these], question.astype(np.float32), centroids.squares[these])
    best = np.argpartition(farther, min(count, len(these)) - 1)[:count]
    return [int(number) for number in centroids.numbers[these[best]]]


def _read(connection: apsw.Connection, engine: lists.EngineRow, numbers: Sequence[int]) -> tuple[_Coded, list[int]]:
    """Return the codes of those of the lists that have them, and the others."""
    found = dict(lists.read_codes(connection, engine.id, sorted(numbers)))
    sizes = np.array([len(entries) for entries in found.values()], np.int64)
    owners = np.repeat(np.array(list(found), np.int64), sizes // bits.entry(engine.dimension).itemsize)
    entries = np.frombuffer(b"".join(found.values()), np.uint8)
    return _Coded(entries, owners), [number for number in numbers if number not in found]


def _to_read(vector: Vector, k: int, wider: int) -> int:
    """Return how many vectors are read for the `k` nearest."""
    return wider * max(BY_VALUES * USUAL_DIMENSION // len(vector), 2 * k)


def _promising(vector: Vector, coded: _Coded, count: int, wider: int) -> list[tuple[int, int]]:
    """Return (list, rowid) of the `count` whose bits fit the question best."""
    chosen = max(BY_BITS, wider * len(coded.owners) // BITS_SHARE, count)
    columns = bits.columns_of(coded.entries, len(vector))
    places = bits.promising(columns, np.frombuffer(vector, np.int8), chosen, count)
    rowids = coded.entries.view(bits.entry(len(vector)))["rowid"][places]
    return sorted(zip(coded.owners[places].tolist(), rowids.tolist(), strict=True))
