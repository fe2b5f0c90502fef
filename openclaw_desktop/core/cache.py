"""A small cache that forgets what was not asked for longest, and counts how often it helped.

Owns the order and the counts, and the cache of vectors made of texts. Must not know what is cached. One thread.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """How often something was there (`hits`) and how often it was not (`misses`)."""

    hits: int
    misses: int


class Cache(Generic[K, V]):
    """Up to `limit` values by key; a full cache drops the one that was not used for longest."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError("a cache holds at least one value")
        self._limit = limit
        self._values: OrderedDict[K, V] = OrderedDict()
        self._hits = self._misses = 0

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        """Return the value of `key` and count the look; None where there is none."""
        if key not in self._values:
            self._misses += 1
            return None
        self._hits += 1
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: K, value: V) -> None:
        """Keep `value`."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._limit:
            self._values.popitem(last=False)

    def clear(self) -> None:
        """Forget every value; the counts go on."""
        self._values.clear()

    def counts(self) -> CacheCounts:
        """Return hits and misses since the start."""
        return CacheCounts(self._hits, self._misses)


class VectorCache(Cache[bytes, bytes]):
    """The vectors of single texts: those are questions, which come again; a batch is a catching up, which does not.

    A text is known by its hash: none that was erased is kept here.
    """

    async def embed(self, texts: Sequence[str], make: Callable[[Sequence[str]], Awaitable[list[bytes]]]) -> list[bytes]:
        """Return the vectors of `texts`, made by `make` unless it is a single text that is known."""
        if len(texts) != 1:
            return await make(texts)
        key = hashlib.sha256(texts[0].encode("utf-8", "surrogatepass")).digest()
        if (known := self.get(key)) is not None:
            return [known]
        vectors = await make(texts)
        self.put(key, vectors[0])
        return vectors
