"""Who hears of a child's death: of one that ended by itself, once; of one that was ended, never."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator

import pytest

from openclaw_desktop.workers.supervisor import Death, Supervisor, deaths

TALKER = [sys.executable, "-c", "import sys; print('last words', file=sys.stderr, flush=True); sys.stdin.read(1)"]


@pytest.fixture
def heard() -> Iterator[list[Death]]:
    heard: list[Death] = []
    unlisten = deaths.listen(heard.append)
    yield heard
    unlisten()


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
