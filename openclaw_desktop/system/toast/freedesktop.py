"""Toasts by the notification service of a Linux desktop (org.freedesktop.Notifications 1.2), over D-Bus.

Owns the talk with that service: what it can, which number it gave to which toast, that it may end and come back. Only a
service that says so is sent markup, and then everything of ours is escaped. Must not know what is told. Loop; nothing
polls: the service tells what became of a toast.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.system.bus_link import DBUS, BusFailed, BusLink, bus_address
from openclaw_desktop.system.toast.toast import (
    OPEN,
    OnToast,
    Toast,
    ToastClosed,
    ToastPressed,
    ToastsBack,
    ToastsLost,
    no_toasts,
)

log = logging.getLogger(__name__)

SERVICE = INTERFACE = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
APPLICATION, DESKTOP_ENTRY = "OpenCLaw", "openclaw-desktop"
URGENCY = {"low": 0, "normal": 1, "critical": 2}
# "The notification was dismissed by the user": the only reason that says something about them.
BY_USER = 2
# The service decides how long; a critical one stays until somebody puts it away.
ITS_OWN_TIME, NEVER = -1, 0


class DesktopToasts:
    """`Toasts` over a session bus. `icon`: a picture file. Nothing is connected before the first toast."""

    def __init__(self, environment: Mapping[str, str], on_event: OnToast, icon: Path) -> None:
        self._environment = environment
        self._on_event = on_event
        self._icon = str(icon)
        self._link: BusLink | None = None
        self._opening = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None
        self._capabilities: frozenset[str] | None = None
        self._name = ""
        # The bus and the service that these numbers are of: another one gives the same numbers to others' toasts.
        self._place = ""
        # The service's numbers of the toasts that are on the screen, both ways.
        self._numbers: dict[str, int] = {}
        self._toasts: dict[int, str] = {}
        # What a signal says of a number before the service's answer has told whose that is.
        self._early: dict[int, tuple[str, Any]] = {}
        self._showing = 0

    @property
    def name(self) -> str:
        """The service's own name, "" before it was asked."""
        return self._name

    async def show(self, toast: Toast) -> str:
        """Show `toast`, and return its mark: bus, service and number; raises UserError where no service takes it."""
        self._showing += 1
        try:
            link = await self._connect()
            can = await self._ask_what_it_can(link)
            number = await self._notify(link, toast, can)
        except BusFailed as error:
            self._capabilities = None
            raise _unreachable(error.name) from error
        finally:
            self._showing -= 1
            early, self._early = self._early, self._early if self._showing else {}
        self._remember(toast, number)
        if number in early:
            self._settle(number, *early[number])
        return f"{self._place} {number}"

    async def sweep(self, marks: Sequence[str]) -> None:
        """Take what has these marks off the screen, unless another service runs by now; raises UserError."""
        try:
            link = await self._connect()
            # A service that does not run shows nothing: it is not started for that.
            here = await self._find_place(link) if await link.owner(SERVICE) else ""
        except BusFailed as error:
            raise _unreachable(error.name) from error
        for mark in marks:
            place, _, number = mark.rpartition(" ")
            if here and place == here:
                # One that is off the screen by now is answered with an error by some.
                with contextlib.suppress(BusFailed):
                    await self._call(link, "CloseNotification", "u", (int(number),))

    async def withdraw(self, toast_id: str) -> None:
        """Take a toast off the screen."""
        number = self._forget(toast_id)
        if number is None or self._link is None:
            return
        try:
            await self._call(self._link, "CloseNotification", "u", (number,))
        except BusFailed as error:
            log.debug("a toast was not withdrawn: %s", error)

    async def close(self) -> None:
        """End the connection."""
        watch, self._watch = self._watch, None
        link, self._link = self._link, None
        if watch is not None:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        if link is not None:
            await link.close()

    # The talk

    async def _connect(self) -> BusLink:
        async with self._opening:
            if self._link is not None and not self._link.lost.is_set():
                return self._link
            await self.close()
            link = await BusLink.open("session", self._environment)
            if link is None:
                raise no_toasts(tr("There is no desktop session here that shows notices."))
            try:
                await link.listen_for_owner(SERVICE, self._hear_owner)
                await link.listen(SERVICE, INTERFACE, "NotificationClosed", PATH, self._hear_closed)
                await link.listen(SERVICE, INTERFACE, "ActionInvoked", PATH, self._hear_pressed)
            except BusFailed:
                await link.close()
                raise
            self._link, self._capabilities = link, None
            self._watch = asyncio.get_running_loop().create_task(self._await_end(link), name="end of the session bus")
            return link

    async def _await_end(self, link: BusLink) -> None:
        await link.lost.wait()
        self._lose_all()

    async def _ask_what_it_can(self, link: BusLink) -> frozenset[str]:
        """Return what the service can. Asking starts one where the desktop has one that is started when needed."""
        if self._capabilities is None:
            (found,) = await self._call(link, "GetCapabilities")
            self._name = str((await self._call(link, "GetServerInformation"))[0])
            self._place = await self._find_place(link)
            self._capabilities = frozenset(str(one) for one in found)
        return self._capabilities

    async def _find_place(self, link: BusLink) -> str:
        (bus,) = await link.call(*DBUS, "GetId")
        return f"{bus} {await link.owner(SERVICE)}"

    async def _notify(self, link: BusLink, toast: Toast, can: frozenset[str]) -> int:
        actions: list[str] = []
        if "actions" in can:
            actions = [OPEN, toast.open_text or tr("Open")]
            for action in toast.actions:
                actions += [action.id, action.text]
        hints = {
            "urgency": ("y", URGENCY[toast.urgency]),
            "desktop-entry": ("s", DESKTOP_ENTRY),
            "image-path": ("s", self._icon),
        }
        values = (
            APPLICATION,
            self._numbers.get(toast.replaces, 0),
            self._icon,
            toast.title,
            body_for(toast.body, can),
            actions,
            hints,
            NEVER if toast.urgency == "critical" else ITS_OWN_TIME,
        )
        (number,) = await self._call(link, "Notify", "susssasa{sv}i", values)
        return int(number)

    @staticmethod
    async def _call(link: BusLink, member: str, signature: str = "", body: tuple[Any, ...] = ()) -> tuple[Any, ...]:
        return await link.call(SERVICE, PATH, INTERFACE, member, signature, body)

    # What the service tells

    def _hear_closed(self, body: tuple[Any, ...]) -> None:
        number, reason = int(body[0]), int(body[1])
        self._settle(number, "closed", reason)

    def _hear_pressed(self, body: tuple[Any, ...]) -> None:
        self._settle(int(body[0]), "pressed", str(body[1]))

    def _settle(self, number: int, what: str, value: Any) -> None:
        toast_id = self._toasts.get(number)
        if toast_id is None:
            if self._showing:
                # The number belongs to a toast whose call is not answered yet; a press counts more than the end.
                self._early.setdefault(number, (what, value))
            return
        self._forget(toast_id)
        if what == "pressed":
            self._on_event(ToastPressed(toast_id, value))
        else:
            self._on_event(ToastClosed(toast_id, value == BY_USER))

    def _hear_owner(self, body: tuple[Any, ...]) -> None:
        _, before, now = body
        # Another service may know other words, and none of the numbers.
        self._capabilities = None
        if before:
            self._lose_all()
        if now:
            self._on_event(ToastsBack())

    def _lose_all(self) -> None:
        lost = tuple(self._numbers)
        self._numbers.clear()
        self._toasts.clear()
        if lost:
            self._on_event(ToastsLost(lost))

    # The numbers

    def _remember(self, toast: Toast, number: int) -> None:
        if toast.replaces:
            self._forget(toast.replaces)
        self._numbers[toast.id] = number
        self._toasts[number] = toast.id

    def _forget(self, toast_id: str) -> int | None:
        number = self._numbers.pop(toast_id, None)
        if number is not None:
            self._toasts.pop(number, None)
        return number


def make_desktop(environment: Mapping[str, str], on_event: OnToast, icon: Path) -> DesktopToasts | None:
    """Return the handler; None where there is no session bus, or not the library for it."""
    if find_spec("jeepney") is None or not bus_address("session", environment):
        return None
    return DesktopToasts(environment, on_event, icon)


def body_for(body: str, can: frozenset[str]) -> str:
    """Return a plain text as a service takes it that can those things: escaped where it reads markup."""
    return escape(body, quote=False) if "body-markup" in can else body


def _unreachable(reason: str) -> UserError:
    if reason.endswith(("ServiceUnknown", "NameHasNoOwner")):
        return no_toasts(tr("No notification service runs on this desktop."))
    return no_toasts(tr("The desktop's notification service did not answer."))
