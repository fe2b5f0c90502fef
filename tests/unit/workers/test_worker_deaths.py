"""Who hears of a child's death: of one that ended by itself, once; of one that was ended, never."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator

import psutil
import pytest

from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.workers.supervisor import GOOD_RUN_S, Death, Supervisor, deaths

TALKER = [sys.executable, "-c", "import sys; print('last words', file=sys.stderr, flush=True); sys.stdin.read(1)"]


@pytest.fixture
def heard() -> Iterator[list[Death]]:
    heard: list[Death] = []
    unlisten = deaths.listen(heard.append)
    yield heard
    unlisten()


def group(pid: int) -> list[psutil.Process]:
    """Return who lives in the process group of that leader."""
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) == pid and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members


async def test_a_child_that_a_signal_ends_is_told_of_with_its_last_words(heard: list[Death]) -> None:
    supervisor = Supervisor("test", command=TALKER)
    child = await supervisor.acquire()
    while "last words" not in child.stderr_tail:
        await asyncio.sleep(0)
    os.kill(child.pid, signal.SIGKILL)
    await child.ended()
    while not heard:
        await asyncio.sleep(0)
    assert heard == [Death("test", -9, "last words\n", 1)]
    await supervisor.acquire()
    await supervisor.stop()
    assert len(heard) == 1


async def test_a_child_that_was_ended_is_not_told_of(heard: list[Death]) -> None:
    supervisor = Supervisor("test", command=["cat"])
    await (await supervisor.acquire()).kill()
    await supervisor.acquire()
    await supervisor.stop()
    assert heard == []


async def test_a_death_that_was_found_before_it_was_heard_of_is_told_all_the_same(heard: list[Death]) -> None:
    # What it started holds its stderr, so that its end is not complete when somebody needs it again.
    supervisor = Supervisor("test", command=["sh", "-c", "sleep 600 & read word"])
    child = await supervisor.acquire()
    os.kill(child.pid, signal.SIGKILL)
    async with asyncio.timeout(20):
        while child.running:
            await asyncio.sleep(0)
        again = asyncio.ensure_future(supervisor.acquire())
        while supervisor._process is not None:
            await asyncio.sleep(0)
        while not heard:
            await asyncio.sleep(0)
        await again
        await supervisor.stop()
    assert heard == [Death("test", -9, "", 1)]
    assert group(child.pid) == [], "what it had started ended with it"


async def test_what_a_child_started_and_let_go_of_keeps_nobody_from_ending_it(heard: list[Death]) -> None:
    holder = """
import json, subprocess, sys
pid = subprocess.Popen(["sleep", "600"], stdin=-3, stdout=-3, start_new_session=True).pid
print(json.dumps({"pid": pid}), flush=True)
if sys.stdin.readline():
    sys.exit(3)
"""
    for ask in ("stop", "die"):
        supervisor = Supervisor("test", command=[sys.executable, "-c", holder])
        child = await supervisor.acquire()
        held_by = (await child.receive())["pid"]
        async with asyncio.timeout(20):
            if ask == "die":
                await child.send({})
                while not heard:
                    await asyncio.sleep(0)
            await supervisor.stop()
        assert not child.running
        os.kill(held_by, signal.SIGKILL)  # it lived, and had the child's stderr
    assert heard == [Death("test", 3, "", 1)]


async def test_a_child_that_ran_well_begins_a_new_row(heard: list[Death]) -> None:
    class LateClock(SystemClock):
        passed_s = 0.0

        def monotonic_s(self) -> float:
            return super().monotonic_s() + self.passed_s

    clock = LateClock()
    supervisor = Supervisor("test", command=["cat"], clock=clock)
    async with asyncio.timeout(20):
        for count in (1, 2):
            child = await supervisor.acquire()
            clock.passed_s += GOOD_RUN_S
            os.kill(child.pid, signal.SIGKILL)
            while len(heard) < count:
                await asyncio.sleep(0)
        await supervisor.stop()
    assert [death.in_a_row for death in heard] == [1, 1]
