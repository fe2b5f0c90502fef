"""A hanging agent is started anew, but not for ever."""

from __future__ import annotations

import io
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from openclaw_desktop.service.lifecycle import vitals
from openclaw_desktop.service.lifecycle.last_run import RESTARTS_MOST, LastRun
from openclaw_desktop.service.lifecycle.vitals import GAVE_UP, Vitals
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.paths import find_home, prepare
from openclaw_desktop.system.service_notify import ServiceNotifier


class Ended(Exception):
    """In the place of the process's end."""


class NoWriter:
    """A file that nobody writes."""

    def ask_writer(self, answer: Callable[[], None]) -> None:
        answer()

    def writer_worked_s(self) -> float | None:
        return None


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
    signs = Vitals(database, LastRun(home))
    signs.start(ServiceNotifier({}), watchdog_s)
    assert (signs._watcher is None) == (watchdog_s is not None)
    await signs.stop()
    await database.close()


def test_a_thread_that_hangs_with_the_log_in_its_hands_holds_up_no_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vitals, "LOG_S", 0.01)
    home = find_home(tmp_path / "home", {})
    prepare(home)
    last_run = LastRun(home)
    last_run.begin()
    handler, restarted = logging.StreamHandler(io.StringIO()), threading.Event()
    hanging = Vitals(NoWriter(), last_run, restarted.set)
    logging.getLogger().addHandler(handler)
    handler.acquire()
    try:
        watcher = threading.Thread(target=lambda: (hanging._report(), hanging._start_again()), daemon=True)
        watcher.start()
        assert restarted.wait(20)
        watcher.join()
    finally:
        handler.release()
        logging.getLogger().removeHandler(handler)
    last = LastRun(home).begin()
    assert last is not None and last.kind == "stalled" and "test_vitals.py" in last.stacks
