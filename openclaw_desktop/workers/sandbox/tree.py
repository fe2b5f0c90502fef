"""No process outlives its owner: death follows the parent, and orphans come to us to be ended.

Owns what Linux offers for that; elsewhere the supervisor's process group must do. Tool worker.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Container

from openclaw_desktop.workers.sandbox.kernel import PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, prctl

SIGKILL = 9  # `signal` lacks the name on Windows


def die_with_parent(parent_pid: int | None = None) -> None:
    """Have the kernel kill us when our parent dies; leave at once where `parent_pid` has died already."""
    if sys.platform != "linux":
        return
    prctl(PR_SET_PDEATHSIG, SIGKILL)
    if parent_pid is not None and os.getppid() != parent_pid:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, however often it forked."""
    if sys.platform == "linux":
        prctl(PR_SET_CHILD_SUBREAPER, 1)


def kill_strays(known: Container[int]) -> int:
    """End and reap every child of ours that is not in `known`, and theirs; return how many there were."""
    if sys.platform != "linux":
        return 0
    count = 0
    while strays := [pid for pid in _children() if pid not in known]:
        for pid in strays:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)  # its own children become ours: look again
        count += len(strays)
    return count


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:  # noqa: PTH123 - pathlib costs memory here
            return [int(pid) for pid in file.read().split()]
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
        return []
