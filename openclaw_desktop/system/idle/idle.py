"""How long the user has touched neither keyboard nor mouse: what it is, and which handler knows it here.

Owns the protocol and the order of the handlers. Must not know what is done with the answer. The thread of the loop.
"""

from __future__ import annotations

from typing import Protocol

from openclaw_desktop.system.idle.x11 import X11Idle
from openclaw_desktop.system.x11 import X11Connection


class Idle(Protocol):
    """Knows how long the user has been away."""

    def idle_s(self) -> float | None:
        """Return the seconds since the last input, None where this system won't say."""
        ...


class NoIdle:
    """For systems that won't say."""

    def idle_s(self) -> None:
        """Return None."""


def choose_idle(x11: X11Connection | None) -> Idle:
    """Return the best handler: X11 with the connection of `connect_x11`, else one that doesn't know."""
    return NoIdle() if x11 is None else X11Idle(x11)
