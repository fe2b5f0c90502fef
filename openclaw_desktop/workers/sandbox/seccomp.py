"""seccomp: the few system calls that a process still has which only reads files and answers on an open pipe.

Owns the allow-list and its BPF program. Everything not named here gets EPERM. Protocol: linux/seccomp.h and
linux/filter.h. Tool worker, in the child.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import struct

from openclaw_desktop.workers.sandbox.kernel import MACHINE, NUMBERS, syscall

# Enough for a Python that has imported everything it needs. stat, lstat and fstat: a glibc before 2.33 uses them.
_PLAIN = (
    *("read", "write", "close", "lseek", "pread64", "getdents64", "fstat", "stat", "lstat", "newfstatat", "statx"),
    *("brk", "munmap", "mremap", "madvise", "futex", "getrandom", "clock_gettime", "gettimeofday", "getpid", "gettid"),
    *("rt_sigprocmask", "rt_sigreturn", "restart_syscall", "exit", "exit_group"),
)

_O_PATH, _O_TMPFILE = 0o10000000, 0o20000000
# Landlock before ABI 3 does not see truncation, so nothing opens for writing. O_PATH descriptors pass Landlock unseen.
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_EXCL | _O_PATH | _O_TMPFILE
_PROT_EXEC = 4
_F_DUPFD_CLOEXEC = 1030
# F_GETFD, F_SETFD, F_GETFL: not F_SETOWN, which sends signals, nor locks or leases.
_FCNTL = (1, 2, 3, _F_DUPFD_CLOEXEC)

# BPF_LD|W|ABS, BPF_JMP|JEQ, BPF_JMP|JSET, BPF_JMP|JGE, BPF_RET
_LOAD, _JUMP_EQUAL, _JUMP_SET, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_ARGUMENTS = 0, 4, 16
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000

_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000
_DENY = _ERRNO | errno.EPERM
# glibc takes ENOSYS as "use clone instead", whose flags a filter could see; EPERM would be a final no.
_UNKNOWN = _ERRNO | errno.ENOSYS

_SET_MODE_FILTER, _GET_ACTION_AVAILABLE = 1, 2

Instruction = tuple[int, int, int, int]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def available() -> bool:
    """Return whether this kernel takes filters that refuse calls."""
    try:
        syscall("seccomp", _GET_ACTION_AVAILABLE, 0, struct.pack("=I", _ERRNO))
    except OSError:
        return False
    return True


def restrict() -> None:
    """Give up, for good, every system call that is not on the list; raises OSError. PR_SET_NO_NEW_PRIVS must be set."""
    code = program()
    syscall("seccomp", _SET_MODE_FILTER, 0, ctypes.byref(_Program(len(code) // 8, code)))


@functools.cache
def program() -> bytes:
    """Return the filter as an array of struct sock_filter."""
    code: list[Instruction] = [
        (_LOAD, 0, 0, _OFFSET_ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, _AUDIT[MACHINE]),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _OFFSET_NUMBER),
        (_JUMP_AT_LEAST, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, _DENY),
        *_when("clone3", [(_RETURN, 0, 0, _UNKNOWN)]),
        *_when("openat2", [(_RETURN, 0, 0, _UNKNOWN)]),  # its flags lie behind a pointer, out of a filter's sight
        *_when("openat", _unless_any(2, _WRITING)),
        *_when("mmap", _unless_any(2, _PROT_EXEC)),
        *_when("mprotect", _unless_any(2, _PROT_EXEC)),
        *_when("fcntl", _only(1, _FCNTL)),
    ]
    for name in _PLAIN:
        if name in NUMBERS:
            code += _when(name, [(_RETURN, 0, 0, _ALLOW)])
    code.append((_RETURN, 0, 0, _DENY))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _when(name: str, then: list[Instruction]) -> list[Instruction]:
    return [(_JUMP_EQUAL, 0, len(then), NUMBERS[name]), *then]


def _unless_any(argument: int, bits: int) -> list[Instruction]:
    return [_load(argument), (_JUMP_SET, 0, 1, bits), (_RETURN, 0, 0, _DENY), (_RETURN, 0, 0, _ALLOW)]


def _only(argument: int, values: tuple[int, ...]) -> list[Instruction]:
    tests = [(_JUMP_EQUAL, len(values) - 1 - i, 0, value) for i, value in enumerate(values[:-1])]
    last = (_JUMP_EQUAL, 0, 1, values[-1])
    return [_load(argument), *tests, last, (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _DENY)]


def _load(argument: int) -> Instruction:
    # The lower half of a little-endian word: these arguments are ints, or flags below bit 32.
    return (_LOAD, 0, 0, _OFFSET_ARGUMENTS + 8 * argument)
