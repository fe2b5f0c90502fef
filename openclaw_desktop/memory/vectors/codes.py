"""A search through the lists that looks at one bit a dimension first, and at the vectors themselves of the best alone.

Owns the table `vector_codes` and the centroids in memory (docs/adr/0019). Must not know how lists are made. numpy: only
where there are lists. Runs on the database's threads.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import apsw
import numpy as np
from numpy.typing import NDArray

from openclaw_desktop.memory.vectors import lists
from openclaw_desktop.memory.vectors.int8 import Vector
from openclaw_desktop.storage.database import fetch

# The fewest differing bits choose this many, and of many entries a 64th; what the question's own values say about those
# bits chooses the ones whose vectors are read. Of 60,000 real vectors of 256 dimensions, 99.1 % of the true ten nearest
# are among them. Of an engine of fewer dimensions more are read: fewer bits tell less.
BY_BITS, BITS_SHARE, BY_VALUES, USUAL_DIMENSION = 1_024, 64, 192, 256
ROWID_BYTES = 8
# So many entries at once: what they take fits into memory that is at hand.
AT_ONCE, FEW = 2_048, 64


@dataclass(frozen=True, slots=True)
class _Centroids:
    """The centroids of one engine as they were at `state`: (generation, shape)."""

    state: tuple[int, int]
    numbers: NDArray[np.int64]
    generations: NDArray[np.int64]
    rows: NDArray[np.float32]
    squares: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Coded:
    """The entries of some lists, end to end, and which list each is of. Valid until the thread reads others."""

    entries: NDArray[np.uint8]
    owners: NDArray[np.int64]


class CodeSearch:
    """Searches by codes. Keeps centroids in memory, 1.5 KB a list, and room for the entries of one search a thread."""

    def __init__(self) -> None:
        self._kept: dict[int, _Centroids] = {}
        self._room = threading.local()

    def nearest(
        self, connection: apsw.Connection, vector: Vector, k: int, probes: int | None = None
    ) -> list[tuple[int, float]]:
        """Return what `lists.nearest` does, but for the little that bits do not tell."""
        if not vector:
            return []
        with lists.one_state(connection):
            if (engine := lists.engine_row(connection, vector.engine_id)) is None:
                return []
            centroids = self._centroids(connection, engine)
            numbers: list[int] = []
            for generation in np.unique(centroids.generations):
                numbers += _nearest_of(centroids, vector, int(generation), probes or engine.probes)
            coded, uncoded = self._read(connection, engine, numbers)
            found = lists.nearest_in(connection, vector, k, [lists.UNLISTED, *uncoded])
            if len(coded.owners):
                found += lists.measure(connection, vector, _promising(vector, coded, k))
        return sorted(found, key=lambda one: -one[1])[:k]

    def nearest_lists(self, connection: apsw.Connection, vector: Vector, generation: int, count: int) -> list[int]:
        """Return what `lists.nearest_lists` does."""
        engine = lists.engine_row(connection, vector.engine_id)
        return _nearest_of(self._centroids(connection, engine), vector, generation, count) if engine else []

    def _read(
        self, connection: apsw.Connection, engine: lists.EngineRow, numbers: Sequence[int]
    ) -> tuple[_Coded, list[int]]:
        """Return the codes of those of the lists that have them, and the others."""
        # Fresh memory for a megabyte costs more than all that is done with it.
        room: NDArray[np.uint8] = getattr(self._room, "entries", np.zeros(0, np.uint8))
        sql = """select j.value, c.entries from json_each(?) j
            left join vector_codes c on c.engine_id = ? and c.list = j.value"""
        filled, owners, counts, uncoded = 0, [], [], []
        size = ROWID_BYTES + engine.dimension // 8
        for number, entries in connection.execute(sql, (json.dumps(sorted(numbers)), engine.id)):
            if entries is None:
                uncoded.append(int(number))
                continue
            end = filled + len(entries)
            if end > len(room):
                room = np.concatenate([room[:filled], np.zeros(end, np.uint8)])
            room[filled:end] = np.frombuffer(entries, np.uint8)
            filled = end
            owners.append(int(number))
            counts.append(len(entries) // size)
        self._room.entries = room
        return _Coded(room[:filled], np.repeat(np.array(owners, np.int64), counts)), uncoded

    def _centroids(self, connection: apsw.Connection, engine: lists.EngineRow) -> _Centroids:
        kept = self._kept.get(engine.id)
        state = (engine.generation, engine.shape)
        if kept is None or kept.state != state:
            sql = "select list, generation, centroid from vector_lists where engine_id = ? order by generation, list"
            found = fetch(connection, sql, (engine.id,))
            rows = np.frombuffer(b"".join(row[2] for row in found), np.int8).astype(np.float32)
            rows = rows.reshape(len(found), engine.dimension)
            kept = _Centroids(
                state,
                np.array([row[0] for row in found], np.int64),
                np.array([row[1] for row in found], np.int64),
                rows,
                np.einsum("ij,ij->i", rows, rows),
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
        entries = np.zeros(len(found), _entry(values.shape[1]))
        entries["rowid"] = [rowid for rowid, _ in found]
        entries["bits"] = np.packbits(values > 0, axis=1, bitorder="little")
        connection.execute(
            "insert or replace into vector_codes (engine_id, list, entries) values (?, ?, ?)",
            (engine_id, number, entries.tobytes()),
        )


def _entry(dimension: int) -> np.dtype[np.void]:
    return np.dtype([("rowid", ">i8"), ("bits", "u1", (dimension // 8,))])


def _nearest_of(centroids: _Centroids, vector: Vector, generation: int, count: int) -> list[int]:
    these = np.flatnonzero(centroids.generations == generation)
    if not len(these):
        return []
    question = np.frombuffer(vector, np.int8).astype(np.float32)
    squares = (centroids.squares - 2 * _products(centroids.rows, question))[these]
    best = np.argpartition(squares, min(count, len(these)) - 1)[:count]
    return [int(number) for number in centroids.numbers[these[best]]]


def _promising(vector: Vector, coded: _Coded, k: int) -> list[tuple[int, int]]:
    """Return (list, rowid) of those whose bits fit the question best: enough for the `k` nearest."""
    values = np.frombuffer(vector, np.int8)
    count = max(BY_VALUES, BY_VALUES * USUAL_DIMENSION // len(values), 2 * k)
    places = np.arange(len(coded.owners))
    chosen = max(BY_BITS, len(places) // BITS_SHARE, count)
    if len(places) > chosen:
        places = np.argpartition(_differing(coded.entries, values), chosen)[:chosen]
    rows = coded.entries.view(_entry(len(vector)))[places]
    if len(rows) > count:
        best = np.argpartition(-_fits(rows["bits"], values.astype(np.float32)), count)[:count]
        places, rows = places[best], rows[best]
    return sorted(zip(coded.owners[places].tolist(), rows["rowid"].tolist(), strict=True))


def _differing(entries: NDArray[np.uint8], values: NDArray[np.int8]) -> NDArray[np.int32]:
    """Return for each entry how many of its bits differ from the question's."""
    word: type[np.uint64 | np.uint8] = np.uint64 if len(values) % 64 == 0 else np.uint8
    asked = np.frombuffer(bytes(ROWID_BYTES) + np.packbits(values > 0, bitorder="little").tobytes(), word)
    rows = entries.view(word).reshape(-1, len(asked))
    differing = np.zeros(len(rows), np.int32)
    for start in range(0, len(rows), AT_ONCE):
        # With the rowids, which do not count: to pick the bits out of the entries first costs more.
        counts = np.bitwise_count(np.bitwise_xor(rows[start : start + AT_ONCE], asked))
        for column in range(ROWID_BYTES // asked.itemsize, len(asked)):
            differing[start : start + AT_ONCE] += counts[:, column]
    return differing


def _fits(bits: NDArray[np.uint8], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum of the question's values where an entry's bits are set."""
    found = [
        _products(np.unpackbits(bits[start : start + FEW], axis=1, bitorder="little").astype(np.float32), values)
        for start in range(0, len(bits), FEW)
    ]
    return np.concatenate(found)


def _products(rows: NDArray[np.float32], row: NDArray[np.float32]) -> NDArray[np.float32]:
    # The product of BLAS waits for threads that such a small one does not need: 4 ms in place of 0.1.
    return np.asarray(np.einsum("ij,j->i", rows, row))
