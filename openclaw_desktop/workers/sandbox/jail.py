"""The jail of one call: what it may read, change and use. Entered once, never left.

Owns the order in which a process gives up its rights. Must not know what runs inside. Tool worker, in the child.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Collection
from dataclasses import dataclass

from openclaw_desktop.workers.sandbox import landlock, seccomp
from openclaw_desktop.workers.sandbox.kernel import PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, SUPPORTED, prctl

if sys.platform != "win32":
    import resource


class JailError(Exception):
    """The jail could not be set up: the process must end before it reads anything."""


@dataclass(frozen=True, slots=True)
class Jail:
    """What is left to a process: the files and folders (canonical, absolute) that it may read, and its limits.

    `write`: those that it may read and change, with all beneath them; links, devices and modes it can't make or change.
    `landlock_abi` masks the kernel's ABI, so that a test sees what an older kernel would give.
    """

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    memory_bytes: int = 256 << 20
    cpu_s: int = 10
    file_bytes: int = 0
    open_files: int = 64
    processes: int = 0
    landlock_abi: int = landlock.LATEST_ABI


def layers(jail: Jail) -> tuple[str, ...]:
    """Return the names of the layers that `enter` puts around this process, such as `landlock 7`."""
    if sys.platform == "win32":
        return ()
    if not SUPPORTED:
        return ("process", "limits")
    abi = min(landlock.kernel_abi(), jail.landlock_abi)
    return (
        "process",
        "limits",
        *((f"landlock {abi}",) if abi else ()),
        *(("seccomp",) if seccomp.available() else ()),
    )


def enter(jail: Jail, keep: Collection[int] = ()) -> None:
    """Jail this process for good, with no descriptors left but `keep`; raises JailError where any step fails.

    A layer that the platform does not have is no failure: the start-up proof measures what that leaves open.
    """
    if sys.platform == "win32":
        raise JailError("there is no jail on Windows yet")
    try:
        _enter(jail, keep)
    except (OSError, ValueError) as error:
        raise JailError(str(error)) from error


def _enter(jail: Jail, keep: Collection[int]) -> None:
    close_descriptors(keep)
    _limit(jail)
    if not SUPPORTED:
        return
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_DUMPABLE, 0)
    if abi := min(landlock.kernel_abi(), jail.landlock_abi):
        grants = [*(("read", path) for path in jail.read), *(("write", path) for path in jail.write)]
        landlock.restrict(grants, abi)
    if seccomp.available():
        seccomp.restrict(write=bool(jail.write))  # last: it takes away the calls that the steps above need


def close_descriptors(keep: Collection[int]) -> None:
    """Close every open descriptor but `keep`; raises OSError where they can't be listed."""
    for name in os.listdir("/proc/self/fd" if sys.platform == "linux" else "/dev/fd"):  # noqa: PTH208 - memory
        if int(name) not in keep:
            with contextlib.suppress(OSError):  # the listing's own is closed already
                os.close(int(name))


def _limit(jail: Jail) -> None:
    set_limits(jail.cpu_s, jail.file_bytes, jail.open_files, jail.memory_bytes, jail.processes)


def set_limits(cpu_s: int, file_bytes: int, open_files: int, address_bytes: int, processes: int | None = None) -> None:
    """Set what this process may use, for good; raises OSError. `cpu_s` and `address_bytes`: 0 for no limit.

    `processes`: of this user, all programs together, and nothing that would hold root; None for no limit.
    """
    if sys.platform != "win32":
        limits = [
            (resource.RLIMIT_FSIZE, file_bytes),
            (resource.RLIMIT_NOFILE, open_files),
            (resource.RLIMIT_CORE, 1),  # smaller than any, and 0 would still feed a program that collects them
        ]
        if cpu_s:
            limits.append((resource.RLIMIT_CPU, cpu_s))
        if processes is not None:
            limits.append((resource.RLIMIT_NPROC, processes))
        if sys.platform == "linux" and address_bytes:  # macOS has the name alone
            limits.append((resource.RLIMIT_AS, address_bytes))
        for kind, wanted in limits:
            hard = resource.getrlimit(kind)[1]
            soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            # SIGXCPU comes a second before SIGKILL and says why.
            slack = 1 if kind == resource.RLIMIT_CPU and hard in (resource.RLIM_INFINITY, soft + 1) else 0
            resource.setrlimit(kind, (soft, soft + slack))
