"""Word of UPower when mains or the battery's charge change, on Linux.

Owns which signals say so. What is then read is the kernel's own (`power.py`): a signal only says when. Loop.
"""

from __future__ import annotations

from collections.abc import Callable

from openclaw_desktop.system.bus_link import BusFailed, BusLink

NAME, PATH = "org.freedesktop.UPower", "/org/freedesktop/UPower"
PROPERTIES = "org.freedesktop.DBus.Properties"


class UPowerSignals:
    """Calls `on_change` at each change; `working` while UPower is there to tell."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self.working = False

    async def follow(self, link: BusLink) -> None:
        """Begin to listen. Where UPower is not there, it may still come."""
        try:
            await link.listen(NAME, PROPERTIES, "PropertiesChanged", f"{PATH}/", lambda _body: self._on_change())
            await link.listen(NAME, NAME, "DeviceAdded", PATH, lambda _body: self._on_change())
            await link.listen(NAME, NAME, "DeviceRemoved", PATH, lambda _body: self._on_change())
            await link.listen_for_owner(NAME, self._note_owner)
            # Asking starts it where the bus can, so that its name alone is no answer.
            await link.properties(NAME, PATH, NAME)
        except BusFailed:
            self.working = False
        else:
            self.working = True

    def lose(self) -> None:
        """The bus is gone."""
        self.working = False

    def _note_owner(self, body: tuple[object, ...]) -> None:
        self.working = bool(body[2])
        self._on_change()
