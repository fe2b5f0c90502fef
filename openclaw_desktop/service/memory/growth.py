"""How near the memory is to its end of room: the user's limits, the disk, and what the machine has left in memory.

Owns the shares from which each is told, before anything is refused. Must not change anything. Any thread.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openclaw_desktop.core.text import tr
from openclaw_desktop.memory.consolidation.pressure import Room
from openclaw_desktop.service.status_views import Finding
from openclaw_desktop.system.memory import Memory, read_memory
from openclaw_desktop.system.memory_pressure import SHORT_SHARE

TOLD_FROM = 0.8
LOW_DISK_BYTES = 500 << 20
# A backup and the file's own log must have room, while both grow.
DISK_TIMES = 2
# What was told is told again only after it was better than this, so that a turn more and a turn less say nothing.
SLACK = 1.1
TURNS_GO, TURNS_AGE = "oldest turns", "age of turns"


@dataclass(frozen=True, slots=True)
class Growth:
    """Measures the file at `path`; `limit_mb` None: only the disk limits it.

    `keep_turns_mb`: from there on the oldest turns go, None: never; as they do after `keep_turns_days`. `oldest_days`
    says how old the oldest of those is that may go, None where there is none.
    """

    path: Path
    limit_mb: int | None = None
    read_memory: Callable[[], Memory] = read_memory
    keep_turns_mb: int | None = None
    keep_turns_days: int | None = None
    oldest_days: Callable[[], float | None] = lambda: None

    @property
    def room(self) -> Room:
        """What consolidation may fill."""
        return Room(None if self.limit_mb is None else self.limit_mb * 1_000_000)

    def size_bytes(self) -> int:
        """Return what the file takes now, with its log."""
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def lacking_bytes(self) -> int:
        """Return by how much the file is over the user's limit, or the disk under what must stay free; 0: neither."""
        room = self.room
        over = 0 if room.limit_bytes is None else self.size_bytes() - room.limit_bytes
        return max(0, over, room.least_free_bytes - self._free_bytes())

    def outgrown_bytes(self) -> int:
        """Return by how much the file is larger than the user keeps turns for; 0: it is not."""
        return 0 if self.keep_turns_mb is None else max(0, self.size_bytes() - self.keep_turns_mb * 1_000_000)

    def is_memory_short(self, slack: float = 1.0) -> bool:
        """Return whether the machine has less than a tenth of its memory left, or `slack` times that."""
        memory = self.read_memory()
        return memory.available_bytes < slack * SHORT_SHARE * memory.total_bytes

    def concerns(self, slack: float = 1.0) -> dict[str, Finding]:
        """Return what is to be told by its name and degree, a lower degree too; `slack` above 1: what is nearly so."""
        found = [finding for finding in self._findings(slack) if finding.level != "ok"]
        named = {f"{finding.check}: warning": finding for finding in found}
        return named | {f"{finding.check}: error": finding for finding in found if finding.level == "error"}

    def findings(self) -> tuple[Finding, ...]:
        """Return what to tell: disk and memory always, the limit where there is one."""
        return tuple(self._findings())

    def warning(self) -> str:
        """Return what `status` says; "" where there is room, or where the user's rule lets turns go to keep it."""
        rules = (TURNS_GO, TURNS_AGE)
        needed = [found for found in self.findings() if found.level != "ok" and found.check not in rules]
        return " ".join(f"{found.sentence} {found.advice}" for found in needed)

    def _findings(self, slack: float = 1.0) -> list[Finding]:
        size_bytes = self.size_bytes()
        found = [_of_disk(size_bytes, self._free_bytes(), slack), self._of_memory(slack)]
        if self.limit_mb is not None:
            found.append(_of_limit(size_bytes, self.limit_mb, slack))
        if self.keep_turns_mb is not None:
            found.append(_of_turns(size_bytes, self.keep_turns_mb, slack))
        if self.keep_turns_days is not None and (days := self.oldest_days()) is not None:
            found.append(_of_age(days, self.keep_turns_days, slack))
        return found

    def _free_bytes(self) -> int:
        return shutil.disk_usage(self.path.parent).free

    def _of_memory(self, slack: float) -> Finding:
        free_mb = self.read_memory().available_bytes // 1_000_000
        if not self.is_memory_short(slack):
            return Finding("machine", "ok", tr("{free} MB of memory are left.", free=free_mb))
        sentence = tr("Only {free} MB of memory are left, so searches may take longer.", free=free_mb)
        return Finding("machine", "warning", sentence, tr("Close programs that you don't need."))


def _of_disk(size_bytes: int, free_bytes: int, slack: float) -> Finding:
    sentence = tr("{free} MB are free.", free=free_bytes // 1_000_000)
    if free_bytes >= slack * max(LOW_DISK_BYTES, DISK_TIMES * size_bytes):
        return Finding("disk", "ok", sentence)
    sentence = tr("Only {free} MB are free.", free=free_bytes // 1_000_000)
    return Finding("disk", "warning", sentence, tr("Free some space: the memory and its backups need room to grow."))


def _of_limit(size_bytes: int, limit_mb: int, slack: float) -> Finding:
    share = size_bytes / (limit_mb * 1_000_000)
    sentence = _taken(size_bytes, limit_mb)
    if slack * share < TOLD_FROM:
        return Finding("memory size", "ok", sentence)
    advice = tr(
        "Raise memory.limit_mb, let old turns go (memory.keep_turns_days or keep_turns_mb), or forget what is not "
        "needed."
    )
    return Finding("memory size", "warning" if slack * share < 1 else "error", sentence, advice)


def _of_turns(size_bytes: int, keep_mb: int, slack: float) -> Finding:
    sentence = _taken(size_bytes, keep_mb)
    if slack * size_bytes < TOLD_FROM * keep_mb * 1_000_000:
        return Finding(TURNS_GO, "ok", sentence)
    advice = tr("Beyond that the oldest turns go, as you chose. To keep them raise memory.keep_turns_mb, or pin them.")
    return Finding(TURNS_GO, "warning", sentence, advice)


def _of_age(days: float, keep_days: int, slack: float) -> Finding:
    sentence = tr("The oldest turn is {days} days old, of {limit}.", days=int(days), limit=keep_days)
    if slack * days < TOLD_FROM * keep_days:
        return Finding(TURNS_AGE, "ok", sentence)
    advice = tr("After that turns go, as you chose. To keep them raise memory.keep_turns_days, or pin them.")
    return Finding(TURNS_AGE, "warning", sentence, advice)


def _taken(size_bytes: int, limit_mb: int) -> str:
    return tr(
        "The memory takes {size} of its {limit} MB ({share} %).",
        size=size_bytes // 1_000_000,
        limit=limit_mb,
        share=int(100 * size_bytes / (limit_mb * 1_000_000)),
    )
