"""What a killed keeper left running is found by its mark, and ended.

Owns the marks: beside the folder of each program that has no namespaces of its own, one that names its session, which
its jail lets nobody leave. In namespaces all ends with the first process, and no mark is needed. Must not know what
runs. Linux. Tool worker, keeper and agent.
"""

# Memory counts in the tool worker, and pathlib brings much.
# ruff: noqa: PTH108, PTH123, PTH208

from __future__ import annotations

import contextlib
import json
import os
import select
import stat
import sys
from dataclasses import dataclass

from openclaw_desktop.workers.sandbox.temporary import parent_folder

if sys.platform != "linux":
    raise ImportError("strays are looked for on Linux alone")

SIGKILL = 9
# So long it is waited for a keeper that is dying: the kernel ends it.
KEEPER_WAIT_S = 5.0
_PREFIX, _SUFFIX = "openclaw-run-", ".session"
_PASSES = 1_000


@dataclass(frozen=True, slots=True)
class _Mark:
    """A program's session, whose first process began at `began` (ticks since the boot), and who keeps it."""

    boot: str
    session: int
    began: int
    keeper: int
    keeper_began: int
    worker: int


def mark(folder: str) -> None:
    """Say that this process, the first of its session, is a program of the keeper that is its parent; raises OSError.

    `folder`: the program's own, as `temporary.make("run")` made it.
    """
    keeper = os.getppid()
    kept = _stat(keeper)
    own = _stat(os.getpid())
    if kept is None or own is None:
        raise ProcessLookupError("the keeper is gone")
    said = {
        "boot": _boot(), "session": os.getpid(), "began": own.began, "keeper": keeper, "keeper_began": kept.began,
        "worker": kept.parent,
    }  # fmt: skip
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(folder + _SUFFIX, flags, 0o600), "w", encoding="ascii") as file:
        json.dump(said, file)


def unmark(folder: str) -> None:
    """Take the mark away: the program has ended with all that it started."""
    with contextlib.suppress(OSError):
        os.unlink(folder + _SUFFIX)


def end_strays(dying: int | None = None) -> int:
    """End what is left of programs whose keepers were killed; return how many processes there were.

    `dying`: the number of a keeper that is ending now, or of a tool worker whose keepers are. Blocks: not on a loop.
    """
    count = 0
    parent = parent_folder()
    with contextlib.suppress(OSError):
        for name in os.listdir(parent):
            if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
                path = f"{parent}/{name}"
                found = _read(path)
                if found is not None and not _is_kept(found, dying):
                    count += _end_session(found)
                    with contextlib.suppress(OSError):
                        os.unlink(path)
    return count


def _read(path: str) -> _Mark | None:
    """Return a mark; None where it is not one, or not ours: anybody may put files there."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
                return None
            said = json.loads(file.read(4096))
        return _Mark(
            str(said["boot"]), *(int(said[key]) for key in ("session", "began", "keeper", "keeper_began", "worker"))
        )
    return None


def _is_kept(found: _Mark, dying: int | None) -> bool:
    """Return True while the program's keeper lives; waits a moment for one that is dying."""
    if found.boot != _boot() or not _runs(found.keeper, found.keeper_began):
        return False
    if dying not in (found.worker, found.keeper):
        return True
    try:
        keeper = os.pidfd_open(found.keeper)
    except OSError:
        return False
    try:
        waiting = select.poll()
        waiting.register(keeper, select.POLLIN)
        waiting.poll(KEEPER_WAIT_S * 1000)
    finally:
        os.close(keeper)
    return _runs(found.keeper, found.keeper_began)


def _end_session(found: _Mark) -> int:
    if found.boot != _boot():
        return 0
    first = _stat(found.session)
    if first is not None and first.began != found.began:
        return 0  # the number is another's by now, so nothing is left of that session
    ended: set[int] = set()
    for _ in range(_PASSES):
        members = [pid for pid in _numbers() if _is_member(pid, found)]
        if not members:
            break
        with contextlib.suppress(OSError):
            os.killpg(found.session, SIGKILL)  # all at once, however fast they fork: nobody left the group
        for pid in members:
            with contextlib.suppress(OSError):
                os.kill(pid, SIGKILL)
        ended.update(members)
    return len(ended)


def _is_member(pid: int, found: _Mark) -> bool:
    """Return True for a living process of that session, of ours and in a jail, that began after it."""
    seen = _stat(pid)
    if seen is None or seen.session != found.session or seen.began < found.began or seen.state in "ZX":
        return False
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            lines = dict(line.partition(b":")[::2] for line in file.read().splitlines())
    except OSError:
        return False
    uid = lines.get(b"Uid", b"").split()
    jailed = (lines.get(b"NoNewPrivs", b"").strip(), lines.get(b"Seccomp", b"").strip()) == (b"1", b"2")
    return jailed and uid[:1] == [str(os.geteuid()).encode()]


@dataclass(frozen=True, slots=True)
class _Stat:
    state: str
    parent: int
    session: int
    began: int


def _stat(pid: int) -> _Stat | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open(f"/proc/{pid}/stat", "rb") as file:
            words = file.read().rpartition(b")")[2].split()
        return _Stat(words[0].decode(), int(words[1]), int(words[3]), int(words[19]))
    return None


def _runs(pid: int, began: int) -> bool:
    seen = _stat(pid)
    return seen is not None and seen.began == began and seen.state not in "ZX"


def _numbers() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _boot() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
