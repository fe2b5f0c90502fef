"""Memory: what is remembered, found again and erased, in one SQLite file.

The public face: `open_memory`, `NewMemory`, `Recollection`. Stable; see docs/architecture.md.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from openclaw_desktop.memory.records import NewMemory, Recollection
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.memory.vectors.engines import built_in, word_vectors
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.paths import find_home, model_folders

__all__ = ["MemoryStore", "NewMemory", "Recollection", "open_memory", "word_vectors"]


@asynccontextmanager
async def open_memory(path: str | Path, key: bytes | None = None) -> AsyncIterator[MemoryStore]:
    """Open or create the memory in the SQLite file at `path`; `key` is the encryption key, None for a plain file.

    Vectors come from all-MiniLM-L6-v2 where its file lies in OPENCLAW_MODELS or the user's models folder.
    """
    database = await Database.open(Path(path), key=key)
    engines = built_in(model_folders(find_home(None, os.environ), os.environ))
    memory = MemoryStore(database, engines)
    try:
        yield memory
    finally:
        await memory.vectors.close()
        await engines.close()
        await database.close()
