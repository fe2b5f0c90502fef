"""The idle time on X11, asked of the server's MIT-SCREEN-SAVER extension (X11R6, ScreenSaverQueryInfo).

Owns that one request. The thread of the loop.
"""

from __future__ import annotations

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.system.x11 import X11Connection, XDisplay


class X11Idle:
    """Asks the X server."""

    def __init__(self, connection: X11Connection) -> None:
        self._connection = connection

    def idle_s(self) -> float | None:
        """Return the seconds since the last input; None without the extension or the server."""
        try:
            return self._connection.run(_query)
        except UserError:
            return None

    async def refresh(self) -> None:
        """Do nothing: `idle_s` asks at once."""


def _query(display: XDisplay) -> float | None:
    if not display.has_extension("MIT-SCREEN-SAVER"):
        return None
    return float(display.screen().root.screensaver_query_info().idle) / 1000
