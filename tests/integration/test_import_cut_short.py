"""An import that a kill cuts short is taken back at the next start, or kept as a part; the list of runs says so."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.memory import history
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.memory.transfer import importing
from openclaw_desktop.runtime import attach_or_start
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.paths import Home, find_home, prepare

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
# The agent as it imports, ended by kill -9 after two of five notes were kept.
KILLED = """
import asyncio, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from openclaw_desktop.memory.transfer import importing
from openclaw_desktop.storage.database import Database

read, looks = importing.read, []

def killed(path, kind, left=None):
    looks.append(path)
    for number, entry in enumerate(read(path, kind)):
        if len(looks) == 2 and number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        yield entry

async def main():
    database = await Database.open(Path(sys.argv[1]))
    importing._BATCH, importing.read = 1, killed
    await importing.run(database, Path(sys.argv[2]), "openclaw", True, datetime(2026, 11, 24, 12, tzinfo=UTC))

asyncio.run(main())
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = find_home(tmp_path / "home", {})
    prepare(found)
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "MEMORY.md").write_text("".join(f"- note number {n}\n" for n in range(5)), encoding="utf-8")
    command = [sys.executable, "-c", KILLED, str(found.database), str(notes)]
    killed = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    return found


async def test_it_is_taken_back_at_the_next_start_and_can_be_done_again(home: Home, tmp_path: Path) -> None:
    database = await Database.open(home.database)
    assert await database.rows("select count(*) from memories") == [(2,)]
    await database.close()

    agent = await attach_or_start(home, None, "test")
    try:
        assert (await agent.service.memory_stats()).total == 0
        (run,) = await agent.service.memory_runs()
        assert run.undone_at and run.note == "import of notes (cut short and taken back by itself: import it again)"
        assert (await agent.service.import_memories(str(tmp_path / "notes"), mine=True)).added == 5
    finally:
        await agent.stop()
    agent = await attach_or_start(home, None, "test")
    try:
        assert (await agent.service.memory_stats()).total == 5, "what was done stays"
        assert len(await agent.service.memory_runs()) == 2
    finally:
        await agent.stop()


async def test_one_that_goes_on_is_not_taken_back(home: Home) -> None:
    agent = await attach_or_start(home, None, "test")
    try:
        database = await Database.open(home.database)
        await database.write(lambda c: history.begin_run(c, "import", NOW, "another"))
        await database.close()
        for wanted in (None, 2):
            with pytest.raises(UserError, match="Run 2 can't be taken back: it is still importing"):
                await agent.service.undo_memory_run(wanted)
    finally:
        await agent.stop()


async def test_what_something_was_made_of_stays_and_the_run_says_that_it_is_a_part(home: Home, tmp_path: Path) -> None:
    database = await Database.open(home.database)
    ((source,),) = await database.rows("select id from memories order by rowid limit 1")
    fact = await MemoryStore(database, None).remember(NewMemory("a fact", derived_from=(source,)))

    def consolidate(connection: object) -> None:
        run = history.begin_run(connection, "consolidation", NOW)  # type: ignore[arg-type]
        history.note_change(connection, run, fact, "added", None, {})  # type: ignore[arg-type]
        history.finish_run(connection, run, NOW)  # type: ignore[arg-type]

    await database.write(consolidate)
    await importing.end_cut_short(database, NOW)
    texts = [text for (text,) in await database.rows("select text from memories order by rowid")]
    assert texts == ["note number 0", "note number 1", "a fact"]
    (_, run) = await history.list_runs(database)
    assert run.finished_at and not run.undone_at and "only a part of it is here" in run.note
    assert (await importing.run(database, tmp_path / "notes", "auto", True, NOW)).new == 3
    await database.close()
