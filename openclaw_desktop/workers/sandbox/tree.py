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
    while strays := [pid for pid in children(os.getpid()) if pid not in known]:
        # First all that are there, or one that forks on and on would keep ahead of us.
        for pid in [*strays, *(below for stray in strays for below in descendants(stray))]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, SIGKILL)
        for pid in strays:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)  # its own children become ours: look again
        count += len(strays)
    return count


def children(pid: int) -> list[int]:
    """Return the children of a process, whichever of its threads they came from; none where it is gone."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - pathlib costs memory here
            path = f"/proc/{pid}/task/{thread}/children"
            # It may have ended; a kernel without CONFIG_PROC_CHILDREN has no such file.
            with contextlib.suppress(OSError), open(path, "rb") as file:  # noqa: PTH123
                found += [int(child) for child in file.read().split()]
    return found


def descendants(pid: int, limit: int = 10_000) -> list[int]:
    """Return the children of a process, their children and so on, as far as they are seen in one pass.

    It ends at `limit`: they may grow faster than they are counted.
    """
    found = children(pid)
    for child in found:  # grows on the way
        if len(found) >= limit:
            break
        found += children(child)
    return found
