"""How much memory there is for this process: the machine's, or what a container or a service unit may have of it.

Owns the reading. Must not know who needs memory. Any thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

OWN_GROUP = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes in all, and bytes that programs can have without anything being swapped out."""

    total_bytes: int
    available_bytes: int


@dataclass(frozen=True, slots=True)
class _Files:
    """What the files of a group are called, and in its statistics the contents of files that are not in use."""

    limit: str
    used: str
    cached: str


_SECOND = _Files("memory.max", "memory.current", "inactive_file")
# Version 1 of control groups, of older systems and containers. No limit is a number beyond any machine's memory.
_FIRST = _Files("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def read_memory(own_group: Path = OWN_GROUP, groups: Path = GROUPS) -> Memory:
    """Return the machine's memory, or the narrowest limit that a control group above this process sets."""
    machine = psutil.virtual_memory()
    known = Memory(int(machine.total), int(machine.available))
    for limit in _limits(own_group, groups):
        known = Memory(
            min(known.total_bytes, limit.total_bytes), min(known.available_bytes, max(0, limit.available_bytes))
        )
    return known


def _limits(own_group: Path, groups: Path) -> Iterator[Memory]:
    """Yield the limits of the groups that this process is in; none where the system knows no control groups."""
    try:
        entries = own_group.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for entry in entries:
        _, controllers, path = entry.split(":", 2)
        if not controllers:
            yield from _limits_above(groups, path, _SECOND)
        elif "memory" in controllers.split(","):
            yield from _limits_above(groups / "memory", path, _FIRST)


def _limits_above(root: Path, path: str, files: _Files) -> Iterator[Memory]:
    folder = root / path.removeprefix("/")
    # In a container the path may be the host's: what is mounted at the root is then the container's own group.
    for group in (folder, *folder.parents):
        if not group.is_relative_to(root):
            return
        # ValueError: "max", no limit.
        with contextlib.suppress(OSError, ValueError):
            limit = int((group / files.limit).read_text())
            used = int((group / files.used).read_text())
            yield Memory(limit, limit - used + _cached_bytes(group / "memory.stat", files.cached))


def _cached_bytes(statistics: Path, name: str) -> int:
    """Return how much of what is used are files' contents that nobody needs at the moment."""
    lines = dict(line.split(maxsplit=1) for line in statistics.read_text().splitlines())
    return int(lines.get(name, 0))
