"""The filter itself, run by a small BPF machine, for both architectures: what it lets through is a short list."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable

import pytest

from openclaw_desktop.workers.sandbox import kernel, seccomp

ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

Judge = Callable[..., int]


@pytest.fixture(params=ARCHITECTURES)
def judge(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Judge:
    """What the filter of one architecture says to a call, by name or number."""
    column = list(ARCHITECTURES).index(request.param)
    numbers = {name: row[column] for name, row in kernel._TABLE.items() if row[column] is not None}
    monkeypatch.setattr(seccomp, "NUMBERS", numbers)
    monkeypatch.setattr(seccomp, "MACHINE", request.param)
    code = [
        struct.unpack_from("=HBBI", program, at)
        for program in [seccomp.program.__wrapped__()]
        for at in range(0, len(program), 8)
    ]

    def run(call: str | int, *arguments: int, architecture: int = ARCHITECTURES[request.param]) -> int:
        number = numbers[call] if isinstance(call, str) else call
        words = [*arguments, *[0] * (6 - len(arguments))]
        data = struct.pack("=iIQ6Q", number & 0x7FFFFFFF, architecture, 0, *words)
        at, value = 0, 0
        while True:
            kind, yes, no, k = code[at]
            at += 1
            if kind == 0x20:
                value = struct.unpack_from("=I", data, k)[0]
            elif kind == 0x06:
                return k
            else:
                true = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[kind]
                at += yes if true else no

    run.numbers = numbers  # type: ignore[attr-defined]
    return run


def test_only_the_list_passes(judge: Judge) -> None:
    passing = {number for number in range(600) if judge(number) == ALLOW}
    names = {name for name, number in judge.numbers.items() if number in passing}  # type: ignore[attr-defined]
    assert len(names) == len(passing)
    assert names == {*seccomp._PLAIN, "openat", "mmap", "mprotect"} & judge.numbers.keys()  # type: ignore[attr-defined]


def test_reading_opens_and_writing_does_not(judge: Judge) -> None:
    harmless = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_DIRECTORY
    assert judge("openat", 0, 0, harmless) == ALLOW
    for flag in (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC, os.O_APPEND, 0o10000000, 0o20000000):
        assert judge("openat", 0, 0, harmless | flag) == EPERM


def test_no_memory_becomes_code(judge: Judge) -> None:
    for call in ("mmap", "mprotect"):
        assert judge(call, 0, 4096, 3) == ALLOW
        assert judge(call, 0, 4096, 5) == EPERM


def test_descriptors_are_only_looked_at_and_copied(judge: Judge) -> None:
    allowed = {command for command in range(1100) if judge("fcntl", 3, command) == ALLOW}
    assert allowed == {1, 2, 3, 1030}


def test_calls_whose_flags_are_out_of_sight_do_not_exist(judge: Judge) -> None:
    assert judge("clone3") == ENOSYS
    assert judge("openat2") == ENOSYS


@pytest.mark.parametrize(
    "call", ["clone", "ptrace", "bpf", "io_uring_setup", "keyctl", "unshare", "mount", "memfd_create"]
)
def test_dangerous_calls_are_refused(judge: Judge, call: str) -> None:
    assert judge(call) == EPERM


def test_other_conventions_get_nothing(judge: Judge) -> None:
    assert judge("read", architecture=0x40000003) == KILL  # 32-bit x86
    assert judge(0x40000000) == EPERM  # x32's read
    assert judge(0x7FFFFFFF) == EPERM
