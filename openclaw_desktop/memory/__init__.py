"""Memory: what is remembered, found again and erased, in one SQLite file.

The public face: `open_memory`, `NewMemory`, `Recollection`. Stable; see docs/architecture.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from openclaw_desktop.memory.records import NewMemory, Recollection
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.memory.vectors.embedder import WORDLLAMA, Embedder, Engine
from openclaw_desktop.storage.database import Database

__all__ = ["MemoryStore", "NewMemory", "Recollection", "open_memory", "word_vectors"]

ENGINE_IDLE_S = 600.0


def word_vectors(idle_s: float = ENGINE_IDLE_S) -> Embedder:
    """Return the WordLlama engine, loaded on first use and dropped after `idle_s` without use."""
    return Embedder(WORDLLAMA, _load_word_vectors, idle_s)


def _load_word_vectors() -> Engine:
    # Imported here because numpy, tokenizers and the table cost 55 MB that an idle agent must not hold.
    from openclaw_desktop.memory.vectors.wordllama import WordLlama

    return WordLlama.load()


@asynccontextmanager
async def open_memory(path: str | Path, key: bytes | None = None) -> AsyncIterator[MemoryStore]:
    """Open or create the memory in the SQLite file at `path`; `key` is the encryption key, None for a plain file."""
    database = await Database.open(Path(path), key=key)
    engine = word_vectors()
    try:
        yield MemoryStore(database, engine)
    finally:
        engine.close()
        await database.close()
