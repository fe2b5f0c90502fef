"""A timer over the loop's own, which stands still while the machine sleeps: it looks at the clock every quarter hour.

Owns those steps. Loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from openclaw_desktop.core.clock import Clock

LONGEST_STEP_S = 900.0


class SteppedTimer:
    """`WallTimer` for systems that have no better one."""

    def __init__(self, on_ring: Callable[[], None], clock: Clock) -> None:
        self._on_ring = on_ring
        self._clock = clock
        self._handle: asyncio.TimerHandle | None = None

    def set(self, moment: datetime | None) -> None:
        """Ring at `moment`, and after a quarter of an hour at the latest where there is one."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if moment is None:
            return
        pause_s = min(max(0.0, (moment - self._clock.now()).total_seconds()), LONGEST_STEP_S)
        self._handle = asyncio.get_running_loop().call_later(pause_s, self._on_ring)

    def close(self) -> None:
        """Never ring again."""
        self.set(None)
