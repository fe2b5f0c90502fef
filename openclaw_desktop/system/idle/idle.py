"""How long the user has touched neither keyboard nor mouse: what it is, and which handler knows it here.

Owns the protocol and the order of the handlers. Must not know what is done with the answer. The thread of the loop.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol

from openclaw_desktop.core.text import tr
from openclaw_desktop.system.bus_link import BusLink
from openclaw_desktop.system.idle.desktop_bus import MutterIdle, SaverIdle
from openclaw_desktop.system.idle.macos import MacIdle
from openclaw_desktop.system.idle.windows import WindowsIdle
from openclaw_desktop.system.idle.x11 import X11Idle
from openclaw_desktop.system.x11 import X11Connection


class Idle(Protocol):
    """Knows how long the user has been away."""

    def idle_s(self) -> float | None:
        """Return the seconds since the last input, None where this system won't say."""
        ...

    async def refresh(self) -> None:
        """Have `idle_s` true, where that takes a question to somebody else."""
        ...


class NoIdle:
    """For systems that won't say."""

    def idle_s(self) -> None:
        """Return None."""

    async def refresh(self) -> None:
        """Do nothing."""


def choose_idle(x11: X11Connection | None) -> Idle:
    """Return the handler that needs no message bus: the system's own, X11 with the connection of `connect_x11`."""
    if sys.platform == "win32":
        return WindowsIdle()
    if sys.platform == "darwin":
        return MacIdle()
    return NoIdle() if x11 is None else X11Idle(x11)


async def find_idle(link: BusLink, on_back: Callable[[], None]) -> Idle:
    """Return what the desktop offers over the session bus (GNOME, then the screen saver), else one that doesn't know.

    `on_back`: called when somebody is back, where the desktop tells that.
    """
    for handler in (MutterIdle(link, on_back), SaverIdle(link)):
        if await handler.start():
            return handler
    return NoIdle()


def no_idle() -> str:
    """Return what to say where nothing here knows it."""
    return tr("This desktop tells no program how long nobody has touched it: only what is asked of the agent counts.")
