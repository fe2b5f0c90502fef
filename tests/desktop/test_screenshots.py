"""Pictures of one window: on a real X server, with and without a compositor, and through a portal on a real bus."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

if sys.platform != "linux":
    pytest.skip("X11 needs Linux", allow_module_level=True)
pytest.importorskip("Xlib", reason="the desktop dependencies are not installed")

from jeepney import DBusAddress, HeaderFields, MessageType, message_bus, new_method_return, new_signal
from jeepney.io.blocking import open_dbus_connection
from screen import until
from session import PROGRAMS, DesktopSession
from Xlib import X, Xutil
from Xlib.display import Display
from Xlib.ext import composite

from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import Question
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.system.screenshot import Picture, choose_screenshots
from openclaw_desktop.system.screenshot import portal as portal_module
from openclaw_desktop.system.screenshot.picture import write_png
from openclaw_desktop.system.screenshot.portal import BUS_NAME, REQUEST, PortalScreenshots
from openclaw_desktop.tools.arguments import find_problem
from openclaw_desktop.tools.execution import Executor
from openclaw_desktop.tools.screenshot import TakeScreenshotTool

if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
    pytest.skip(f"not installed: {', '.join(missing)}", allow_module_level=True)

BLUE, GREEN, RED = (0x33, 0x66, 0xCC), (0x11, 0xAA, 0x22), (0xFF, 0x00, 0x00)
Colour = tuple[int, int, int]


@pytest.fixture(scope="module")
def desktop() -> Iterator[DesktopSession]:
    with DesktopSession() as session:
        display = Display(session.name)
        listed = display.intern_atom("_NET_CLIENT_LIST_STACKING")
        # A window that is opened before the window manager manages any stays unmanaged.
        until(lambda: display.screen().root.get_full_property(listed, X.AnyPropertyType) is not None, "openbox")
        display.close()
        yield session


@pytest.fixture
def painter(desktop: DesktopSession) -> Iterator[Painter]:
    painter = Painter(desktop)
    yield painter
    painter.display.close()


class Painter:
    """A program with windows of one colour."""

    def __init__(self, desktop: DesktopSession) -> None:
        self.display = Display(desktop.name)
        self.screen = self.display.screen()

    def open(self, title: str, colour: Colour, x: int, y: int, width: int = 300, height: int = 200) -> Any:
        """Open a window with a red corner, and wait until it lies on top of all others."""
        pixel = int.from_bytes(bytes(colour), "big")
        window = self.screen.root.create_window(
            x, y, width, height, 0, self.screen.root_depth, X.InputOutput, X.CopyFromParent,
            background_pixel=pixel, event_mask=X.ExposureMask,
        )  # fmt: skip
        name, utf8 = (self.display.intern_atom(word) for word in ("_NET_WM_NAME", "UTF8_STRING"))
        window.change_property(name, utf8, 8, title.encode())
        window.set_wm_class("painter", "Painter")
        window.set_wm_normal_hints(flags=Xutil.USPosition | Xutil.PPosition, x=x, y=y)
        window.map()
        self.display.sync()
        stacking = self.display.intern_atom("_NET_CLIENT_LIST_STACKING")

        def is_on_top() -> bool:
            found = self.screen.root.get_full_property(stacking, X.AnyPropertyType)
            return found is not None and len(found.value) > 0 and found.value[-1] == window.id

        until(is_on_top, f"{title} is open")
        window.fill_rectangle(window.create_gc(foreground=int.from_bytes(bytes(RED), "big")), 0, 0, 10, 10)
        self.display.sync()
        return window

    def become_compositor(self) -> None:
        """Keep each window's own picture, as a compositor does, and say so."""
        self.screen.root.composite_redirect_subwindows(composite.RedirectAutomatic)
        owner = self.screen.root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
        owner.set_selection_owner(self.display.intern_atom("_NET_WM_CM_S0"), X.CurrentTime)
        self.display.sync()


def pixels(picture: Picture) -> Any:
    start = picture.png.index(b"IDAT") + 4
    size = int.from_bytes(picture.png[start - 8 : start - 4], "big")
    rows = np.frombuffer(zlib.decompress(picture.png[start : start + size]), np.uint8)
    return rows.reshape(picture.height, picture.width * 3 + 1)[:, 1:].reshape(picture.height, picture.width, 3)


def share(picture: Picture, colour: Colour) -> float:
    return float((pixels(picture) == np.array(colour)).all(axis=2).mean())


async def test_a_window_alone_is_in_its_picture(desktop: DesktopSession, painter: Painter) -> None:
    below = painter.open("Alpha — ünïcode\u202e", BLUE, 100, 100)
    painter.open("Beta", GREEN, 250, 150)
    screen = choose_screenshots(desktop.env)
    windows = await screen.windows()
    assert [(w.title, w.application) for w in windows] == [("Beta", "Painter"), ("Alpha — ünïcode\u202e", "Painter")]
    assert (windows[1].id, windows[1].width, windows[1].height) == (below.id, 300, 200)
    over = await screen.capture(windows[0].id)
    assert not over.covered and share(over, GREEN) > 0.99
    assert (pixels(over)[2, 2] == RED).all() and (pixels(over)[2, 20] == GREEN).all()
    under = await screen.capture(below.id)
    assert under.covered and (under.width, under.height) == (300, 200)
    assert share(under, GREEN) == 0, "nothing of the window above it"
    assert share(under, BLUE) > 0.4 and share(under, (0, 0, 0)) > 0.2
    assert share(under, BLUE) + share(under, (0, 0, 0)) > 0.99


async def test_with_a_compositor_what_is_covered_is_there_too(desktop: DesktopSession, painter: Painter) -> None:
    painter.become_compositor()
    below = painter.open("Alpha", BLUE, 400, 300)
    painter.open("Beta", GREEN, 450, 350)
    picture = await choose_screenshots(desktop.env).capture(below.id)
    assert not picture.covered and share(picture, BLUE) > 0.99


async def test_a_window_beyond_the_edge_and_one_that_closed(desktop: DesktopSession, painter: Painter) -> None:
    window = painter.open("Edge", BLUE, 1100, 100, 400, 100)
    screen = choose_screenshots(desktop.env)
    corner = painter.screen.root.translate_coords(window, 0, 0)
    picture = await screen.capture(window.id)
    assert picture.width == min(400, 1280 - corner.x) and share(picture, BLUE) > 0.95
    window.destroy()
    painter.display.sync()
    with pytest.raises(UserError, match="can't be seen any more"):
        await screen.capture(window.id)
    with pytest.raises(UserError, match="can't be reached"):
        await choose_screenshots({"DISPLAY": ":99999"}).windows()


async def test_through_the_gate_into_the_agents_own_folder(
    desktop: DesktopSession, painter: Painter, tmp_path: Path
) -> None:
    painter.open("Report for Ana", GREEN, 50, 50)
    asked: list[Question] = []

    class Grants:
        async def active(self) -> frozenset[Grant]:
            return frozenset()

        async def add(self, capability: str, scope: str) -> None:
            raise NotImplementedError

    async def yes(question: Question) -> str:
        asked.append(question)
        return "once"

    tool = TakeScreenshotTool(choose_screenshots(desktop.env), tmp_path / "pictures", SystemClock())
    call = ToolCall("c", "take_screenshot", {"window": "report"})
    outcome = (await Executor([tool], Grants(), find_problem)(call, CallScene("s", "t", USER), yes))[0]
    assert outcome.status == "done" and asked[0].target == "Painter: Report for Ana (300 x 200)"
    (kept,) = (tmp_path / "pictures").iterdir()
    assert share(Picture(kept.read_bytes(), 300, 200), GREEN) > 0.99


class Portal:
    """Stands in for the desktop's portal: owns its name on the bus and answers as told."""

    def __init__(self, address: str, code: int, uri: str, *, forged: str = "", silent: bool = False) -> None:
        self.connection = open_dbus_connection(bus=address)
        self.other = open_dbus_connection(bus=address)
        self.connection.send_and_get_reply(message_bus.RequestName(BUS_NAME))
        self.code, self.uri, self.forged, self.silent = code, uri, forged, silent
        self.heard: list[tuple[str, Any]] = []
        self.closed = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                message = self.connection.receive()
            except (OSError, ValueError, KeyError):  # closed by the test
                return
            if message.header.message_type is not MessageType.method_call:
                continue
            fields = message.header.fields
            member = fields[HeaderFields.member]
            self.heard.append((member, message.body))
            if member == "Close":
                self.closed.set()
            if member != "Screenshot":
                continue
            sender = fields[HeaderFields.sender]
            token = message.body[1]["handle_token"][1]
            path = f"/org/freedesktop/portal/desktop/request/{sender[1:].replace('.', '_')}/{token}"
            self.connection.send(new_method_return(message, "o", (path,)))
            if self.forged:
                self.other.send(self._response(path, sender, 0, self.forged))
                self.other.send_and_get_reply(message_bus.GetId())  # it has reached the bus before ours does
            if not self.silent:
                self.connection.send(self._response(path, sender, self.code, self.uri))

    @staticmethod
    def _response(path: str, receiver: str, code: int, uri: str) -> Any:
        signal = new_signal(
            DBusAddress(path, interface=REQUEST), "Response", "ua{sv}", (code, {"uri": ("s", uri)} if uri else {})
        )
        signal.header.fields[HeaderFields.destination] = receiver
        return signal

    def close(self) -> None:
        self.other.close()
        self.connection.sock.shutdown(2)
        self.thread.join(10)
        self.connection.close()


@pytest.fixture
def portals(desktop: DesktopSession) -> Iterator[Any]:
    opened: list[Portal] = []

    def open_portal(code: int, uri: str, **more: Any) -> Portal:
        opened.append(Portal(desktop.env["DBUS_SESSION_BUS_ADDRESS"], code, uri, **more))
        return opened[-1]

    yield open_portal
    for portal in opened:
        portal.close()


async def test_the_portal_lets_the_user_choose(desktop: DesktopSession, portals: Any, tmp_path: Path) -> None:
    chosen, evil = tmp_path / "a picture.png", tmp_path / "evil.png"
    chosen.write_bytes(write_png(4, 2, bytes(GREEN) * 8))
    evil.write_bytes(write_png(1, 1, bytes(RED)))
    portal = portals(0, chosen.as_uri(), forged=evil.as_uri())
    environment = {**desktop.env, "XDG_SESSION_TYPE": "wayland", "WAYLAND_DISPLAY": "wayland-0"}
    screen = choose_screenshots(environment)
    assert isinstance(screen, PortalScreenshots)
    picture = await screen.capture(0)
    assert (picture.width, picture.height, share(picture, GREEN)) == (4, 2, 1.0), "a forged answer does not count"
    ((member, (parent, options)),) = portal.heard
    assert (member, parent, options["interactive"]) == ("Screenshot", "", ("b", True))
    with pytest.raises(UserError, match="tells no program"):
        await screen.windows()


@pytest.mark.parametrize(
    ("code", "uri", "word"),
    [(1, "", "You chose no window"), (2, "", "took no picture"), (0, "file:///etc/passwd", "no picture that"),
     (0, "", "no picture that")],
)  # fmt: skip
async def test_a_portal_that_gives_no_picture(
    desktop: DesktopSession, portals: Any, code: int, uri: str, word: str
) -> None:
    portals(code, uri)
    with pytest.raises(UserError, match=word):
        await PortalScreenshots(desktop.env["DBUS_SESSION_BUS_ADDRESS"]).capture(0)


async def test_a_silent_portal_is_told_to_stop(
    desktop: DesktopSession, portals: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal_module, "CHOICE_TIMEOUT_S", 0.2)
    portal = portals(0, "", silent=True)
    with pytest.raises(UserError, match="No window was chosen in time"):
        await PortalScreenshots(desktop.env["DBUS_SESSION_BUS_ADDRESS"]).capture(0)
    assert portal.closed.wait(20)


async def test_no_portal_and_no_bus_are_one_sentence(desktop: DesktopSession, tmp_path: Path) -> None:
    for address in (desktop.env["DBUS_SESSION_BUS_ADDRESS"], f"unix:path={tmp_path}/none", "tcp:host=home.test", "x"):
        with pytest.raises(UserError, match="portal can't be reached"):
            await PortalScreenshots(address).capture(0)
    assert os.environ.get("DBUS_SESSION_BUS_ADDRESS") != desktop.env["DBUS_SESSION_BUS_ADDRESS"]
