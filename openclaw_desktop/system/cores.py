"""Which of two cores a thread runs on: two at work on one question are kept apart.

Owns that choice. Must not know who asks or answers. The thread that calls; Linux, elsewhere nothing is done.

A question's vector is made by one process while a thread of another reads what its words find. Both wake at once, and
with two cores the scheduler puts them on the same one for a quarter of the questions; it moves neither for 4 ms, which
is longer than either needs (docs/adr/0041). Where there are more cores it finds a free one by itself.
"""

from __future__ import annotations

import contextlib
import os
import sys

FEW = 2


def keep_to_last_of_two() -> None:
    """Have this thread, and what it starts, run on the last core, where there are two."""
    _choose(last=True)


def keep_off_last_of_two() -> None:
    """Have this thread, and what it starts, run on the first core, where there are two."""
    _choose(last=False)


def _choose(last: bool) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a jail may forbid it
            cores = sorted(os.sched_getaffinity(0))
            if len(cores) == FEW:
                os.sched_setaffinity(0, {cores[-1 if last else 0]})
