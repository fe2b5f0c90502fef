"""A picture through the desktop's portal (org.freedesktop.portal.Screenshot): the way under Wayland.

Owns the talk with the portal. The desktop asks the user which window it shall be, and tells nobody of the others. Must
not know who wants it. A thread of the call, with a connection of its own; the library is loaded with the first call.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import stat
import time
from collections import deque
from typing import Any
from urllib.parse import unquote, urlsplit

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.system.screenshot.picture import Picture, ScreenWindow, read_size

BUS_NAME, BUS_PATH = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
INTERFACE, REQUEST = "org.freedesktop.portal.Screenshot", "org.freedesktop.portal.Request"
REPLY_TIMEOUT_S = 10.0
# So long the user has to choose a window.
CHOICE_TIMEOUT_S = 120.0
PICTURE_BYTES = 64 << 20
_DONE, _CANCELLED = 0, 1
_FLAGS: int = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class PortalScreenshots:
    """`Screenshots` of a session with a portal. `address`: of the session bus."""

    user_chooses = True

    def __init__(self, address: str) -> None:
        self._address = address

    async def windows(self) -> tuple[ScreenWindow, ...]:
        """Raise UserError: the desktop tells nobody which windows there are."""
        raise UserError(
            "no_list",
            tr("This desktop tells no program which windows there are."),
            tr("Ask for a screenshot: the desktop then lets you choose the window."),
        )

    async def capture(self, window_id: int) -> Picture:
        """Return the picture of what the user chose in the desktop's own dialog; raises UserError."""
        return await asyncio.to_thread(self._capture)

    def _capture(self) -> Picture:
        from jeepney.io.blocking import open_dbus_connection

        try:
            with open_dbus_connection(bus=self._address) as connection:
                code, results = _ask(connection)
        except (OSError, RuntimeError, KeyError, ValueError, StopIteration) as error:
            raise UserError(
                "no_screen",
                tr("The desktop's portal can't be reached: {reason}.", reason=str(error) or type(error).__name__),
                tr("Install the portal of your desktop, such as xdg-desktop-portal-gnome."),
            ) from error
        if code != _DONE:
            sentence = tr("You chose no window.") if code == _CANCELLED else tr("The desktop took no picture.")
            raise UserError("no_choice", sentence, "", ExitCode.DENIED)
        kind, uri = results.get("uri", ("", ""))
        return _load(uri if kind == "s" else "")


def _ask(connection: Any) -> tuple[int, dict[str, Any]]:
    """Have the portal take a picture, and return its code and results."""
    from jeepney import DBusAddress, HeaderFields, MatchRule, message_bus, new_method_call
    from jeepney.wrappers import DBusErrorResponse, unwrap_msg

    token = f"openclaw{secrets.token_hex(8)}"
    sender = connection.unique_name.removeprefix(":").replace(".", "_")
    path = f"{BUS_PATH}/request/{sender}/{token}"
    rule = MatchRule(type="signal", sender=BUS_NAME, interface=REQUEST, member="Response", path=path)
    # Anybody on the bus may send us such a signal: only that of who answered the call counts.
    arriving = MatchRule(type="signal", interface=REQUEST, member="Response", path=path)
    portal = DBusAddress(BUS_PATH, BUS_NAME, INTERFACE)
    options = {"handle_token": ("s", token), "interactive": ("b", True), "modal": ("b", True)}
    call = new_method_call(portal, "Screenshot", "sa{sv}", ("", options))
    try:
        unwrap_msg(connection.send_and_get_reply(message_bus.AddMatch(rule), timeout=REPLY_TIMEOUT_S))
        with connection.filter(arriving, queue=deque()) as responses:
            reply = connection.send_and_get_reply(call, timeout=REPLY_TIMEOUT_S)
            (handle,) = unwrap_msg(reply)
            if handle != path:
                raise RuntimeError("it answers in a form that is too old")
            portal_is = reply.header.fields[HeaderFields.sender]
            deadline_s = time.monotonic() + CHOICE_TIMEOUT_S
            try:
                while True:
                    left_s = deadline_s - time.monotonic()
                    response = connection.recv_until_filtered(responses, timeout=left_s)
                    if response.header.fields[HeaderFields.sender] == portal_is:
                        break
                code, results = response.body
            except TimeoutError:
                connection.send(new_method_call(DBusAddress(path, BUS_NAME, REQUEST), "Close"))
                raise UserError("no_choice", tr("No window was chosen in time."), "", ExitCode.DENIED) from None
    except DBusErrorResponse as error:
        raise RuntimeError(error.name) from error
    return int(code), dict(results)


def _load(uri: str) -> Picture:
    """Return the picture that the portal left for us; raises UserError where it is none."""
    parts = urlsplit(uri)
    bad = UserError("no_picture", tr("The desktop left no picture that can be read."))
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise bad
    try:
        file = os.open(unquote(parts.path), _FLAGS)
    except (OSError, ValueError):
        raise bad from None
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > PICTURE_BYTES:
            raise bad
        with os.fdopen(os.dup(file), "rb") as opened:
            png = opened.read(PICTURE_BYTES)
    finally:
        os.close(file)
    size = read_size(png)
    if size is None:
        raise bad
    return Picture(png, *size)
