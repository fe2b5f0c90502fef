"""Landlock: which files this process may touch and how, and no TCP, no signals and no abstract sockets beyond itself.

Owns the rule set and how a granted path becomes a rule. Protocol: linux/landlock.h, ABI 1 to 7.
Tool worker, in the child.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import struct
from collections.abc import Sequence

from openclaw_desktop.workers.sandbox.kernel import syscall

LATEST_ABI = 7

_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1
_RULE_PORT = 2
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SYM = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
_REFER, _TRUNCATE = 1 << 13, 1 << 14
# The rights that each ABI knows: 13 at first, then REFER (2), TRUNCATE (3), IOCTL_DEV (5).
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET_RIGHTS = 0b11  # bind and connect TCP, from ABI 4
_CONNECT = 0b10
_SCOPES = 0b11  # abstract unix sockets and signals, from ABI 6

_O_PATH = 0o10000000  # the same on x86_64 and aarch64; `os` has it on Linux alone
_O_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_O_CLOEXEC: int = getattr(os, "O_CLOEXEC", 0)
_PATH_FLAGS = _O_PATH | _O_NOFOLLOW | _O_CLOEXEC
_AT_FDCWD = -100
# What a grant lets do with a file, and with a folder and all beneath it. No links between folders that would widen a
# right, no devices, pipes or sockets: others might open them.
_OF_FILE = {
    "read": _READ_FILE,
    "write": _READ_FILE | _WRITE_FILE | _TRUNCATE,
    "run": _READ_FILE | _EXECUTE,
    "device": _READ_FILE | _WRITE_FILE,
}
_IN_FOLDER = _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER
_OF_FOLDER = {
    "read": _OF_FILE["read"] | _READ_DIR,
    "write": _OF_FILE["write"] | _READ_DIR | _IN_FOLDER,
    "write and run": _OF_FILE["write"] | _READ_DIR | _IN_FOLDER | _MAKE_SYM | _EXECUTE,
    "run": _OF_FILE["run"] | _READ_DIR,
}
_RESOLVE_NO_SYMLINKS = 0x04 | 0x02  # nor magic links such as /proc/self/fd/3


def kernel_abi() -> int:
    """Return the Landlock ABI that this kernel offers, 0 for none."""
    try:
        return min(syscall("landlock_create_ruleset", None, 0, _VERSION_FLAG), LATEST_ABI)
    except OSError:
        return 0


def restrict(grants: Sequence[tuple[str, str]], abi: int, ports: Sequence[int] = (), any_port: bool = False) -> None:
    """Give up, for good, all file access but `grants`: pairs of a way to use it and a canonical path.

    Ways: "read", "write" (and read), "run" (and read), "write and run" (folders), "device" (a device that is read and
    written). `ports`: where TCP may be connected to, from ABI 4 on; `any_port` leaves TCP alone. Raises OSError or
    ValueError. PR_SET_NO_NEW_PRIVS must be set.
    """
    rules = syscall("landlock_create_ruleset", *_attributes(abi, any_port), 0)
    try:
        for way, path in grants:
            _allow(rules, way, path, abi)
        for port in ports:
            syscall("landlock_add_rule", rules, _RULE_PORT, struct.pack("=QQ", _CONNECT, port), 0)
        syscall("landlock_restrict_self", rules, 0)
    finally:
        os.close(rules)


def _attributes(abi: int, any_port: bool) -> tuple[bytes, int]:
    # struct landlock_ruleset_attr grew: an older kernel refuses the fields that it does not know.
    fields = [_FILE_RIGHTS[min(abi, 5)]]
    if abi >= 4:
        fields.append(0 if any_port else _NET_RIGHTS)
    if abi >= 6:
        fields.append(_SCOPES)
    packed = struct.pack(f"={len(fields)}Q", *fields)
    return packed, len(packed)


def _allow(rules: int, way: str, path: str, abi: int) -> None:
    beneath = open_unswapped(path)
    try:
        mode = os.fstat(beneath).st_mode
        if stat.S_ISDIR(mode):
            rights = _OF_FOLDER[way]
        elif stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and way == "device"):
            rights = _OF_FILE["write" if way == "write and run" else way]
        else:
            raise OSError(errno.EINVAL, "neither a file nor a folder", path)
        rights &= _FILE_RIGHTS[min(abi, 5)]
        syscall("landlock_add_rule", rules, _RULE_PATH_BENEATH, struct.pack("=Qi", rights, beneath), 0)
    finally:
        os.close(beneath)


def open_unswapped(path: str) -> int:
    """Return an O_PATH descriptor of `path`, canonical and absolute; raises OSError where any part of it is a symlink.

    The path was approved a moment ago: one that has since become a link to elsewhere gives nothing.
    """
    if not path.startswith("/") or path.startswith("//") or "\0" in path or os.path.normpath(path) != path:
        raise ValueError(f"not a canonical path: {path!r}")
    how = struct.pack("=3Q", _PATH_FLAGS, 0, _RESOLVE_NO_SYMLINKS)
    try:
        return syscall("openat2", _AT_FDCWD, os.fsencode(path), how, len(how))
    except OSError as error:
        if error.errno not in {errno.ENOSYS, errno.EPERM}:  # EPERM: an outer sandbox that does not know the call
            raise OSError(error.errno, os.strerror(error.errno or 0), path) from None
    return walk_unswapped(path)


def walk_unswapped(path: str) -> int:
    """Do what `open_unswapped` does one component at a time, for kernels before 5.6."""
    here = os.open("/", _PATH_FLAGS)
    try:
        for part in path.split("/"):
            if part:
                deeper = os.open(part, _PATH_FLAGS, dir_fd=here)
                os.close(here)
                here = deeper
                if stat.S_ISLNK(os.fstat(here).st_mode):
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(here)
        raise
    return here
