"""How much memory and processor time our processes use.

Owns the reading, for `status` and benchmarks. A process that has ended is left out. Any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import psutil

T = TypeVar("T")


def process_sizes(pids: Mapping[str, int]) -> dict[str, int]:
    """Return the resident memory in bytes by role."""
    return _read(pids, lambda process: int(process.memory_info().rss))


def process_cpu_s(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the processor seconds (user and system) used since its start, by role."""

    def seconds(process: psutil.Process) -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    return _read(pids, seconds)


def _read(pids: Mapping[str, int], measure: Callable[[psutil.Process], T]) -> dict[str, T]:
    found: dict[str, T] = {}
    for role, pid in pids.items():
        try:
            found[role] = measure(psutil.Process(pid))
        except (psutil.Error, OSError, ValueError):
            continue
    return found
