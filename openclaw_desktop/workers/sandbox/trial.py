# Memory counts in this process, and pathlib brings much.
# ruff: noqa: PTH208
"""Running a hostile act in a jailed child, and reading from its end whether the jail held.

Owns the fork around one act and what its exit status means. Must not know what a result is worth (`proof` does). Linux.
Tool worker, in a child.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable

from openclaw_desktop.workers.sandbox import temporary, tree
from openclaw_desktop.workers.sandbox.jail import Jail, JailError, enter
from openclaw_desktop.workers.sandbox.probes import PROBES, Probe, Scene, scene

if sys.platform != "linux":
    raise ImportError("trials of the jail run on Linux alone")

# How a kernel says no. Any other failure is a mishap and proves nothing, so it counts as an escape.
REFUSALS = frozenset(
    {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EBADF, errno.EXDEV, errno.ENOMEM, errno.EMFILE, errno.EAGAIN}
)
_DONE, _UNJAILED, _BROKEN = 0, 254, 255


def escapes(jail: Jail) -> list[Probe]:
    """Try every act in a jail with the limits of `jail` and return those that got out.

    Raises JailError where the jail can't be set up, OSError where the scene can't.
    """
    folder = temporary.make("proof")
    try:
        with scene(folder, os.getpid(), jail.memory_bytes) as stage:
            inside = Jail((stage.granted,), memory_bytes=jail.memory_bytes, landlock_abi=jail.landlock_abi)
            if run(lambda: os.listdir(stage.granted), inside) != _DONE:
                raise JailError("a jailed process can't read what it was granted")
            return [probe for probe in PROBES if not held(probe, stage, inside)]
    finally:
        temporary.remove(folder)


def held(probe: Probe, stage: Scene, jail: Jail | None) -> bool:
    """Return whether the kernel refused the act in `jail` (None: in no jail at all)."""
    return run(lambda: probe.act(stage), jail) in REFUSALS


def run(act: Callable[[], object], jail: Jail | None) -> int:
    """Run `act` in a child: return 0 for a success, else its errno; 254 where the jail failed, 255 where it died."""
    parent = os.getpid()
    if (pid := os.fork()) == 0:
        code = _BROKEN
        with contextlib.suppress(BaseException):
            tree.die_with_parent(parent)
            code = _attempt(act, jail)
        os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status if status >= 0 else _BROKEN


def _attempt(act: Callable[[], object], jail: Jail | None) -> int:
    try:
        if jail is not None:
            enter(jail)
    except JailError:
        return _UNJAILED
    try:
        act()
    except MemoryError:
        return errno.ENOMEM
    except OSError as error:
        return error.errno or _BROKEN
    return _DONE
