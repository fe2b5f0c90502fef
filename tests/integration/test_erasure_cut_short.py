"""An erasure that a kill cuts short is finished at the next start: nothing of it is left in any file."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.runtime import attach_or_start
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.paths import Home, find_home, prepare

CANARY = "zanzibar-canary"
# The agent as it forgets, ended by kill -9: right after the commit, or when only the last clean-up is missing.
KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.storage.database import Database

path, moment, states = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])

async def die():
    (states / "0123-chat-late.seq").write_bytes(b"written meanwhile: " + sys.argv[4].encode())
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    database = await Database.open(path)
    memories = MemoryStore(database, None)
    kept = await memories.remember(NewMemory(sys.argv[4]))
    calls = 0

    async def erase_derived():
        nonlocal calls
        calls += 1
        if calls == 2:
            await die()

    memories.erasing.when_erased(erase_derived)
    if moment == "committed":
        database.erase_traces = die
    await memories.forget([kept])

asyncio.run(main())
"""


def traces(home: Home) -> list[Path]:
    files = (file for folder in home.folders for file in folder.rglob("*") if file.is_file())
    return sorted({file for file in files if CANARY.encode() in file.read_bytes()})


def marks(path: Path) -> int:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return len(connection.execute("select * from erasures").fetchall())
    finally:
        connection.close()


@pytest.mark.parametrize("moment", ["committed", "log cut"])
async def test_it_is_finished_at_the_next_start(tmp_path: Path, moment: str) -> None:
    home = find_home(tmp_path / "home", {})
    prepare(home)
    states = home.data / "states"
    states.mkdir(parents=True)
    (states / "0123-stable-own.seq").write_bytes(b"the program's own words")
    command = [sys.executable, "-c", KILLED, str(home.database), moment, str(states), CANARY]
    killed = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert traces(home), "it was cut short"

    agent = await attach_or_start(home, None, "test")
    try:
        assert traces(home) == []
        assert (await agent.service.recall(CANARY)).hits == ()
        assert [file.name for file in states.iterdir()] == ["0123-stable-own.seq"]
    finally:
        await agent.stop()
    assert marks(home.database) == 0


async def test_a_whole_erasure_leaves_no_mark_and_costs_the_next_start_nothing(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "m.db")
    memories = MemoryStore(database, None)
    erased: list[str] = []

    async def erase_derived() -> None:
        erased.append("once more")

    memories.erasing.when_erased(erase_derived)
    await memories.erasing.finish()
    assert not erased
    assert await memories.forget([await memories.remember(NewMemory(CANARY))]) == 1
    before = len(erased)
    await memories.erasing.finish()
    assert len(erased) == before
    await database.close()
    assert marks(tmp_path / "m.db") == 0
