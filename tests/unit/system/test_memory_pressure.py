"""The watch over memory: by the kernel's trigger where there is one, by the clock where not; real files and loop."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import psutil
import pytest

from openclaw_desktop.system import memory_pressure
from openclaw_desktop.system.memory_pressure import PRESSURE_FILE, TRIGGER, PressureWatch, available_bytes, is_short
from openclaw_desktop.system.processor import can_raise_priority, usable_cores


def has_trigger() -> bool:
    try:
        descriptor = os.open(PRESSURE_FILE, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        os.write(descriptor, TRIGGER)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def open_files() -> int:
    return psutil.Process().num_fds()


def test_memory_is_read() -> None:
    assert 0 < available_bytes() <= psutil.virtual_memory().total
    assert isinstance(is_short(), bool)


@pytest.mark.skipif(not has_trigger(), reason="this kernel gives no pressure trigger")
async def test_the_kernel_is_waited_for_without_a_clock_and_nothing_is_left_open() -> None:
    before = open_files()
    watch = PressureWatch(lambda: None)
    for _ in range(2):
        watch.start()
        watch.start()
        assert watch.running and not watch.polls
        watch.stop()
        watch.stop()
    assert not watch.running and open_files() == before


@pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")
async def test_a_word_of_the_kernel_counts_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket with urgent data says EPOLLPRI as the trigger does."""
    import socket

    server = socket.create_server(("127.0.0.1", 0))
    sender = socket.create_connection(server.getsockname())
    receiver, _ = server.accept()
    monkeypatch.setattr(memory_pressure.os, "open", lambda *_: os.dup(receiver.fileno()))
    monkeypatch.setattr(memory_pressure.os, "write", lambda *_: 0)
    heard, short = asyncio.Event(), [False]
    looked = asyncio.Event()

    def is_it_short() -> bool:
        looked.set()
        return short[0]

    watch = PressureWatch(heard.set, is_it_short)
    watch.start()
    assert not watch.polls
    sender.send(b"!", socket.MSG_OOB)
    async with asyncio.timeout(30):
        await looked.wait()
    assert not heard.is_set(), "tasks waited, but there is memory"
    short[0] = True
    async with asyncio.timeout(30):
        await heard.wait()
    watch.stop()
    for connection in (sender, receiver, server):
        connection.close()


async def test_without_a_trigger_the_clock_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_pressure, "LOOK_S", 0.01)
    heard = asyncio.Event()
    short = iter([False, False, True])
    watch = PressureWatch(heard.set, lambda: next(short, True), tmp_path / "none")
    watch.start()
    assert watch.polls
    async with asyncio.timeout(30):
        await heard.wait()
    watch.stop()
    assert not watch.running


def test_cores_and_priority_are_read() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
    if sys.platform == "linux" and os.geteuid() == 0:
        assert can_raise_priority()
