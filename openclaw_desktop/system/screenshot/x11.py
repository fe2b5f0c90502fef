"""Windows and their pictures from the X server.

Owns how one window's picture is taken without any other window in it: the X server hands out what is on the screen
there, so where no compositor keeps each window's own picture, what lies above the window is made black. Must not know
who wants it. A thread of the call, with a connection of its own; the library is loaded by `system.x11`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.system.screenshot.picture import Picture, ScreenWindow, write_png
from openclaw_desktop.system.x11 import connect_x11

T = TypeVar("T")
XDisplay: TypeAlias = Any  # python-xlib has no types
XWindow: TypeAlias = Any

TIMEOUT_S = 20.0
WINDOWS_MOST = 200
PIXELS_MOST = 40_000_000
TITLE_LONGS = 256  # a title of a kilobyte is enough
_VIEWABLE, _INPUT_ONLY = 2, 2
_Z_PIXMAP, _ALL_PLANES, _ANY_TYPE, _LSB_FIRST = 2, 0xFFFFFFFF, 0, 0


@dataclass(frozen=True, slots=True)
class _Area:
    left: int
    top: int
    right: int
    bottom: int

    def within(self, other: _Area) -> _Area | None:
        found = _Area(
            max(self.left, other.left), max(self.top, other.top),
            min(self.right, other.right), min(self.bottom, other.bottom),
        )  # fmt: skip
        return found if found.left < found.right and found.top < found.bottom else None


class X11Screenshots:
    """`Screenshots` of an X11 session."""

    user_chooses = False

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)

    async def windows(self) -> tuple[ScreenWindow, ...]:
        """Return the windows that can be seen, the uppermost first; raises UserError."""
        return await self._do(lambda display: tuple(found for found, _ in _windows(display)))

    async def capture(self, window_id: int) -> Picture:
        """Return a picture of the window; raises UserError where it can't be seen any more."""
        return await self._do(lambda display: _capture(display, window_id))

    async def _do(self, requests: Callable[[XDisplay], T]) -> T:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await asyncio.to_thread(self._ask, requests)
        except TimeoutError:
            raise UserError("no_screen", tr("The X server did not answer in time.")) from None

    def _ask(self, requests: Callable[[XDisplay], T]) -> T:
        connection = connect_x11(self._environment)
        if connection is None:
            raise UserError("no_screen", tr("The X server can't be reached, so no window can be seen."))
        try:
            return connection.run(requests)
        except UserError as error:
            # What a request of ours says of itself is better than that one failed.
            raise error.__cause__ if isinstance(error.__cause__, UserError) else error from None
        finally:
            connection.close()


def _windows(display: XDisplay) -> Iterator[tuple[ScreenWindow, XWindow]]:
    """Yield the windows of programs that can be seen, the uppermost first."""
    root = display.screen().root
    listed = None
    for name in ("_NET_CLIENT_LIST_STACKING", "_NET_CLIENT_LIST"):
        found = root.get_property(display.intern_atom(name), _ANY_TYPE, 0, WINDOWS_MOST)
        if found is not None and found.format == 32:
            listed = [display.create_resource_object("window", window_id) for window_id in found.value]
            break
    for window in reversed(root.query_tree().children if listed is None else listed):
        with contextlib.suppress(_x_error()):  # it may close at any moment
            attributes, size = window.get_attributes(), window.get_geometry()
            title = _title(display, window)
            if attributes.map_state == _VIEWABLE and attributes.win_class != _INPUT_ONLY and (title or listed):
                yield ScreenWindow(window.id, title, _application(display, window), size.width, size.height), window


def _capture(display: XDisplay, window_id: int) -> Picture:
    found = next((pair for pair in _windows(display) if pair[0].id == window_id), None)
    if found is None:
        raise UserError("no_such_window", tr("That window can't be seen any more."))
    known, window = found
    root = display.screen().root
    corner, whole = root.translate_coords(window, 0, 0), root.get_geometry()
    here = _Area(corner.x, corner.y, corner.x + known.width, corner.y + known.height)
    shown = here.within(_Area(0, 0, whole.width, whole.height))
    if shown is None:
        raise UserError("no_such_window", tr("That window lies outside of the screen."))
    width, height = shown.right - shown.left, shown.bottom - shown.top
    if width * height > PIXELS_MOST:
        raise UserError("too_large", tr("That window is too large for a picture."))
    image = window.get_image(shown.left - here.left, shown.top - here.top, width, height, _Z_PIXMAP, _ALL_PLANES)
    rgb = _rgb(display, image, width * height)
    above = [] if _is_composited(display) else list(_above(display, window, shown))
    for area in above:
        _blacken(rgb, width, shown, area)
    png = write_png(width, height, bytes(rgb))
    return Picture(png, width, height, known.title, known.application, bool(above))


def _rgb(display: XDisplay, image: Any, pixels: int) -> bytearray:
    depths = {known.depth: known.bits_per_pixel for known in display.display.info.pixmap_formats}
    if image.depth not in (24, 32) or depths.get(image.depth) != 32 or len(image.data) != pixels * 4:
        raise UserError("no_screen", tr("This screen counts its colours in a way that no picture is made of."))
    first = 0 if display.display.info.image_byte_order == _LSB_FIRST else 3
    rgb = bytearray(pixels * 3)
    for place, byte in enumerate((2, 1, 0)):
        rgb[place::3] = image.data[abs(first - byte) :: 4]
    return rgb


def _above(display: XDisplay, window: XWindow, shown: _Area) -> Iterator[_Area]:
    """Yield which parts of `shown` other windows lie upon."""
    root = display.screen().root
    frame = window
    while (parent := frame.query_tree().parent) and parent.id != root.id:
        frame = parent
    stacked = root.query_tree().children
    place = next((number for number, other in enumerate(stacked) if other.id == frame.id), len(stacked))
    for other in stacked[place + 1 :]:
        with contextlib.suppress(_x_error()):
            attributes, size = other.get_attributes(), other.get_geometry()
            if attributes.map_state != _VIEWABLE or attributes.win_class == _INPUT_ONLY:
                continue
            border = 2 * size.border_width
            area = _Area(size.x, size.y, size.x + size.width + border, size.y + size.height + border)
            if (part := area.within(shown)) is not None:
                yield part


def _blacken(rgb: bytearray, width: int, shown: _Area, area: _Area) -> None:
    count = (area.right - area.left) * 3
    for row in range(area.top - shown.top, area.bottom - shown.top):
        start = (row * width + area.left - shown.left) * 3
        rgb[start : start + count] = bytes(count)


def _is_composited(display: XDisplay) -> bool:
    """True where a compositor keeps each window's own picture, whatever lies above it (EWMH, _NET_WM_CM_Sn)."""
    name = f"_NET_WM_CM_S{display.get_default_screen()}"
    return bool(display.get_selection_owner(display.intern_atom(name)))


def _title(display: XDisplay, window: XWindow) -> str:
    return _text(display, window, "_NET_WM_NAME") or _text(display, window, "WM_NAME")


def _application(display: XDisplay, window: XWindow) -> str:
    """Return the class that a program gives its windows, such as "Firefox"."""
    parts = [part for part in _text(display, window, "WM_CLASS").split("\0") if part]
    return parts[-1] if parts else ""


def _text(display: XDisplay, window: XWindow, name: str) -> str:
    found = window.get_property(display.intern_atom(name), _ANY_TYPE, 0, TITLE_LONGS)
    if found is None or found.format != 8:
        return ""
    data = found.value
    return bytes(data).decode("utf-8", "replace") if not isinstance(data, str) else data


def _x_error() -> type[Exception]:
    """Return the library's class of errors; it is loaded once a connection stands."""
    from Xlib.error import XError

    return XError  # type: ignore[no-any-return]
