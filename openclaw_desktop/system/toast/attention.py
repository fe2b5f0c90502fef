"""Whether the desktop may be disturbed now: do-not-disturb, full screen, a presentation.

Owns the protocol and the order of the handlers. Must not know what would disturb. Loop; asked when there is something
to show, never by the clock alone.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import sys
from collections.abc import Mapping
from typing import Any, Literal, Protocol

log = logging.getLogger(__name__)

Busy = Literal["", "do-not-disturb", "full-screen", "presentation"]


class Attention(Protocol):
    """Knows whether the user wants to be left alone by their desktop."""

    async def busy(self) -> Busy:
        """Return why the desktop is not to be disturbed now; "" where it may, or nobody can tell."""
        ...


class OpenAttention:
    """For systems that don't tell; macOS holds notices back by itself."""

    async def busy(self) -> Busy:
        """Return ""."""
        return ""


# What Windows answers (SHQueryUserNotificationState), where it is none of its "you may".
_WINDOWS: Mapping[int, Busy] = {2: "full-screen", 3: "full-screen", 4: "presentation", 6: "do-not-disturb"}


class WindowsAttention:
    """Asks Windows. Written from its documentation and never run there."""

    async def busy(self) -> Busy:
        """Return why Windows would hold notices back."""
        return await asyncio.to_thread(lambda: _WINDOWS.get(_ask_windows(), ""))


def _ask_windows() -> int:
    state = ctypes.c_int(0)
    libraries: Any = getattr(ctypes, "windll", None)
    try:
        failed = libraries.shell32.SHQueryUserNotificationState(ctypes.byref(state))
    except (AttributeError, OSError) as error:
        log.debug("Windows does not tell whether it may be disturbed: %s", error)
        return 0
    return 0 if failed else state.value


def choose_attention(environment: Mapping[str, str], platform: str = sys.platform) -> Attention:
    """Return the handler of this session."""
    if platform == "win32":
        return WindowsAttention()
    if platform == "darwin" or not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        return OpenAttention()
    from openclaw_desktop.system.toast.linux_attention import LinuxAttention

    return LinuxAttention(environment)
