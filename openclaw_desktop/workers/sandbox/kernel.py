"""The kernel's own doors that Python has no handle for: raw system calls and `prctl` on Linux.

Owns how a call is made and nothing else: what is allowed or refused is decided by its callers. Importable everywhere;
calls work on Linux. Tool worker.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

from openclaw_desktop.workers.sandbox.call_numbers import NEWER, TABLE

_ARCHITECTURES = {"x86_64": 0, "aarch64": 1}

if sys.platform == "win32":
    MACHINE = ""
else:
    MACHINE = os.uname().machine  # `platform` would bring regular expressions and subprocesses
# A 32-bit Python on a 64-bit kernel would use other numbers.
SUPPORTED = sys.platform == "linux" and MACHINE in _ARCHITECTURES and sys.maxsize > 2**32
NUMBERS: dict[str, int] = {}
if SUPPORTED:
    NUMBERS.update(NEWER)
    NUMBERS.update({name: n for name, row in TABLE.items() if (n := row[_ARCHITECTURES[MACHINE]]) is not None})

_libc: Any = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
if _libc is not None:
    _libc.syscall.restype = ctypes.c_long

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38


def syscall(name: str, *arguments: Any) -> int:
    """Make the system call `name` and return its result; raises OSError with the kernel's errno.

    Arguments are ints, bytes (read by the kernel only), None or ctypes pointers.
    """
    if name not in NUMBERS:
        raise OSError(38, f"no system call {name} known on this platform")  # ENOSYS
    result = _libc.syscall(ctypes.c_long(NUMBERS[name]), *[_word(argument) for argument in arguments])
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return int(result)


def prctl(option: int, value: int) -> int:
    """Set or ask for a property of this process and return what the kernel says; raises OSError."""
    if _libc is None:
        raise OSError(38, "prctl exists on Linux alone")
    zero = ctypes.c_ulong(0)
    result = _libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl {option}: {os.strerror(error)}")
    return int(result)


def name_process(name: str) -> None:
    """Name this process for `ps`: 15 bytes at most, the rest is cut. Nothing where the platform has no such name."""
    if _libc is not None:
        _libc.prctl(ctypes.c_int(_PR_SET_NAME), ctypes.c_char_p(name.encode()), *[ctypes.c_ulong(0)] * 3)


def _word(argument: Any) -> Any:
    # Variadic arguments must fill a whole register, or its upper half is left to chance.
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    return ctypes.c_char_p(argument) if argument is None or isinstance(argument, bytes) else argument
