"""Namespaces: a root folder that holds what was granted and nothing else, and processes that see only one another.

Owns how such a root is built. What bubblewrap does, made from the same calls, without its package. Must not know what
runs inside. Linux, where the kernel and its administrator let us: `programs` finds that out by a real start. Tool
worker, in the keeper of a program and in the first process of its namespace.
"""

# Memory counts in this process, and pathlib brings much.
# ruff: noqa: PTH103, PTH114, PTH115, PTH120, PTH123, PTH211

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
import sys
from collections.abc import Mapping, Sequence

from openclaw_desktop.workers.sandbox.kernel import syscall

if sys.platform != "linux":
    raise ImportError("namespaces are Linux's")

import fcntl

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER = 0x20000, 0x04000000, 0x08000000, 0x10000000
_NEWPID, _NEWNET = 0x20000000, 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 2, 4, 8, 0x4000, 1 << 18
_MNT_DETACH = 2
_OPEN_TREE_CLONE, _AT_RECURSIVE, _AT_EMPTY_PATH = 1, 0x8000, 0x1000
_MOVE_MOUNT_F_EMPTY_PATH = 4
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_AT_FDCWD = -100
# Links at the top that programs are found through: /bin is /usr/bin on most systems.
_TOP_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1

_MOST_PROCESSES = 1024


def _release() -> tuple[int, ...]:
    numbers = os.uname().release.split("-")[0].split(".")[:2]
    return tuple(int(number) for number in numbers if number.isdigit())


_HAS_OWN_LIMIT = _release() >= (6, 14)  # a namespace of processes has a pid_max of its own
_limited = False
ROOT_SIZE = "size=1m,nr_inodes=4096,mode=0755"


def leave(network: bool) -> None:
    """Leave the system's namespaces: of processes and messages, and of the network too unless `network` stays.

    The next child is the first process in there. Root needs no namespace of users; others get one in which they are
    themselves. Raises OSError. This process must have one thread.
    """
    flags = _NEWPID | _NEWIPC | _NEWUTS | (0 if network else _NEWNET)
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        syscall("unshare", flags)
        return
    syscall("unshare", flags | _NEWUSER)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "wb", buffering=0) as file:
            file.write(text.encode())


def raise_loopback() -> None:
    """Have 127.0.0.1 in a network that is new and holds nothing else; raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("=16sh22x", b"lo", 0))
        flags = struct.unpack("=16sh22x", request)[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("=16sh22x", b"lo", flags | _IFF_UP))


def begin_root() -> None:
    """Leave the system's mounts, still with all that is in them, and limit the processes in here; raises OSError."""
    global _limited  # noqa: PLW0603 - of this process's namespace
    _limited = _limit_processes("/proc/sys/kernel/pid_max")
    syscall("unshare", _NEWNS)
    syscall("mount", b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)


def enter_root(
    read: Sequence[str],
    write: Sequence[str],
    devices: Sequence[str],
    links: Mapping[str, str],
    cwd: str,
    private: tuple[str, int],
) -> None:
    """Give this process a root of its own: `read` and `devices` as they are and unchangeable, `write` changeable.

    Comes after `begin_root`. `links` are names by which these are found, such as /etc/localtime. `cwd` is there, if
    only as an empty folder. `private` is an empty folder in memory with its size; /dev/shm is another, and /proc shows
    the processes of this namespace. All paths are canonical. Raises OSError.
    """
    links = {f"/{name}": os.readlink(f"/{name}") for name in _TOP_LINKS if os.path.islink(f"/{name}")} | dict(links)
    trees = [(path, _tree(path, path in write, path in devices)) for path in sorted({*read, *write, *devices})]
    syscall("mount", b"tmpfs", b"/tmp", b"tmpfs", _MS_NOSUID | _MS_NODEV, ROOT_SIZE.encode())
    os.chdir("/tmp")  # noqa: S108 - in a namespace of our own
    _private_mounts(*private)
    for path, tree in trees:
        _attach(tree, f".{path}")
    for path, target in links.items():
        with contextlib.suppress(OSError):  # it lies in a folder that is there as a whole
            os.makedirs(os.path.dirname(f".{path}"), exist_ok=True)
            os.symlink(target, f".{path}")
    os.makedirs(f".{cwd}", exist_ok=True)
    syscall("pivot_root", b".", b".")  # the old root now lies on top of the new one
    syscall("umount2", b".", _MNT_DETACH)
    os.chdir("/")
    _set_attributes(os.open("/", os.O_PATH | os.O_CLOEXEC), _ATTR_RDONLY, 0)


def _private_mounts(private: str, private_bytes: int) -> None:
    for path, size in ((private, private_bytes), ("/dev/shm", private_bytes // 4)):  # noqa: S108
        os.makedirs(f".{path}", exist_ok=True)
        options = f"size={size},nr_inodes=65536,mode=0700".encode()
        syscall("mount", b"tmpfs", os.fsencode(f".{path}"), b"tmpfs", _MS_NOSUID | _MS_NODEV, options)
    os.makedirs("proc", exist_ok=True)
    if not _limited and _HAS_OWN_LIMIT:  # a container that shows /proc/sys unchangeable; a /proc of our own may not be
        with contextlib.suppress(OSError):
            syscall("mount", b"proc", b"proc", b"proc", 0, None)
            _limit_processes("proc/sys/kernel/pid_max")
        with contextlib.suppress(OSError):
            syscall("umount2", b"proc", _MNT_DETACH)
    with contextlib.suppress(OSError):  # a container that hides parts of /proc: then there is none in here
        syscall("mount", b"proc", b"proc", b"proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, b"subset=pid")


def _limit_processes(path: str) -> bool:
    """Limit the processes of this namespace by `path`, which is that of whoever opens it; say whether that worked.

    Root is held by no limit of processes of the usual kind. Before Linux 6.14 there is but one number for the whole
    machine, which is not ours to change.
    """
    if not _HAS_OWN_LIMIT:
        return False
    try:
        with open(path, "wb", buffering=0) as file:  # as text it would load a codec in every child
            file.write(str(_MOST_PROCESSES).encode())
    except OSError:
        return False
    return True


def _tree(path: str, writable: bool, device: bool) -> int:
    """Return a descriptor of `path` and all that is mounted beneath it, not attached anywhere yet."""
    how = struct.pack("=3Q", os.O_PATH | os.O_CLOEXEC, 0, 0x06)  # RESOLVE_NO_SYMLINKS, NO_MAGICLINKS
    opened = syscall("openat2", _AT_FDCWD, os.fsencode(path), how, len(how))
    try:
        flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | _AT_EMPTY_PATH | _AT_RECURSIVE
        tree = syscall("open_tree", opened, b"", flags)
    finally:
        os.close(opened)
    _set_attributes(
        tree, (0 if writable else _ATTR_RDONLY) | _ATTR_NOSUID | (0 if device else _ATTR_NODEV), _AT_RECURSIVE
    )
    return tree


def _set_attributes(tree: int, attributes: int, recursive: int) -> None:
    wanted = struct.pack("=4Q", attributes, 0, 0, 0)
    syscall("mount_setattr", tree, b"", _AT_EMPTY_PATH | recursive, wanted, len(wanted))


def _attach(tree: int, path: str) -> None:
    if stat.S_ISDIR(os.fstat(tree).st_mode):
        os.makedirs(path, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not os.path.lexists(path):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    syscall("move_mount", tree, b"", _AT_FDCWD, os.fsencode(path), _MOVE_MOUNT_F_EMPTY_PATH)
    os.close(tree)
