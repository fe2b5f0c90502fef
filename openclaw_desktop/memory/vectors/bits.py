"""Vectors as bytes and bits, and how many of them are compared at once.

Owns the form of an entry of codes (rowid, one bit a dimension) and the sums over many of them. Pure; numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openclaw_desktop.memory.vectors.int8 import Vector, scale_of

# The bits of all entries, by place in the vector: of one dimension or more each.
Columns = Sequence[NDArray[Any]]

ROWID_BYTES = 8
# So many entries at once: what they take fits into memory that is at hand.
MANY, SOME, FEW = 32_768, 128, 64
# About so many tell by how many bits the last one that is wanted differs.
TELLING = 65_536


def values_of(rowids: Sequence[int], vectors: bytes) -> NDArray[np.int8]:
    """Return vectors that lie end to end, one a row."""
    return np.frombuffer(vectors, np.int8).reshape(len(rowids), -1 if rowids else 1)


def cosines(rows: NDArray[np.int8], vector: Vector, squares: NDArray[np.float32] | None = None) -> NDArray[np.float64]:
    """Return what `int8.cosine_of` does of each row's distance; whole numbers of this size are exact in float32.

    `squares`: those of `rows`, where they are known.
    """
    asked = np.frombuffer(vector, np.int8).astype(np.float32)
    found = farther(rows, asked, squares) + np.einsum("i,i", asked, asked)
    return np.asarray(1.0 - (np.sqrt(found).astype(np.float64) / scale_of(len(asked))) ** 2 / 2.0)


def farther(
    rows: NDArray[np.int8], asked: NDArray[np.float32], squares: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Return the square of each row's distance from `asked`, less that of the length of `asked`."""
    found = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), SOME):
        values = rows[start : start + SOME].astype(np.float32)
        own = np.einsum("ij,ij->i", values, values) if squares is None else squares[start : start + SOME]
        found[start : start + SOME] = own - 2 * products(values, asked)
    return found


def squares_of(rows: NDArray[np.int8]) -> NDArray[np.float32]:
    """Return the square of each row's length."""
    values = rows.astype(np.float32)
    return np.asarray(np.einsum("ij,ij->i", values, values))


def entry(dimension: int) -> np.dtype[np.void]:
    """Return the form of an entry."""
    return np.dtype([("rowid", ">i8"), ("bits", "u1", (dimension // 8,))])


def columns_of(entries: NDArray[np.uint8], dimension: int) -> Columns:
    """Return the bits of entries that lie end to end, as many of each at once as the processor takes."""
    rows = entries.view(np.uint8).reshape(-1, ROWID_BYTES + dimension // 8)
    return list(rows[:, ROWID_BYTES:].view(_word_of(dimension)).T)


def columns_of_values(rows: NDArray[np.int8]) -> Columns:
    """Return the bits of vectors in the same form."""
    packed = np.packbits(rows > 0, axis=1, bitorder="little")
    return list(packed.view(_word_of(rows.shape[1])).T)


def least_differing(columns: Columns, values: NDArray[np.int8], count: int) -> NDArray[np.int64]:
    """Return the places of about `count` entries whose bits differ least from the question's, all up to one number."""
    found = differing(columns, values)
    if count >= len(found):
        return np.arange(len(found))
    # To find how many bits the last one differs by takes a third of the time that finding the places does. Of very many
    # a part of them tells it nearly as well.
    step = max(1, len(found) // TELLING)
    return np.flatnonzero(found <= np.partition(found[::step], count // step)[count // step])


def differing(columns: Columns, values: NDArray[np.int8]) -> NDArray[np.uint16]:
    """Return for each entry how many of its bits differ from the question's."""
    counted, asked = np.zeros(len(columns[0]), np.uint16), columns_of_values(values[None])
    for start in range(0, len(counted), MANY):
        some = counted[start : start + MANY]
        for column, word in zip(columns, asked, strict=True):
            some += np.bitwise_count(column[start : start + MANY] ^ word)
    return counted


def promising(columns: Columns, values: NDArray[np.int8], chosen: int, count: int) -> NDArray[np.int64]:
    """Return the places of the `count` entries that fit best of the `chosen` whose bits differ least, in no order."""
    places = least_differing(columns, values, chosen)
    if len(places) <= count:
        return places
    rows = np.stack([column[places] for column in columns], axis=1).view(np.uint8)
    return places[np.argpartition(-fits(rows, values.astype(np.float32)), count)[:count]]


def _word_of(dimension: int) -> type[np.uint64 | np.uint8]:
    return np.uint64 if dimension % 64 == 0 else np.uint8


def fits(bits: NDArray[np.uint8], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum of the question's values where an entry's bits are set."""
    found = [
        products(np.unpackbits(bits[start : start + FEW], axis=1, bitorder="little").astype(np.float32), values)
        for start in range(0, len(bits), FEW)
    ]
    return np.concatenate(found)


def products(rows: NDArray[np.float32], row: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the product of each of `rows` with `row`."""
    # The product of BLAS waits for threads that such a small one does not need: 4 ms in place of 0.1.
    return np.asarray(np.einsum("ij,j->i", rows, row))
