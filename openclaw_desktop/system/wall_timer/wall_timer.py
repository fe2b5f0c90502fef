"""A timer that rings at a moment on the wall clock, also after the machine slept or the clock was set.

Owns the protocol and the choice of handler: the kernel's own timer on Linux, the loop's elsewhere. Must not know who
waits for what. Loop.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.system.wall_timer.steps import SteppedTimer
from openclaw_desktop.system.wall_timer.timer_file import TimerFile

log = logging.getLogger(__name__)


class WallTimer(Protocol):
    """One moment at a time. It may ring early: whoever is rung for looks at the clock."""

    def set(self, moment: datetime | None) -> None:
        """Ring at `moment` (aware), at once where that is past, and when the clock is set; None: only then."""
        ...

    def close(self) -> None:
        """Never ring again."""
        ...


def open_wall_timer(on_ring: Callable[[], None], clock: Clock) -> WallTimer:
    """Return a timer that calls `on_ring` in the running loop."""
    if sys.platform == "linux":
        try:
            return TimerFile(on_ring)
        except (OSError, AttributeError) as error:  # a C library without it
            log.warning("the kernel gives no timer (%s): sleeping in steps", error)
    return SteppedTimer(on_ring, clock)
