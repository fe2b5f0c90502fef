"""A user's eyes and hands on one X screen: which windows there are, what they say, where to click.

Owns a connection of its own to the X server. Text is found by its picture (`lettering`), so that a test needs no
accessibility bus and no knowledge of the program's inside.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from lettering import Lettering, find_picture
from numpy.typing import NDArray
from session import DesktopSession
from Xlib import X
from Xlib.display import Display
from Xlib.error import XError
from Xlib.xobject.drawable import Window

T = TypeVar("T")
DEADLINE_S = 40.0
LOOK_S = 0.03


def until(look: Callable[[], T], what: str, deadline_s: float = DEADLINE_S) -> T:
    """Look until there is something and return it; for what nobody announces."""
    end_s = time.monotonic() + deadline_s
    while not (found := look()):
        assert time.monotonic() < end_s, f"{what}: not within {deadline_s:.0f} s"
        time.sleep(LOOK_S)
    return found


@dataclass(frozen=True)
class Area:
    """A rectangle of the screen."""

    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> tuple[int, int]:
        return self.x + self.width // 2, self.y + self.height // 2

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    def below(self, height: int) -> Area:
        """Return what is left without the topmost `height` pixels."""
        return Area(self.x, self.y + height, self.width, self.height - height)


class Screen:
    """Use as a context manager."""

    def __init__(self, session: DesktopSession) -> None:
        self.session = session
        self.lettering = Lettering(session)
        self._display = Display(session.name)
        self._root = self._display.screen().root

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self._display.close()

    # What is there

    @property
    def all(self) -> Area:
        size = self._root.get_geometry()
        return Area(0, 0, size.width, size.height)

    def find_window(self, title: str) -> Area | None:
        """Return where the window of that title is shown; None where there is none or it is hidden."""
        for window in self._windows(self._root, depth=3):
            # An icon in an older tray is a window too, with the program's name.
            if self._title(window) == title and (area := self._area(window)) is not None and area.height > 100:
                return area
        return None

    def find_menu(self) -> Area | None:
        """Return where a menu is open: a window that no window manager was asked about, too large for a tooltip."""
        for window in self._windows(self._root, depth=1):
            area = self._area(window)
            if area is not None and self._is_menu(window) and area.height > 60:
                return area
        return None

    def active_title(self) -> str:
        """Return the title of the window that has the keyboard."""
        name = self._display.intern_atom("_NET_ACTIVE_WINDOW")
        found = self._root.get_full_property(name, X.AnyPropertyType)
        if found is None or not found.value or not found.value[0]:
            return ""
        return self._title(self._display.create_resource_object("window", found.value[0]))

    def look(self, area: Area) -> NDArray[np.uint8]:
        """Return the pixels of `area`: height, width, (blue, green, red)."""
        image = self._root.get_image(area.x, area.y, area.width, area.height, X.ZPixmap, 0xFFFFFFFF)
        return np.frombuffer(image.data, np.uint8).reshape(area.height, area.width, 4)[:, :, :3]

    def find_icon(self, area: Area | None = None) -> Area | None:
        """Return where the tray icon is: the program's teal square at the bottom of the screen."""
        area = area or Area(0, self.all.height - 32, self.all.width, 32)
        blue, green, red = np.moveaxis(self.look(area).astype(np.int16), 2, 0)
        teal = (green - red > 60) & (blue - red > 50) & (abs(green - blue) < 60)
        # Columns with a single teal pixel belong to the rim of the popup.
        columns = np.nonzero(teal.sum(axis=0) >= 4)[0]
        if len(columns) < 10:
            return None
        rows = np.nonzero(teal[:, columns].any(axis=1))[0]
        left, top = int(columns.min()), int(rows.min())
        return Area(area.x + left, area.y + top, int(columns.max()) - left + 1, int(rows.max()) - top + 1)

    def find_text(self, text: str, area: Area | None = None, size: float = 1.0) -> Area | None:
        """Return where `text` is written, in the program's font times `size`."""
        area = area or self.all
        found = find_picture(self.lettering.picture_of(text, size), self.look(area).mean(axis=2))
        return None if found is None else Area(area.x + found[0], area.y + found[1], found[2], found[3])

    def wait_for_text(self, text: str, area: Area | None = None, size: float = 1.0) -> Area:
        return until(lambda: self.find_text(text, area, size), f"the screen says {text!r}")

    # What is done

    def click(self, at: Area | tuple[int, int], button: int = 1) -> None:
        x, y = at.middle if isinstance(at, Area) else at
        self.session.run("xdotool", "mousemove", str(x), str(y), "click", str(button))

    def point_away(self) -> None:
        """Put the pointer where nothing reacts to it."""
        self.session.run("xdotool", "mousemove", "3", "3")

    def type(self, text: str) -> None:
        self.session.run("xdotool", "type", "--delay", "8", text)

    # X11

    def _windows(self, window: Window, depth: int) -> list[Window]:
        try:
            children = window.query_tree().children
        except XError:
            return []
        return [found for child in children for found in (child, *(self._windows(child, depth - 1) if depth else ()))]

    def _title(self, window: Window) -> str:
        try:
            found = window.get_full_text_property(self._display.intern_atom("_NET_WM_NAME"))
            return found or window.get_wm_name() or ""
        except XError:
            return ""

    def _area(self, window: Window) -> Area | None:
        try:
            if window.get_attributes().map_state != X.IsViewable:
                return None
            size = window.get_geometry()
            corner = self._root.translate_coords(window, 0, 0)
        except XError:
            return None
        return Area(corner.x, corner.y, size.width, size.height)

    def _is_menu(self, window: Window) -> bool:
        try:
            kinds = window.get_full_property(self._display.intern_atom("_NET_WM_WINDOW_TYPE"), X.AnyPropertyType)
            menus = {self._display.intern_atom(f"_NET_WM_WINDOW_TYPE_{kind}") for kind in ("POPUP_MENU", "MENU")}
            return bool(window.get_attributes().override_redirect and kinds and menus & set(kinds.value))
        except XError:
            return False
