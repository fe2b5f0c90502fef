"""How much of the machine this process takes: threads, priority, memory.

Owns the questions to the system and the change of priority. Must not know the model. Model process.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import psutil

if sys.platform != "win32":
    import resource


def usable_cores() -> int:
    """Return how many threads make sense: hyper-threads share one vector unit and would decode slower."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))


def set_nice(nice: int) -> int:
    """Give way to others: 0 (normal) to 19; return the priority there is now. Going back up may not be allowed."""
    if sys.platform == "win32":
        process = psutil.Process()
        process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if nice > 0 else psutil.NORMAL_PRIORITY_CLASS)
        return nice
    # On Linux priority belongs to each thread, and the model's threads are there already.
    threads = [0]
    with contextlib.suppress(OSError):
        threads = [int(task.name) for task in Path("/proc/self/task").iterdir()]
    for thread in threads:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, nice)
    return os.getpriority(os.PRIO_PROCESS, 0)


def peak_rss_bytes() -> int:
    """Return the most memory that this process ever held."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
