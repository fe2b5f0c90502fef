"""Whether a Linux desktop may be disturbed: what its services tell, and whether the active window fills the screen.

Owns the questions; each desktop answers one or two of them, and a service that does not run is not started for it. Must
not know what would disturb. Loop; the X server is asked in a thread, by a connection that is opened for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.system.bus_link import BusFailed, BusLink
from openclaw_desktop.system.toast.attention import Busy
from openclaw_desktop.system.toast.freedesktop import INTERFACE, PATH, SERVICE
from openclaw_desktop.system.x11 import XDisplay, connect_x11

log = logging.getLogger(__name__)

ASK_TIMEOUT_S = 2.0
# org.gnome.SessionManager: "inhibit the session being marked as idle", which players and slide shows do.
IDLE_INHIBITED = 8
_XFCONF = ("org.xfce.Xfconf", "/org/xfce/Xfconf", "org.xfce.Xfconf")


class LinuxAttention:
    """Asks the session bus and the X server."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    async def busy(self) -> Busy:
        """Return why the desktop is not to be disturbed now."""
        by_bus, fills = await asyncio.gather(self._ask_bus(), asyncio.to_thread(self._is_full_screen))
        return by_bus or ("full-screen" if fills else "")

    async def _ask_bus(self) -> Busy:
        link = await BusLink.open("session", self._environment)
        if link is None:
            return ""
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                if await self._is_paused(link):
                    return "do-not-disturb"
                return "presentation" if await self._is_presenting(link) else ""
        except TimeoutError:
            log.info("the desktop did not say in time whether it may be disturbed")
            return ""
        finally:
            await link.close()

    async def _is_paused(self, link: BusLink) -> bool:
        if not await link.owner(SERVICE):
            return False
        # KDE's property, and dunst's own; a service answers for those that it has.
        for interface, name in ((INTERFACE, "Inhibited"), ("org.dunstproject.cmd0", "paused")):
            with contextlib.suppress(BusFailed):
                if (await link.properties(SERVICE, PATH, interface)).get(name):
                    return True
        if await self._xfce(link, "xfce4-notifyd", "/do-not-disturb"):
            return True
        return await self._gnome_hides_banners()

    async def _is_presenting(self, link: BusLink) -> bool:
        if await self._xfce(link, "xfce4-power-manager", "/xfce4-power-manager/presentation-mode"):
            return True
        gnome = ("org.gnome.SessionManager", "/org/gnome/SessionManager", "org.gnome.SessionManager")
        if await self._is_yes(link, gnome, "IsInhibited", "u", (IDLE_INHIBITED,)):
            return True
        # KDE's own answer for the screen; the general one counts what keeps the machine awake, such as a download.
        kde = "org.kde.Solid.PowerManagement.PolicyAgent"
        policy = ("org.kde.Solid.PowerManagement", "/org/kde/Solid/PowerManagement/PolicyAgent", kde)
        return await self._is_yes(link, policy, "HasInhibition", "u", (4,))

    async def _xfce(self, link: BusLink, channel: str, name: str) -> bool:
        return await self._is_yes(link, _XFCONF, "GetProperty", "ss", (channel, name))

    async def _is_yes(
        self, link: BusLink, service: tuple[str, str, str], member: str, signature: str, body: tuple[Any, ...]
    ) -> bool:
        """Return whether a service that runs answers yes; one that does not know the question does not."""
        if not await link.owner(service[0]):
            return False
        try:
            (answer,) = await link.call(*service, member, signature, body)
        except (BusFailed, ValueError):
            return False
        return (answer[1] if isinstance(answer, tuple) else answer) is True

    async def _gnome_hides_banners(self) -> bool:
        """Return whether GNOME's do-not-disturb is on, by its own command: no service of its tells it."""
        if "GNOME" not in self._environment.get("XDG_CURRENT_DESKTOP", "").upper().split(":"):
            return False
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        words = ("gsettings", "get", "org.gnome.desktop.notifications", "show-banners")
        try:
            child = await asyncio.create_subprocess_exec(
                *words, stdin=null, stdout=pipe, stderr=null, env=dict(self._environment)
            )
        except OSError:
            return False
        try:
            told, _ = await child.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
            raise
        return told.strip() == b"false"

    def _is_full_screen(self) -> bool:
        """Return whether the active window fills its screen (EWMH); False under Wayland, which tells nobody."""
        connection = connect_x11(self._environment)
        if connection is None:
            return False
        try:
            return connection.run(_active_fills_screen)
        except UserError as error:
            log.debug("the X server did not say whether a window fills the screen: %s", error)
            return False
        finally:
            connection.close()


def _active_fills_screen(display: XDisplay) -> bool:
    from Xlib import X

    def words(window: Any, name: str) -> list[int]:
        found = window.get_full_property(display.intern_atom(name), X.AnyPropertyType)
        return [] if found is None else list(found.value)

    active = words(display.screen().root, "_NET_ACTIVE_WINDOW")
    if not active or not active[0]:
        return False
    window = display.create_resource_object("window", active[0])
    return display.intern_atom("_NET_WM_STATE_FULLSCREEN") in words(window, "_NET_WM_STATE")
