"""Filters of system calls as BPF programs: the instructions, and how a filter is put around a process.

Owns the encoding. Must not know which calls a filter lets through. Protocol: linux/seccomp.h and linux/filter.h. Tool
worker, in the child.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable

from openclaw_desktop.workers.sandbox.kernel import syscall

# BPF_LD|W|ABS, BPF_JMP|JEQ, BPF_JMP|JSET, BPF_JMP|JGE, BPF_ALU|AND, BPF_RET
LOAD, JUMP_EQUAL, JUMP_SET, JUMP_AT_LEAST, AND, RETURN = 0x20, 0x15, 0x45, 0x35, 0x54, 0x06
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_ARGUMENTS = 0, 4, 16
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000

ALLOW = 0x7FFF0000
KILL_PROCESS = 0x80000000
ERRNO = 0x00050000
DENY = ERRNO | errno.EPERM
NOT_A_TERMINAL = ERRNO | errno.ENOTTY
# glibc takes ENOSYS as "use the older call instead", whose flags a filter can see; EPERM would be a final no.
UNKNOWN = ERRNO | errno.ENOSYS

_SET_MODE_FILTER, _GET_ACTION_AVAILABLE = 1, 2

# The bits of open's flags. O_PATH descriptors pass Landlock unseen.
O_ACCMODE, O_PATH, O_TMPFILE = 3, 0o10000000, 0o20000000
_TMPFILE_BIT = 0o20000000
PROT_EXEC = 4

Instruction = tuple[int, int, int, int]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def available() -> bool:
    """Return whether this kernel takes filters that refuse calls."""
    try:
        syscall("seccomp", _GET_ACTION_AVAILABLE, 0, struct.pack("=I", ERRNO))
    except OSError:
        return False
    return True


def install(code: bytes) -> None:
    """Put `code` around this process for good; raises OSError. PR_SET_NO_NEW_PRIVS must be set."""
    syscall("seccomp", _SET_MODE_FILTER, 0, ctypes.byref(_Program(len(code) // 8, code)))


def encode(code: Iterable[Instruction]) -> bytes:
    """Return instructions as an array of struct sock_filter."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def beginning(machine: str) -> list[Instruction]:
    """Return what every filter starts with: one calling convention alone, and the call's number at hand."""
    return [
        (LOAD, 0, 0, _OFFSET_ARCHITECTURE),
        (JUMP_EQUAL, 1, 0, _AUDIT[machine]),
        answer(KILL_PROCESS),
        (LOAD, 0, 0, _OFFSET_NUMBER),
        (JUMP_AT_LEAST, 0, 1, _X32_BIT),
        answer(DENY),
    ]


def answer(action: int) -> Instruction:
    """Return the end of a filter."""
    return (RETURN, 0, 0, action)


def when(number: int, then: list[Instruction]) -> list[Instruction]:
    """Return `then`, which must end the filter, for the call `number` alone."""
    return [(JUMP_EQUAL, 0, len(then), number), *then]


def unless_any(argument: int, bits: int) -> list[Instruction]:
    """Allow the call where none of `bits` is set in its argument."""
    return [load(argument), (JUMP_SET, 0, 1, bits), answer(DENY), answer(ALLOW)]


def only(argument: int, values: tuple[int, ...], otherwise: int = DENY) -> list[Instruction]:
    """Allow the call where its argument is one of `values`."""
    tests = [(JUMP_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
    return [load(argument), *tests, answer(otherwise), answer(ALLOW)]


def opening(flags: int, mode: int, paths: bool = False) -> list[Instruction]:
    """Allow an `open` whose flags Landlock judges rightly, on old kernels too; what is written it judges by itself.

    Landlock before ABI 3 does not see truncation: it may come with writing alone, which Landlock does see. The access
    mode 3 is no reading and no writing in Landlock's eyes, and yet it truncates. Nothing is made set-user-id. `paths`:
    O_PATH may be used too.
    """
    return [
        load(flags),
        *([] if paths else [(JUMP_SET, 0, 1, O_PATH), answer(DENY)]),
        (AND, 0, 0, O_ACCMODE | os.O_TRUNC),
        (JUMP_EQUAL, 7, 0, O_ACCMODE),
        (JUMP_EQUAL, 6, 0, O_ACCMODE | os.O_TRUNC),
        (JUMP_EQUAL, 5, 0, os.O_TRUNC),
        load(flags),
        (JUMP_SET, 0, 2, os.O_CREAT | _TMPFILE_BIT),
        load(mode),
        (JUMP_SET, 1, 0, 0o6000),
        answer(ALLOW),
        answer(DENY),
    ]


def load(argument: int) -> Instruction:
    """Return the instruction that takes up an argument's lower half: these are ints, or flags below bit 32."""
    return (LOAD, 0, 0, _OFFSET_ARGUMENTS + 8 * argument)
