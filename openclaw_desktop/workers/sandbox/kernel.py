"""The kernel's own doors that Python has no handle for: raw system calls and `prctl` on Linux.

Owns the tables of call numbers (x86_64, aarch64; from the kernel's syscall_64.tbl and asm-generic/unistd.h) and nothing
else: what is allowed or refused is decided by its callers. Importable everywhere; calls work on Linux. Tool worker.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

# name: (x86_64, aarch64); None where the architecture has no such call.
_TABLE: dict[str, tuple[int | None, int | None]] = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "brk": (12, 214),
    "clock_gettime": (228, 113),
    "clone": (56, 220),
    "clone3": (435, 435),
    "close": (3, 57),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "fcntl": (72, 25),
    "fstat": (5, 80),
    "futex": (202, 98),
    "getdents64": (217, 61),
    "getpid": (39, 172),
    "getrandom": (318, 278),
    "gettid": (186, 178),
    "gettimeofday": (96, 169),
    "inotify_add_watch": (254, 27),
    "inotify_init1": (294, 26),
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "landlock_add_rule": (445, 445),
    "landlock_create_ruleset": (444, 444),
    "landlock_restrict_self": (446, 446),
    "lseek": (8, 62),
    "lstat": (6, None),
    "madvise": (28, 233),
    "memfd_create": (319, 279),
    "mmap": (9, 222),
    "mount": (165, 40),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "munmap": (11, 215),
    "name_to_handle_at": (303, 264),
    "newfstatat": (262, 79),
    "open_by_handle_at": (304, 265),
    "openat": (257, 56),
    "openat2": (437, 437),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pread64": (17, 67),
    "process_vm_readv": (310, 270),
    "ptrace": (101, 117),
    "read": (0, 63),
    "restart_syscall": (219, 128),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "seccomp": (317, 277),
    "stat": (4, None),
    "statx": (332, 291),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "write": (1, 64),
}
_ARCHITECTURES = {"x86_64": 0, "aarch64": 1}

if sys.platform == "win32":
    MACHINE = ""
else:
    MACHINE = os.uname().machine  # `platform` would bring regular expressions and subprocesses
# A 32-bit Python on a 64-bit kernel would use other numbers.
SUPPORTED = sys.platform == "linux" and MACHINE in _ARCHITECTURES and sys.maxsize > 2**32
NUMBERS: dict[str, int] = {}
if SUPPORTED:
    NUMBERS.update({name: n for name, row in _TABLE.items() if (n := row[_ARCHITECTURES[MACHINE]]) is not None})

_libc: Any = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
if _libc is not None:
    _libc.syscall.restype = ctypes.c_long

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
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


def prctl(option: int, value: int) -> None:
    """Set a property of this process; raises OSError."""
    if _libc is None:
        raise OSError(38, "prctl exists on Linux alone")
    zero = ctypes.c_ulong(0)
    if _libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl {option}: {os.strerror(error)}")


def _word(argument: Any) -> Any:
    # Variadic arguments must fill a whole register, or its upper half is left to chance.
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    return ctypes.c_char_p(argument) if argument is None or isinstance(argument, bytes) else argument
