"""A memory file with a folder of backups; a test file that needs another kind has a fixture of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.storage.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "m.db")
    yield opened
    await opened.close()


@pytest.fixture
async def memories(database: Database, tmp_path: Path) -> MemoryStore:
    store = MemoryStore(database, None)
    (tmp_path / "backups").mkdir()
    store.erasing.backups = (tmp_path / "backups",)
    return store
