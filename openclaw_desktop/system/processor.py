"""What of the processor may be used, and whether a lowered priority can be raised again.

Owns the reading; `inference` decides what follows from it. Any thread.
"""

from __future__ import annotations

import os
import sys

import psutil

# RLIMIT_NICE counts from 20: so much allows a nice value of 0.
NICE_ZERO = 20


def usable_cores() -> int:
    """Return how many cores our children may compute on; hyper-threads share one vector unit and count once."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))


def can_raise_priority() -> bool:
    """Say whether a process of this user that was made nicer may be put back; on Unix mostly root's privilege."""
    if sys.platform == "win32":
        return True
    if os.geteuid() == 0:
        return True
    if sys.platform != "linux":
        return False
    return psutil.Process().rlimit(psutil.RLIMIT_NICE)[0] >= NICE_ZERO
