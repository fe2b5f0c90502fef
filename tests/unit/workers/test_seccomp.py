"""The filter itself, run by a small BPF machine, for both architectures: what it lets through is a short list."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable

import pytest

from openclaw_desktop.workers.sandbox import call_numbers, program_filter, seccomp

ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

Judge = Callable[..., int]


@pytest.fixture(params=ARCHITECTURES)
def numbers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The calls of one architecture, which both filters are then made for."""
    column = list(ARCHITECTURES).index(request.param)
    found = {name: number for name, row in call_numbers.TABLE.items() if (number := row[column]) is not None}
    for module in (seccomp, program_filter):
        monkeypatch.setattr(module, "NUMBERS", found)
        monkeypatch.setattr(module, "MACHINE", request.param)
    return found


def judged_by(program: bytes, numbers: dict[str, int], machine: str) -> Judge:
    """What a filter says to a call, by name or number."""
    code = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]

    def run(call: str | int, *arguments: int, architecture: int = ARCHITECTURES[machine]) -> int:
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
            elif kind == 0x54:
                value &= k
            else:
                true = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[kind]
                at += yes if true else no

    run.numbers = numbers  # type: ignore[attr-defined]
    return run


@pytest.fixture
def judge(numbers: dict[str, int]) -> Judge:
    return judged_by(seccomp.program.__wrapped__(), numbers, seccomp.MACHINE)


@pytest.fixture
def writer(numbers: dict[str, int]) -> Judge:
    return judged_by(seccomp.program.__wrapped__(write=True), numbers, seccomp.MACHINE)


@pytest.fixture
def programs(numbers: dict[str, int]) -> Callable[..., Judge]:
    def make(network: str = "none", alone: bool = False, signals: bool = False, abi: int = 2) -> Judge:
        code = program_filter.program(network, alone, signals, abi, 7)  # type: ignore[arg-type]
        return judged_by(code, numbers, program_filter.MACHINE)

    return make


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


# --- where something may be written


def test_a_writer_opens_what_landlock_can_judge(writer: Judge) -> None:
    for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_TRUNC, os.O_RDWR | os.O_APPEND):
        assert writer("openat", 0, 0, flags, 0o600) == ALLOW
    for flags in (os.O_TRUNC, 3, 3 | os.O_TRUNC, 0o10000000):
        assert writer("openat", 0, 0, flags, 0o600) == EPERM
    assert writer("openat", 0, 0, os.O_WRONLY | os.O_CREAT, 0o4755) == EPERM
    assert writer("openat", 0, 0, os.O_WRONLY, 0o4755) == ALLOW  # the mode is left over from something else


def test_a_writer_makes_no_links_and_changes_no_modes(writer: Judge) -> None:
    for call in ("truncate", "fchmod", "fchmodat", "fchownat", "utimensat", "mknodat", "fsetxattr", "clone", "socket"):
        assert writer(call) == EPERM
    for call in ("ftruncate", "fsync", "renameat", "unlinkat", "mkdirat"):
        assert writer(call) == ALLOW


# --- whole programs


def test_a_program_can_live(programs: Callable[..., Judge]) -> None:
    judge = programs()
    for call in ("read", "write", "mmap", "execve", "futex", "brk", "prctl", "exit_group", "memfd_create"):
        assert judge(call) == (EPERM if call == "memfd_create" else ALLOW)
    assert judge("clone", 17) == ALLOW
    assert judge("clone", 0x3D0F00) == ALLOW  # a thread


@pytest.mark.parametrize("alone", [True, False])
def test_what_reaches_out_is_refused(programs: Callable[..., Judge], alone: bool) -> None:
    judge = programs("full", alone=alone, signals=True, abi=7)
    for name in program_filter._REFUSED:
        if name in judge.numbers:  # type: ignore[attr-defined]
            assert judge(name) == EPERM, name
    for flag in (0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert judge("clone", flag | 17) == EPERM
    assert judge("clone3") == judge("openat2") == ENOSYS
    assert judge(451) == judge(600) == ENOSYS
    assert judge("read", architecture=0x40000003) == KILL


def test_nothing_is_typed_into_a_terminal(programs: Callable[..., Judge]) -> None:
    judge = programs()
    for request in (0x5412, 0x541C, 0x40086602, 0x40049409, 0x5416):  # TIOCSTI, TIOCLINUX, flags, clone, size
        assert judge("ioctl", 0, request) == 0x50000 | errno.ENOTTY
    assert judge("ioctl", 0, 0x5401) == ALLOW
    for command in (8, 15, 10, 1024, 1026):  # owner, signal, lease, notify
        assert judge("fcntl", 3, command) == EPERM


def test_truncation_by_path_needs_a_landlock_that_sees_it(programs: Callable[..., Judge]) -> None:
    assert programs(abi=2)("truncate") == EPERM
    assert programs(abi=3)("truncate") == ALLOW
    assert programs(abi=7)("openat", 0, 0, os.O_TRUNC) == EPERM


def test_modes_change_where_the_rest_is_read_only(programs: Callable[..., Judge]) -> None:
    assert programs(alone=False)("fchmod", 3, 0o600) == EPERM
    assert programs(alone=True)("fchmod", 3, 0o600) == ALLOW
    assert programs(alone=True)("fchmod", 3, 0o4755) == EPERM
    assert programs(alone=False)("utimensat") == EPERM
    assert programs(alone=False)("setsid") == programs(alone=False)("setpgid") == EPERM
    assert programs(alone=True)("setsid") == ALLOW


def test_signals_stay_inside(programs: Callable[..., Judge]) -> None:
    judge = programs(signals=False)
    assert judge("kill", 0) == ALLOW
    assert judge("kill", 1234) == judge("kill", 2**32 - 1) == EPERM
    assert judge("tgkill", 7) == ALLOW
    assert judge("tgkill", 8) == judge("tkill", 7) == judge("pidfd_send_signal", 3) == EPERM
    assert programs(signals=True)("kill", 1234) == ALLOW


def test_only_the_own_limits_are_set(programs: Callable[..., Judge]) -> None:
    judge = programs()
    for call in ("prlimit64", "sched_setscheduler", "sched_setaffinity"):
        assert judge(call, 0) == ALLOW
        assert judge(call, 1234) == EPERM
    assert judge("setpriority", 0, 0) == ALLOW
    assert judge("setpriority", 0, 1234) == EPERM
    for all_of in (1, 2):  # a group, a user: who is 0 for one's own
        assert judge("setpriority", all_of, 0) == EPERM


def test_attributes_are_read_where_only_what_was_granted_is_there(programs: Callable[..., Judge]) -> None:
    for call in ("getxattr", "lgetxattr", "listxattr", "llistxattr"):
        assert programs(alone=False)(call) == 0x50000 | errno.ENOTSUP
        assert programs(alone=True)(call) == ALLOW
    assert programs(alone=True)("setxattr") == EPERM


def test_a_filter_that_is_kept_is_the_one_that_is_made() -> None:
    program_filter.ready.cache_clear()
    kept = program_filter.ready("none", False, 7)
    assert kept == program_filter.program("none", False, True, 7, 4711)
    assert kept != program_filter.program("none", False, False, 7, 4711)
    assert program_filter.ready("none", False, 7) is kept


UNIX, INET, INET6, NETLINK, PACKET, VSOCK = 1, 2, 10, 16, 17, 40


def test_no_network_is_no_socket(programs: Callable[..., Judge]) -> None:
    judge = programs("none")
    for family in (UNIX, INET, INET6, NETLINK, PACKET, VSOCK):
        assert judge("socket", family, 1) == EPERM
    assert judge("connect") == judge("bind") == EPERM
    assert judge("socketpair", UNIX, 1 | 0o2000000) == ALLOW
    assert judge("socketpair", UNIX, 2) == judge("socketpair", INET, 1) == EPERM


def test_the_proxy_is_reached_by_tcp_alone(programs: Callable[..., Judge]) -> None:
    judge = programs("proxy")
    assert judge("socket", INET, 1) == judge("socket", INET6, 1 | 0o4000, 6) == ALLOW
    for family, kind, protocol in ((INET, 2, 0), (INET, 3, 1), (INET, 1, 262), (UNIX, 1, 0), (NETLINK, 3, 0)):
        assert judge("socket", family, kind, protocol) == EPERM
    assert judge("bind") == EPERM
    assert judge("connect") == ALLOW


def test_full_access_is_still_no_access_to_this_machine_s_services(programs: Callable[..., Judge]) -> None:
    judge = programs("full")
    assert judge("socket", INET, 2) == judge("socket", INET6, 1) == ALLOW
    for family in (UNIX, NETLINK, PACKET, VSOCK):
        assert judge("socket", family, 1) == EPERM
    assert judge("socket", INET, 3) == EPERM
