"""The idle time on Windows: GetLastInputInfo of user32, in milliseconds since the start of the system.

Owns that one call. Written from its documentation; not yet run on Windows. Any thread.
"""

from __future__ import annotations

import ctypes
import sys


class _LastInput(ctypes.Structure):
    _fields_ = (("cbSize", ctypes.c_uint), ("dwTime", ctypes.c_uint))


class WindowsIdle:
    """Asks user32."""

    def idle_s(self) -> float | None:
        """Return the seconds since the last input of this session; None where Windows won't say."""
        if sys.platform != "win32":
            return None
        last = _LastInput(ctypes.sizeof(_LastInput), 0)
        if not ctypes.windll.user32.GetLastInputInfo(ctypes.byref(last)):
            return None
        return idle_between(last.dwTime, int(ctypes.windll.kernel32.GetTickCount()))

    async def refresh(self) -> None:
        """Do nothing: `idle_s` asks at once."""


def idle_between(last_ms: int, now_ms: int) -> float:
    """Return the seconds between two counts of 32 bits, which begin anew every 49.7 days."""
    return ((now_ms - last_ms) % (1 << 32)) / 1000
