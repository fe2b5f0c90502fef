"""What the tests of the jail share: who acts, on which kernels, in which folder, and a child to act in."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from openclaw_desktop.workers.sandbox import bpf, landlock
from openclaw_desktop.workers.sandbox.kernel import PR_SET_DUMPABLE, SUPPORTED, prctl

NOBODY = 65534
USERS = ("root", "nobody") if sys.platform != "win32" and os.geteuid() == 0 else ("self",)
ABIS = (landlock.LATEST_ABI, 4, 2)
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x1000, 0x4000, 0x40000
HAS_JAIL = bool(SUPPORTED and landlock.kernel_abi() and bpf.available())


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that every user may use, also one who can't enter pytest's own."""
    path = Path(os.path.realpath(tempfile.mkdtemp(prefix="openclaw-jail-", dir="/tmp")))
    path.chmod(0o777)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def let_reach_checkout() -> None:
    """Let every user find this checkout at its path, for this process alone: root's home is often shut to others."""
    checkout = Path(sys.prefix).parent
    shut = [folder for folder in reversed(checkout.parents) if not folder.stat().st_mode & 0o001]
    if not shut:
        return
    libc = ctypes.CDLL(None, use_errno=True)

    def mount(source: str, target: Path, kind: str, flags: int, data: str) -> None:
        words = (source.encode(), os.fsencode(target), kind.encode(), flags, data.encode())
        if libc.mount(words[0], words[1], words[2], ctypes.c_ulong(words[3]), words[4]):
            raise OSError(ctypes.get_errno(), "mount")

    if libc.unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    mount("none", Path("/"), "", MS_REC | MS_PRIVATE, "")
    held = os.open(checkout, os.O_PATH)
    mount("none", shut[0], "tmpfs", 0, "mode=755")
    checkout.mkdir(parents=True)
    mount(f"/proc/self/fd/{held}", checkout, "", MS_BIND, "")
    os.close(held)


def become(user: str) -> None:
    """Be `user` for good, and still visible to others of its own."""
    if user == "nobody" and sys.platform != "win32":
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        prctl(PR_SET_DUMPABLE, 1)  # a change of user clears it, and would hide the victim from its own user


def in_child(act: Callable[[], int], user: str = "root") -> int:
    """Run `act` in a child, as `user`, and return its result: 0 to 253."""
    if sys.platform == "win32":
        raise OSError("no fork")
    else:
        if (pid := os.fork()) == 0:
            code = 255
            try:
                become(user)
                code = act()
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
