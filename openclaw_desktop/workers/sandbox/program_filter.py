"""seccomp for a whole program: what it needs to live is left, what reaches beyond its jail is refused.

Owns the list of refused calls. Files are Landlock's matter; here stands what Landlock does not see. Calls that are
newer than the list do not exist. Tool worker, in the child.
"""

from __future__ import annotations

import errno
import functools
import os
from typing import Literal

from openclaw_desktop.workers.sandbox import bpf
from openclaw_desktop.workers.sandbox.bpf import (
    ALLOW,
    DENY,
    ERRNO,
    NOT_A_TERMINAL,
    UNKNOWN,
    Instruction,
    answer,
    only,
    unless_any,
    when,
)
from openclaw_desktop.workers.sandbox.call_numbers import FIRST_UNKNOWN
from openclaw_desktop.workers.sandbox.kernel import MACHINE, NUMBERS

Network = Literal["none", "proxy", "full"]

_KERNEL = (
    *("acct", "adjtimex", "bpf", "clock_adjtime", "clock_settime", "create_module", "delete_module", "finit_module"),
    *("get_kernel_syms", "init_module", "ioperm", "iopl", "kexec_file_load", "kexec_load", "lookup_dcookie"),
    *("modify_ldt", "nfsservctl", "perf_event_open", "personality", "query_module", "quotactl", "quotactl_fd"),
    *("reboot", "setdomainname", "sethostname", "settimeofday", "swapoff", "swapon", "sysfs", "syslog", "_sysctl"),
    *("uselib", "userfaultfd", "vhangup", "vmsplice", "io_uring_enter", "io_uring_register", "io_uring_setup"),
)
_NAMESPACES = (
    *("chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "open_tree"),
    *("pivot_root", "setns", "umount2", "unshare"),
)
_OTHER_PROCESSES = (
    *("kcmp", "migrate_pages", "move_pages", "pidfd_getfd", "process_madvise", "process_mrelease"),
    *("process_vm_readv", "process_vm_writev", "ptrace", "ioprio_set"),
)
# Files by their handle, watches on folders that Landlock does not ask about, and code from memory that it does not see.
_FILES = (
    *("execveat", "fanotify_init", "fanotify_mark", "inotify_add_watch", "inotify_init", "inotify_init1"),
    *("memfd_create", "memfd_secret", "mknod", "mknodat", "name_to_handle_at", "open_by_handle_at"),
    *("setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"),
)
_SHARED = (
    *("add_key", "keyctl", "request_key", "shmat", "shmctl", "shmget", "msgctl", "msgget", "msgrcv", "msgsnd"),
    *("semctl", "semget", "semop", "semtimedop", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive"),
    *("mq_timedsend", "mq_unlink"),
)
_REFUSED = (*_KERNEL, *_NAMESPACES, *_OTHER_PROCESSES, *_FILES, *_SHARED)

# Landlock judges none of these by their path. Where all but the granted folders is mounted read-only, the kernel does.
_METADATA = ("chown", "fchown", "fchownat", "lchown", "futimesat", "utime", "utimensat", "utimes")
# Nor these, and an attribute may tell much, such as where a file came from. Those of an open file are its reader's.
_ATTRIBUTES = ("getxattr", "lgetxattr", "listxattr", "llistxattr")
_MODE_AT = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "mkdir": 1, "mkdirat": 2, "creat": 1}
_NOT_SUPPORTED = ERRNO | errno.ENOTSUP  # as a file system says it that has none: programs expect that
_SET_ID_BITS = 0o6000
_PACE = ("prlimit64", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler")

# CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET
_CLONE_NAMESPACES = 0x7E020000
# FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, TCGETS, TCGETS2, TIOCGWINSZ, TIOCGPGRP: looking, and one's own descriptors.
# Others could type into the terminal (TIOCSTI), change a file's flags, or copy past what was asked.
_IOCTLS = (0x541B, 0x5421, 0x5450, 0x5451, 0x5401, 0x802C542A, 0x5413, 0x540F)
# F_DUPFD to F_SETLKW, F_OFD_*, F_DUPFD_CLOEXEC, pipe sizes, seals: no F_SETOWN (signals), no leases, no F_NOTIFY.
_FCNTLS = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1031, 1032, 1034)

_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_STREAM, _DATAGRAM, _SEQUENCED = 1, 2, 5
_TYPE_BITS = 0xF
_TCP = 6


def restrict(network: Network, alone: bool, signals: bool, abi: int) -> None:
    """Give up, for good, what the list refuses; raises OSError. PR_SET_NO_NEW_PRIVS must be set.

    `alone`: in namespaces, where all that is not granted is read-only, so that modes, owners and times may be changed,
    and where all processes end together. `signals`: they reach nothing outside, as Landlock or a namespace sees to
    that. `abi`: Landlock's, which must not be leant on more.
    """
    bpf.install(ready(network, alone, abi) if signals else program(network, alone, signals, abi, os.getpid()))


@functools.cache
def ready(network: Network, alone: bool, abi: int) -> bytes:
    """Return the filter of one whose signals reach nothing outside; kept, so that it can be made before a fork."""
    return program(network, alone, True, abi, 0)


def program(network: Network, alone: bool, signals: bool, abi: int, own_pid: int) -> bytes:
    """Return the filter."""
    code: list[Instruction] = [
        *bpf.beginning(MACHINE),
        (bpf.JUMP_AT_LEAST, 0, 1, FIRST_UNKNOWN),
        answer(UNKNOWN),
        *_each(("clone3", "openat2"), [answer(UNKNOWN)]),  # their flags lie behind a pointer, out of a filter's sight
        *_each(("clone",), unless_any(0, _CLONE_NAMESPACES)),
        *_each(("open",), bpf.opening(1, 2, paths=True)),
        *_each(("openat",), bpf.opening(2, 3, paths=True)),
        *_each(("ioctl",), only(1, _IOCTLS, NOT_A_TERMINAL)),
        *_each(("fcntl",), only(1, _FCNTLS)),
        *_each(_REFUSED, [answer(DENY)]),
        *_each(("truncate",), [answer(ALLOW if abi >= 3 else DENY)]),
        # Only oneself: the limits and the pace of the parent are not ours.
        *_each(_PACE, only(0, (0,))),
        *_each(("setpriority",), [*_must_be(0, (0,)), *only(1, (0,))]),  # nor all that the user or a group runs
        *_network(network),
        *([] if signals else _own_signals(own_pid)),
    ]
    for name, argument in _MODE_AT.items():
        changing = name.endswith(("chmod", "chmodat"))
        code += _each((name,), unless_any(argument, _SET_ID_BITS) if alone or not changing else [answer(DENY)])
    if not alone:
        # One group for all of them, so that one signal ends them at once, however fast they fork.
        code += _each((*_METADATA, "setsid", "setpgid"), [answer(DENY)])
        code += _each(_ATTRIBUTES, [answer(_NOT_SUPPORTED)])
    return bpf.encode([*code, answer(ALLOW)])


def _each(names: tuple[str, ...], then: list[Instruction]) -> list[Instruction]:
    return [instruction for name in names if name in NUMBERS for instruction in when(NUMBERS[name], then)]


def _network(network: Network) -> list[Instruction]:
    # A pair of connected sockets leads nowhere else; one without a connection could be sent from to any address.
    pair = [*_must_be(0, (_AF_UNIX,)), *_must_be(1, (_STREAM, _SEQUENCED), _TYPE_BITS), answer(ALLOW)]
    code = _each(("socketpair",), pair)
    if network == "none":
        return [*code, *_each(("socket", "connect", "bind"), [answer(DENY)])]
    types = (_STREAM,) if network == "proxy" else (_STREAM, _DATAGRAM)
    # Landlock's rules for TCP hold for TCP alone, so no other protocol of that type.
    protocols = _must_be(2, (0, _TCP)) if network == "proxy" else []
    socket = [*_must_be(0, (_AF_INET, _AF_INET6)), *_must_be(1, types, _TYPE_BITS), *protocols, answer(ALLOW)]
    code += _each(("socket",), socket)
    return [*code, *(_each(("bind",), [answer(DENY)]) if network == "proxy" else [])]


def _must_be(argument: int, values: tuple[int, ...], mask: int = 0xFFFFFFFF) -> list[Instruction]:
    tests = [(bpf.JUMP_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
    return [bpf.load(argument), (bpf.AND, 0, 0, mask), *tests, answer(DENY)]


def _own_signals(own_pid: int) -> list[Instruction]:
    """Signals to the own group, or to one's own threads in the first process; none to a process by its number."""
    return [
        *_each(("kill",), only(0, (0,))),
        *_each(("tgkill", "rt_tgsigqueueinfo"), only(0, (own_pid,))),
        *_each(("tkill", "rt_sigqueueinfo", "pidfd_send_signal"), [answer(DENY)]),
    ]
