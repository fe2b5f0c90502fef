"""Embedding engines: what they are, and when one is in memory.

Owns the thread that an engine runs on; the engine is loaded on first use and dropped when idle. Must not know what is
embedded. The loop only awaits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from openclaw_desktop.core.cache import VectorCache

VECTORS_KEPT = 256


class Engine(Protocol):
    """A loaded engine."""

    def encode(self, texts: Sequence[str]) -> list[bytes]:
        """Return one normalised little-endian float32 vector for each text."""
        ...


@dataclass(frozen=True, slots=True)
class EngineName:
    """What a stored vector was made by; vectors of different names are never compared."""

    engine: str
    version: str
    dimension: int


WORDLLAMA = EngineName("wordllama", "l2_supercat_256", 256)


class Embedder:
    """`core.protocols.Embed` over an engine that comes and goes."""

    def __init__(self, name: EngineName, load: Callable[[], Engine], idle_s: float) -> None:
        self.engine, self.version, self.dimension = name.engine, name.version, name.dimension
        self._load = load
        self._idle_s = idle_s
        self._engine: Engine | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._drop_timer: asyncio.TimerHandle | None = None
        self._running = 0
        self.leaves_machine = False
        self.cache = VectorCache(VECTORS_KEPT)

    @property
    def loaded(self) -> bool:
        """True while the engine is in memory."""
        return self._thread is not None

    async def __call__(self, texts: Sequence[str]) -> list[bytes]:
        """Embed `texts`, loading the engine first where it is not there; a single text that is known needs none."""
        return await self.cache.embed(texts, self._embed)

    async def _embed(self, texts: Sequence[str]) -> list[bytes]:
        loop = asyncio.get_running_loop()
        if self._drop_timer is not None:
            self._drop_timer.cancel()
            self._drop_timer = None
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "embedding")
        self._running += 1
        try:
            return await loop.run_in_executor(self._thread, self._encode, tuple(texts))
        finally:
            self._running -= 1
            if self._running == 0 and self._thread is not None:
                self._drop_timer = loop.call_later(self._idle_s, self.close)

    def _encode(self, texts: tuple[str, ...]) -> list[bytes]:
        if self._engine is None:
            self._engine = self._load()
        return self._engine.encode(texts)

    async def give_back(self) -> None:
        """Drop the engine unless it is at work."""
        if not self._running:
            self.close()

    def close(self) -> None:
        """Drop the engine and its thread; the next call loads it again."""
        if self._drop_timer is not None:
            self._drop_timer.cancel()
            self._drop_timer = None
        self._engine = None
        if self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None
