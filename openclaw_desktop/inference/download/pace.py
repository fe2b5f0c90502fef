"""How fast a download goes, and how long it will take.

Owns the measuring over the last seconds, so that a stall shows. Must not know what is fetched. Pure but for the clock
that it is given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

WINDOW_S = 8.0
# Before this much time a rate is a guess that jumps.
SETTLED_S = 1.0


class Pace:
    """Bytes against time; `clock` returns seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._points: deque[tuple[float, int]] = deque()

    def measure(self, received_bytes: int, total_bytes: int) -> tuple[float | None, float | None]:
        """Note how much has arrived; return bytes a second and seconds left, None while they are not known."""
        now = self._clock()
        if self._points and received_bytes < self._points[-1][1]:
            self._points.clear()  # something was thrown away
        self._points.append((now, received_bytes))
        while len(self._points) > 2 and now - self._points[1][0] >= WINDOW_S:
            self._points.popleft()
        began, had = self._points[0]
        if now - began < SETTLED_S:
            return None, None
        rate = (received_bytes - had) / (now - began)
        return rate, (total_bytes - received_bytes) / rate if rate > 0 else None
