"""A hanging agent is started anew, but not for ever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openclaw_desktop.service.last_run import RESTARTS_MOST, LastRun
from openclaw_desktop.service.vitals import GAVE_UP, Vitals
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.paths import find_home, prepare
from openclaw_desktop.system.service_notify import ServiceNotifier


class Ended(Exception):
    """In the place of the process's end."""


async def test_the_watcher_gives_up_where_restarts_do_not_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = find_home(tmp_path / "home", {})
    prepare(home)

    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(os, "_exit", end)
    restarts: list[int] = []
    database = await Database.open(tmp_path / "m.db")
    for _ in range(RESTARTS_MOST):
        last_run = LastRun(home)
        last_run.begin()
        Vitals(database, last_run, lambda: restarts.append(1))._start_again()
    last_run = LastRun(home)
    last_run.begin()
    with pytest.raises(Ended) as ended:
        Vitals(database, last_run, lambda: restarts.append(1))._start_again()
    await database.close()
    assert ended.value.args == (GAVE_UP,) and len(restarts) == RESTARTS_MOST


@pytest.mark.parametrize("watchdog_s", [None, 10.0])
async def test_there_is_a_watcher_only_where_systemd_does_not_watch(
    tmp_path: Path, watchdog_s: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LastRun, "catch_signals", lambda last_run: None)  # they are the test runner's
    home = find_home(tmp_path / "home", {})
    prepare(home)
    database = await Database.open(tmp_path / "m.db")
    vitals = Vitals(database, LastRun(home))
    vitals.start(ServiceNotifier({}), watchdog_s)
    assert (vitals._watcher is None) == (watchdog_s is not None)
    await vitals.stop()
    await database.close()
