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
    """Yield the limits of the groups that this process is in (control groups of version 2); none elsewhere."""
    try:
        entries = own_group.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    path = next((entry.removeprefix("0::/") for entry in entries if entry.startswith("0::/")), None)
    if path is None:
        return
    folder = groups / path
    for group in (folder, *folder.parents):
        if not group.is_relative_to(groups):
            return
        # ValueError: "max", no limit.
        with contextlib.suppress(OSError, ValueError):
            limit = int((group / "memory.max").read_text())
            used = int((group / "memory.current").read_text())
            yield Memory(limit, limit - used + _cached_bytes(group / "memory.stat"))


def _cached_bytes(statistics: Path) -> int:
    """Return how much of what is used are files' contents that nobody needs at the moment."""
    lines = dict(line.split(maxsplit=1) for line in statistics.read_text().splitlines())
    return int(lines.get("inactive_file", 0))
