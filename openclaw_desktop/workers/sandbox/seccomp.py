"""seccomp for a function: the few system calls that a process still has which reads and writes files and answers.

Owns the allow-list. Everything not named here gets EPERM. Tool worker, in the child.
"""

from __future__ import annotations

import functools
import os

from openclaw_desktop.workers.sandbox import bpf
from openclaw_desktop.workers.sandbox.bpf import (
    ALLOW,
    DENY,
    UNKNOWN,
    answer,
    available,
    install,
    only,
    unless_any,
    when,
)
from openclaw_desktop.workers.sandbox.kernel import MACHINE, NUMBERS

__all__ = ["available", "program", "restrict"]

# Enough for a Python that has imported everything it needs. stat, lstat and fstat: a glibc before 2.33 uses them.
_PLAIN = (
    *("read", "write", "close", "lseek", "pread64", "getdents64", "fstat", "stat", "lstat", "newfstatat", "statx"),
    *("brk", "munmap", "mremap", "madvise", "futex", "getrandom", "clock_gettime", "gettimeofday", "getpid", "gettid"),
    *("rt_sigprocmask", "rt_sigreturn", "restart_syscall", "exit", "exit_group"),
)
# Where something may be written. What these touch Landlock judges by the folder; `truncate` by path it sees from ABI 3
# on alone, and no call that changes modes, owners, times or attributes it sees at all: they are not here.
_WRITING = (
    *("pwrite64", "ftruncate", "fsync", "fdatasync", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat"),
    *("rename", "renameat", "renameat2"),
)

_WRITING_FLAGS = (
    os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_EXCL | bpf.O_PATH | bpf.O_TMPFILE
)
_F_DUPFD_CLOEXEC = 1030
# F_GETFD, F_SETFD, F_GETFL: not F_SETOWN, which sends signals, nor locks or leases.
_FCNTL = (1, 2, 3, _F_DUPFD_CLOEXEC)


def restrict(write: bool = False) -> None:
    """Give up, for good, every system call that is not on the list; raises OSError. PR_SET_NO_NEW_PRIVS must be set."""
    install(program(write))


@functools.cache
def program(write: bool = False) -> bytes:
    """Return the filter, for a process that may `write` somewhere or that only reads."""
    code = [
        *bpf.beginning(MACHINE),
        *when(NUMBERS["clone3"], [answer(UNKNOWN)]),
        *when(NUMBERS["openat2"], [answer(UNKNOWN)]),  # its flags lie behind a pointer, out of a filter's sight
        *when(NUMBERS["openat"], bpf.opening(2, 3) if write else unless_any(2, _WRITING_FLAGS)),
        *when(NUMBERS["mmap"], unless_any(2, bpf.PROT_EXEC)),
        *when(NUMBERS["mprotect"], unless_any(2, bpf.PROT_EXEC)),
        *when(NUMBERS["fcntl"], only(1, _FCNTL)),
    ]
    for name in (*_PLAIN, *(_WRITING if write else ())):
        if name in NUMBERS:
            code += when(NUMBERS[name], [answer(ALLOW)])
    return bpf.encode([*code, answer(DENY)])
