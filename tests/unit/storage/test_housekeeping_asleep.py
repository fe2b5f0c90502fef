"""A machine that sleeps for hours: what was missed is done once, within an hour of its waking."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from openclaw_desktop.storage import housekeeping as housekeeping_module
from openclaw_desktop.storage.backup import BackupPlan
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.housekeeping import LONGEST_SLEEP_S, Housekeeping


async def nothing() -> None:
    pass


async def test_what_came_due_in_the_sleep_is_done_once_and_within_an_hour_of_waking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = await Database.open(tmp_path / "a.db")
    keeper = Housekeeping(database, BackupPlan(tmp_path / "b"), lambda: False, nothing)
    pauses: list[float] = []
    done: list[str] = []
    awake = asyncio.Event()

    class Clock(datetime):
        ahead = timedelta()

        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + cls.ahead  # type: ignore[arg-type]

    async def sleep(pause_s: float) -> None:
        """The loop's clock stands still while the machine sleeps: the wall's has gone on for nine hours."""
        pauses.append(pause_s)
        if len(pauses) == 2:
            awake.set()
            await asyncio.Event().wait()
        Clock.ahead += timedelta(hours=9)

    async def do(job: str) -> None:
        done.append(job)

    monkeypatch.setattr(housekeeping_module, "datetime", Clock)
    monkeypatch.setattr(housekeeping_module.schedule.datetime, "datetime", Clock)
    monkeypatch.setattr(housekeeping_module.asyncio, "sleep", sleep)
    monkeypatch.setattr(keeper, "do", do)
    running = asyncio.ensure_future(keeper.run())
    async with asyncio.timeout(30):
        await awake.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert sorted(done) == ["backup", "checkpoint", "tidy", "upkeep"], "each once, though hours were missed"
    assert max(pauses) <= LONGEST_SLEEP_S and pauses[1] > LONGEST_SLEEP_S / 2, "and the next in its own time"
    await database.close()
