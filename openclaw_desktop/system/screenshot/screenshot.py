"""A picture of one window: what can take it here.

Owns the protocol, the order of the handlers, and the sentence where none works. Must not know who wants a picture, nor
where it goes. Loop; a handler waits in a thread.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Protocol

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.system.screenshot.picture import Picture, ScreenWindow
from openclaw_desktop.system.screenshot.portal import PortalScreenshots
from openclaw_desktop.system.screenshot.x11 import X11Screenshots

__all__ = ["Picture", "ScreenWindow", "Screenshots", "choose_screenshots"]


class Screenshots(Protocol):
    """Takes pictures. `user_chooses`: the desktop itself asks the user for the window, and tells nobody of others."""

    user_chooses: bool

    async def windows(self) -> Sequence[ScreenWindow]:
        """Return the windows that can be seen, the uppermost first; raises UserError."""
        ...

    async def capture(self, window_id: int) -> Picture:
        """Return a picture of that window, 0 where the user chooses it; raises UserError."""
        ...


class NoScreenshots:
    """For systems without any."""

    user_chooses = False

    async def windows(self) -> Sequence[ScreenWindow]:
        """Raise UserError."""
        raise _none()

    async def capture(self, window_id: int) -> Picture:
        """Raise UserError."""
        raise _none()


def choose_screenshots(environment: Mapping[str, str], platform: str = sys.platform) -> Screenshots:
    """Return the handler of this session: the portal under Wayland, the X server's own pictures under X11."""
    if platform in ("win32", "darwin"):
        return NoScreenshots()
    if environment.get("XDG_SESSION_TYPE") == "wayland" or environment.get("WAYLAND_DISPLAY"):
        bus = environment.get("DBUS_SESSION_BUS_ADDRESS")
        runtime = environment.get("XDG_RUNTIME_DIR")
        if address := bus or (f"unix:path={runtime}/bus" if runtime else ""):
            return PortalScreenshots(address)
        return NoScreenshots()
    return X11Screenshots(environment) if environment.get("DISPLAY") else NoScreenshots()


def _none() -> UserError:
    return UserError(
        "no_screen",
        tr("No picture of a window can be taken here."),
        tr("It works in a desktop session on Linux: under X11, or under Wayland with a desktop portal."),
    )
