"""A key combination that works in every window: what it is, and which handler does it here.

Owns the protocol, the order of the handlers and the sentence when none works. Must not know what the key does.
The thread of the loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.system.hotkey.x11 import X11Hotkey
from openclaw_desktop.system.x11 import X11Connection

OnPress = Callable[[int], None]


class Hotkey(Protocol):
    """One key combination at a time."""

    @property
    def sentence(self) -> str | None:
        """What to tell the user where no combination can be taken; None where it can."""
        ...

    def register(self, combination: str, on_press: OnPress) -> None:
        """Call `on_press` with the time stamp of each press (milliseconds of the display server); raises UserError.

        `combination` is such as "Ctrl+Alt+Space". Called on the running loop; replaces an earlier combination.
        """
        ...

    def unregister(self) -> None:
        """Give the combination back; harmless where there is none."""
        ...


class NoHotkey:
    """No program may take a key here: the desktop itself has to."""

    @property
    def sentence(self) -> str:
        """What to do instead."""
        return _unavailable().failure.text

    def register(self, combination: str, on_press: OnPress) -> None:
        """Raise UserError with what to do instead."""
        raise _unavailable()

    def unregister(self) -> None:
        """Do nothing."""


def choose_hotkey(x11: X11Connection | None) -> Hotkey:
    """Return the best handler: X11 with the connection of `connect_x11`, else one that says what to do instead."""
    return NoHotkey() if x11 is None else X11Hotkey(x11)


def _unavailable() -> UserError:
    return UserError(
        "hotkey_unavailable",
        tr("On this desktop a program can't take a key combination for itself."),
        tr("In your desktop's keyboard settings, bind one to the command: openclaw-desktop --toggle-chat"),
    )
