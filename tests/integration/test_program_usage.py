"""What a program uses up is counted rightly: shared pages once, memory that is no file's wherever it comes from."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

if sys.platform != "linux":
    pytest.skip("/proc is Linux's", allow_module_level=True)

from openclaw_desktop.workers.programs import Program
from openclaw_desktop.workers.sandbox import bpf, landlock, usage
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail
from openclaw_desktop.workers.tool_host import ToolHost

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
MIB = 1 << 20
PAGE = os.sysconf("SC_PAGE_SIZE")


@contextmanager
def forked(count: int, act: Callable[[], None]) -> Iterator[list[int]]:
    """`count` children that have done `act` and now wait."""
    (up, up_end), (down, down_end) = os.pipe(), os.pipe()
    children = []
    for _ in range(count):
        if (pid := os.fork()) == 0:
            try:
                os.close(down_end)
                act()
                os.write(up_end, b"x")
                os.read(down, 1)
            finally:
                os._exit(0)
        children.append(pid)
    try:
        for _ in children:
            assert os.read(up, 1) == b"x"
        yield children
    finally:
        for descriptor in (up, up_end, down, down_end):
            os.close(descriptor)
        for pid in children:
            os.waitpid(pid, 0)


def touch(memory: mmap.mmap) -> None:
    for at in range(0, len(memory), PAGE):
        memory[at] = 1


@pytest.fixture
def own() -> Iterator[mmap.mmap]:
    with mmap.mmap(-1, 64 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        touch(memory)
        yield memory


def total(processes: list[int]) -> int:
    return sum(usage._sum_bytes(f"/proc/{pid}/status", usage._OWN) or 0 for pid in processes)


@pytest.mark.parametrize("swapping", [True, False])
def test_what_a_fork_shares_counts_once(own: mmap.mmap, swapping: bool) -> None:
    with forked(3, lambda: None) as children:
        counted_thrice = total(children)
        limit = counted_thrice * 2 // 3
        assert not usage.exceeds_memory(children, limit, swapping)


def test_copies_of_its_own_count_each(own: mmap.mmap) -> None:
    with forked(3, lambda: touch(own)) as children:
        assert usage.exceeds_memory(children, 150 * MIB, False)


def test_what_could_be_unshared_at_once_is_forgiven_to_a_point(own: mmap.mmap) -> None:
    with forked(3, lambda: None) as children:
        assert usage.exceeds_memory(children, total(children) // (usage.SHARED_AT_MOST + 1), False)


def test_memory_that_is_shared_without_a_file_counts() -> None:
    with mmap.mmap(-1, 64 * MIB) as memory:
        with forked(1, lambda: touch(memory)) as children:
            assert usage.exceeds_memory(children, 60 * MIB, False)
        with forked(3, lambda: touch(memory)) as children:
            assert total(children) >= 3 * 64 * MIB
            assert not usage.exceeds_memory(children, total(children) - 100 * MIB, False)


def test_one_that_can_not_be_looked_into_is_taken_at_its_full_size(
    own: mmap.mmap, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = usage._sum_bytes
    monkeypatch.setattr(usage, "_sum_bytes", lambda path, names: None if "smaps" in path else original(path, names))
    with forked(3, lambda: None) as children:
        assert usage.exceeds_memory(children, total(children) * 2 // 3, False)


def test_open_files_are_counted() -> None:
    opened = []

    def hold() -> None:
        opened.extend(os.pipe() for _ in range(50))

    with forked(2, hold) as children:
        counted = usage.descriptors(children)
        assert 200 <= counted < 1000
        listed = sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in children)  # noqa: PTH208 - as it is counted
        assert counted == listed


def test_processes_that_are_gone_use_nothing() -> None:
    with forked(1, lambda: None) as children:
        pass
    assert not usage.exceeds_memory(children, 0, True)
    assert usage.threads(children) == 0


SOCKETS = """
import os, signal, socket
for _ in range(3): os.fork()
held = [socket.socketpair() for _ in range(400)]
signal.pause()
"""
THREADS = """
import threading
stop = threading.Event()
for _ in range(10_000):
    threading.Thread(target=stop.wait, daemon=True).start()
"""


@pytest.mark.skipif(not landlock.kernel_abi() or not bpf.available(), reason="this kernel has no jail to test")
@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("import mmap\nm = mmap.mmap(-1, 3 << 30)\nfor at in range(0, 3 << 30, 4096): m[at] = 1", {"memory"}),
        (
            "import os, signal\nx = b'1' * (300 << 20)\nos.fork(); os.fork(); y = bytearray(x); signal.pause()",
            {"memory"},
        ),
        (SOCKETS, {"memory"}),
        # The kernel's own limit may say no first, and then the program itself ends.
        (THREADS, {"processes", "exit"}),
    ],
    ids=["shared-memory", "copies", "sockets", "threads"],
)
async def test_a_program_that_takes_too_much_is_ended(code: str, ended: set[str]) -> None:
    host = ToolHost()
    jail = ProgramJail(any_program=True, address_bytes=0)
    try:
        result = await host.run(Program(("/usr/bin/python3", "-c", code), jail, timeout_s=30.0))
        assert result.ended in ended
        assert result.exit_code != 0
    finally:
        await host.stop()
