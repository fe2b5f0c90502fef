"""Memory: what is remembered, found again and erased, in one SQLite file.

The public face: `open_memory`, `NewMemory`, `Recollection`. Stable; see docs/architecture.md. What it names is loaded
when it is used: a verb that only shows what a running agent remembers needs the plain values of `records` alone.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openclaw_desktop.memory.records import NewMemory, Recollection

if TYPE_CHECKING:
    from openclaw_desktop.memory.store import MemoryStore
    from openclaw_desktop.memory.vectors.engines import word_vectors

__all__ = ["MemoryStore", "NewMemory", "Recollection", "open_memory", "word_vectors"]

_PLACES = {
    "MemoryStore": "openclaw_desktop.memory.store",
    "word_vectors": "openclaw_desktop.memory.vectors.engines",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(name)
    return getattr(importlib.import_module(_PLACES[name]), name)


@asynccontextmanager
async def open_memory(path: str | Path, key: bytes | None = None) -> AsyncIterator[MemoryStore]:
    """Open or create the memory in the SQLite file at `path`; `key` is the encryption key, None for a plain file.

    Vectors come from all-MiniLM-L6-v2 where its file lies in OPENCLAW_MODELS or the user's models folder.
    """
    from openclaw_desktop.memory.store import MemoryStore
    from openclaw_desktop.memory.vectors.engines import built_in
    from openclaw_desktop.storage.database import Database
    from openclaw_desktop.system.paths import find_home, model_folders

    database = await Database.open(Path(path), key=key)
    engines = built_in(model_folders(find_home(None, os.environ), os.environ))
    memory = MemoryStore(database, engines)
    try:
        yield memory
    finally:
        await memory.vectors.close()
        await engines.close()
        await database.close()
