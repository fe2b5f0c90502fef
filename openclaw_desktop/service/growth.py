"""How near the memory is to its end of room: the user's limit, and the disk.

Owns the share from which it is told, before anything is refused. Must not change anything. Any thread.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from openclaw_desktop.core.text import tr
from openclaw_desktop.service.api import Finding

TOLD_FROM = 0.8
LOW_DISK_BYTES = 500 << 20
# A backup and the file's own log must have room, while both grow.
DISK_TIMES = 2


@dataclass(frozen=True, slots=True)
class Growth:
    """Measures the file at `path`; `limit_mb` None: only the disk limits it."""

    path: Path
    limit_mb: int | None = None

    def size_bytes(self) -> int:
        """Return what the file takes now, with its log."""
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def findings(self) -> tuple[Finding, ...]:
        """Return what to tell: the disk always, the limit where there is one."""
        size_bytes = self.size_bytes()
        free_bytes = shutil.disk_usage(self.path.parent).free
        return (_of_disk(size_bytes, free_bytes), *_of_limit(size_bytes, self.limit_mb))

    def warning(self) -> str:
        """Return what `status` says; "" where there is room."""
        return " ".join(f"{found.sentence} {found.advice}" for found in self.findings() if found.level != "ok")


def _of_disk(size_bytes: int, free_bytes: int) -> Finding:
    sentence = tr("{free} MB are free.", free=free_bytes // 1_000_000)
    if free_bytes >= max(LOW_DISK_BYTES, DISK_TIMES * size_bytes):
        return Finding("disk", "ok", sentence)
    sentence = tr("Only {free} MB are free.", free=free_bytes // 1_000_000)
    return Finding("disk", "warning", sentence, tr("Free some space: the memory and its backups need room to grow."))


def _of_limit(size_bytes: int, limit_mb: int | None) -> tuple[Finding, ...]:
    if limit_mb is None:
        return ()
    share = size_bytes / (limit_mb * 1_000_000)
    sentence = tr(
        "The memory takes {size} of its {limit} MB ({share} %).",
        size=size_bytes // 1_000_000,
        limit=limit_mb,
        share=int(100 * share),
    )
    if share < TOLD_FROM:
        return (Finding("memory size", "ok", sentence),)
    advice = tr("Raise memory.limit_mb, set memory.keep_turns_days to let old turns go, or forget what is not needed.")
    return (Finding("memory size", "warning" if share < 1 else "error", sentence, advice),)
