"""Centroids: made from a sample of vectors, and how well a search through them finds.

Owns k-means on the sphere and the figures that decide whether lists are used. Must not know the file. numpy; in a
thread of the background, imported there alone (`upkeep`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# So many distances are held at once: 8 MB.
BLOCK = 2_048


def as_matrix(vectors: Sequence[bytes]) -> Floats:
    """Return stored vectors as rows of length 1."""
    return normalised(_whole(vectors))


def normalised(rows: Floats) -> Floats:
    """Return `rows` of length 1; a row of zeros stays."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(lengths == 0, 1, lengths)).astype(np.float32)


def as_bytes(rows: Floats) -> list[bytes]:
    """Return rows of length 1 as little-endian float32, for `int8.quantise`."""
    return [row.astype("<f4").tobytes() for row in rows]


def begin(sample: Floats, count: int, seed: int) -> Floats:
    """Return `count` rows of the sample to begin with."""
    chosen = np.random.default_rng(seed).choice(len(sample), count, replace=False)
    return sample[chosen]


def assign(rows: Floats, centroids: Floats) -> NDArray[np.intp]:
    """Return the number of the nearest centroid for each row."""
    blocks = [(rows[start : start + BLOCK] @ centroids.T).argmax(axis=1) for start in range(0, len(rows), BLOCK)]
    return np.concatenate(blocks) if blocks else np.zeros(0, np.intp)


def improve(sample: Floats, centroids: Floats) -> Floats:
    """Return the centroids after one round of k-means; one that nothing is near takes a row of the sample."""
    nearest = assign(sample, centroids)
    counts = np.bincount(nearest, minlength=len(centroids))
    occupied = np.flatnonzero(counts)
    begins = (np.cumsum(counts) - counts)[occupied]
    sums = np.zeros_like(centroids)
    sums[occupied] = np.add.reduceat(sample[nearest.argsort(kind="stable")], begins, axis=0)
    moved = np.where(counts[:, None] > 0, sums, centroids)
    empty = np.flatnonzero(counts == 0)
    moved[empty] = sample[(empty * 7_919) % len(sample)]
    return normalised(moved)


def split(rows: Floats, seed: int) -> Floats | None:
    """Return two centroids for the rows of one list; None where they can't be told apart."""
    pair = begin(rows, 2, seed)
    for _ in range(8):
        pair = improve(rows, pair)
    counts = np.bincount(assign(rows, pair), minlength=2)
    return pair if counts.min() >= len(rows) // 20 else None


def recall_of(sample: Floats, centroids: Floats, probes: int, queries: int = 100, k: int = 10) -> float:
    """Return which share of the true `k` nearest of rows of the sample a search through `probes` lists finds."""
    asked = sample[:: max(1, len(sample) // queries)][:queries]
    truth = top(asked @ sample.T, k + 1)
    lists = assign(sample, centroids)
    read = np.argpartition(-(asked @ centroids.T), min(probes, len(centroids)) - 1, axis=1)[:, :probes]
    found = [np.isin(lists[row], lists_read).mean() for row, lists_read in zip(truth, read, strict=True)]
    return float(np.mean(found))


def top(similarities: Floats, k: int) -> NDArray[np.intp]:
    """Return the places of the `k` highest of each row, in no order."""
    k = min(k, similarities.shape[1])
    return np.argpartition(-similarities, k - 1, axis=1)[:, :k]


class ExactSearch:
    """The true nearest of some questions, found while all vectors pass by a block at a time."""

    def __init__(self, asked: Sequence[bytes], k: int) -> None:
        self._asked = _whole(asked)
        self._k = k
        self._squares = np.zeros((len(asked), 0), np.float32)

    def pass_by(self, vectors: Sequence[bytes]) -> None:
        """Look at a block."""
        block = _whole(vectors)
        lengths = (self._asked**2).sum(axis=1)[:, None] + (block**2).sum(axis=1)[None, :]
        squares = np.concatenate([self._squares, lengths - 2 * (self._asked @ block.T)], axis=1)
        self._squares = np.take_along_axis(squares, top(-squares, self._k), axis=1)

    def farthest(self) -> list[float]:
        """Return the Euclidean distance of the last of the `k` nearest, for each question."""
        return [math.sqrt(max(0.0, float(square))) for square in self._squares.max(axis=1)]


def _whole(vectors: Sequence[bytes]) -> Floats:
    return np.frombuffer(b"".join(vectors), np.int8).reshape(len(vectors), -1).astype(np.float32)
