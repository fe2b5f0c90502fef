"""What the tests of the jail share: who acts, on which kernels, in which folder, and a child to act in."""

from __future__ import annotations

import contextlib
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
