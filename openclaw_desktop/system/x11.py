"""One connection of our own to the X server, shared by the hotkey, the idle time and the focus of the popup.

Owns the connection, its place in the event loop and the library's errors. Must not know Qt, which has its own
connection, nor what the events mean. The thread of the loop. Nothing polls: the loop watches the socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr

log = logging.getLogger(__name__)

T = TypeVar("T")
XDisplay: TypeAlias = Any  # python-xlib has no types
XEvent: TypeAlias = Any
_SOURCE_USER = 2  # EWMH: "direct user action", which focus-stealing prevention lets through


class X11Listener(Protocol):
    """Who wants the connection's events."""

    def on_events(self, events: list[XEvent]) -> None:
        """Take what has arrived; the keyboard mapping is already refreshed."""
        ...

    def on_lost(self) -> None:
        """Take note that the X server is gone."""
        ...


def connect_x11(environ: Mapping[str, str]) -> X11Connection | None:
    """Return a connection, None where this is no X11 session or the server doesn't answer.

    Under Wayland there is often an X server too, but it never sees the keys of Wayland windows: that is no X11 session.
    """
    name = environ.get("DISPLAY")
    wayland = environ.get("XDG_SESSION_TYPE") == "wayland" or environ.get("WAYLAND_DISPLAY")
    if not name or wayland or sys.platform in ("win32", "darwin"):
        return None
    # A local display means its Unix socket: the library would go on to try TCP, where anybody may listen.
    address = f"unix/{name}" if name.startswith(":") else name
    with warnings.catch_warnings():
        # On failure the library leaves its socket to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            # Imported here: the library is there for desktops alone and its import costs memory.
            from Xlib.display import Display

            with contextlib.redirect_stdout(io.StringIO()):  # it prints warnings about ~/.Xauthority
                return X11Connection(Display(address))
        except Exception as error:  # the library's own classes have no common base
            log.info("no X server at %s: %s", name, error)
    return None


class X11Connection:
    """An open connection; after the server has gone every request raises UserError and no event comes."""

    def __init__(self, display: XDisplay) -> None:
        self._display = display
        self._display.set_error_handler(lambda error, request: log.debug("X protocol error: %s", error))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._descriptor = -1
        self._listener: X11Listener | None = None
        self.is_open = True

    def run(self, requests: Callable[[XDisplay], T]) -> T:
        """Call `requests` with the library's display and return what it returns; raises UserError."""
        if not self.is_open:
            raise _lost()
        try:
            return requests(self._display)
        except Exception as error:  # the library's own classes have no common base
            self._lose_if_closed()
            raise UserError(
                "x11_failed", tr("The X server didn't do what was asked of it: {error}.", error=error)
            ) from error
        finally:
            # Waiting for a reply may have read events too; the socket would then not become readable for them.
            if self._loop is None:
                self._drain()
            else:
                self._loop.call_soon(self._drain)

    def listen(self, listener: X11Listener) -> None:
        """Hand the events to `listener` from now on, on the running loop (asyncio or qasync); raises UserError."""
        self.ignore()
        if not self.is_open:
            raise _lost()
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        # A duplicate, because the library closes its own before the loop could stop watching it.
        self._descriptor = os.dup(self._display.fileno())
        self._loop.add_reader(self._descriptor, self._drain)
        self._loop.call_soon(self._drain)

    def ignore(self) -> None:
        """Stop handing out events."""
        if self._loop is not None:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._loop = self._listener = None

    def activate(self, window_id: int, timestamp: int) -> None:
        """Give the focus to a window on behalf of a key press at `timestamp` (EWMH 1.5, _NET_ACTIVE_WINDOW)."""

        def send(display: XDisplay) -> None:
            from Xlib import X
            from Xlib.protocol.event import ClientMessage

            message = ClientMessage(
                window=window_id,
                client_type=display.intern_atom("_NET_ACTIVE_WINDOW"),
                data=(32, [_SOURCE_USER, timestamp, 0, 0, 0]),
            )
            mask = X.SubstructureRedirectMask | X.SubstructureNotifyMask
            display.screen().root.send_event(message, event_mask=mask)
            display.flush()

        # Without the focus the popup still shows.
        with contextlib.suppress(UserError):
            self.run(send)

    def close(self) -> None:
        """Close the connection; the server then forgets its grabs."""
        self.ignore()
        if self.is_open:
            self.is_open = False
            with contextlib.suppress(Exception):
                self._display.close()

    def _drain(self) -> None:
        """Read what is there, without waiting."""
        events: list[XEvent] = []
        try:
            while self.is_open and self._display.pending_events():
                events.append(self._display.next_event())
            self._refresh_mapping(events)
        except Exception as error:
            log.info("X connection failed: %s", error)
            self._lose_if_closed()
            return
        if events and self._listener is not None:
            self._listener.on_events(events)

    def _refresh_mapping(self, events: list[XEvent]) -> None:
        from Xlib import X

        for event in events:
            if event.type == X.MappingNotify:
                self._display.refresh_keyboard_mapping(event)

    def _lose_if_closed(self) -> None:
        try:
            self._display.fileno()
        except Exception:
            # Once gone it stays gone: the loop must not be woken by it again.
            listener = self._listener
            self.ignore()
            if self.is_open:
                self.is_open = False
                if listener is not None:
                    listener.on_lost()


def _lost() -> UserError:
    return UserError("x11_lost", tr("The X server has ended."), tr("Start the program again in a desktop session."))
