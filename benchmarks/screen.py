"""The screen as a user's eyes and fingers have it: keys pressed, pixels changed.

Owns a connection to the X server with the DAMAGE and XTEST extensions. Event-driven: a picture is looked at when the
server says that something was drawn. Must not know the product.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from Xlib import XK, X
from Xlib.display import Display
from Xlib.ext import damage, xtest

LIMIT_S = 15.0
QUIET_S = 0.4
# A blinking cursor is far less, an icon in its panel or a popup far more.
TOLERATED_SHARE = 0.001


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of the screen; `rows` is how many of its lines are looked at (all where 0)."""

    x: int
    y: int
    width: int
    height: int
    rows: int = 0

    def strips(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield x, y, width and height of what is looked at."""
        if not self.rows:
            yield self.x, self.y, self.width, self.height
            return
        for index in range(self.rows):
            yield self.x, self.y + (2 * index + 1) * self.height // (2 * self.rows), self.width, 1


class Screen:
    """One display. Times are those of `time.perf_counter`."""

    def __init__(self, name: str) -> None:
        self._display = Display(name)
        self._root = self._display.screen().root
        self._display.damage_query_version()
        self._root.change_attributes(event_mask=X.SubstructureNotifyMask)
        self._root.damage_create(damage.DamageReportRawRectangles)
        self._display.sync()

    def close(self) -> None:
        """Let go of the display."""
        self._display.close()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        screen = self._display.screen()
        return screen.width_in_pixels, screen.height_in_pixels

    def press(self, *names: str) -> float:
        """Press a combination such as "Control_L", "Alt_L", "space" and return when the last key went down."""
        codes = [self._display.keysym_to_keycode(XK.string_to_keysym(name)) for name in names]
        for code in codes[:-1]:
            xtest.fake_input(self._display, X.KeyPress, code)
        self._display.sync()
        moment_s = time.perf_counter()
        xtest.fake_input(self._display, X.KeyPress, codes[-1])
        self._display.flush()
        for code in reversed(codes):
            xtest.fake_input(self._display, X.KeyRelease, code)
        self._display.flush()
        return moment_s

    def batches(self, limit_s: float) -> Iterator[tuple[float, list[Any]]]:
        """Yield (when, events) as they arrive, until none has for `limit_s`."""
        while True:
            if not self._display.pending_events():
                ready, _, _ = select.select([self._display], [], [], limit_s)
                if not ready:
                    return
            moment_s = time.perf_counter()
            events = []
            while self._display.pending_events():
                events.append(self._display.next_event())
            if events:
                yield moment_s, events

    def wait_until_quiet(self) -> None:
        """Return once nothing has been drawn for a while."""
        for _ in self.batches(QUIET_S):
            pass

    def wait_for(self, kind: int) -> tuple[float, Any]:
        """Return (when, event) of the next event of `kind`."""
        deadline_s = time.perf_counter() + LIMIT_S
        for moment_s, events in self.batches(LIMIT_S):
            for event in events:
                if event.type == kind:
                    return moment_s, event
            if moment_s > deadline_s:
                break
        raise TimeoutError(f"no X event {kind} within {LIMIT_S:.0f} s")

    def picture(self, area: Area) -> bytes:
        """Return the pixels of `area`."""
        parts = [self._root.get_image(*strip, X.ZPixmap, 0xFFFFFFFF).data for strip in area.strips()]
        return b"".join(part if isinstance(part, bytes) else part.encode("latin-1") for part in parts)

    def wait_until_looks_like(self, area: Area, wanted: bytes) -> float:
        """Return when `area` showed `wanted`, but for a blinking cursor; looked at after each drawing."""
        moment_s = time.perf_counter()
        deadline_s = moment_s + LIMIT_S
        batches = self.batches(LIMIT_S)
        while not _alike(self.picture(area), wanted):
            moment_s, _ = next(batches, (deadline_s + 1, []))
            if moment_s > deadline_s:
                raise TimeoutError("the screen did not come to look as it should")
        return moment_s

    def wait_until_changed(self, area: Area, before: bytes) -> float:
        """Return when `area`, which showed `before`, first looked as it does once it has come to rest."""
        history: list[tuple[float, bytes]] = []
        for moment_s, _ in self.batches(LIMIT_S):
            history.append((moment_s, self.picture(area)))
            if history[-1][1] != before:
                break
        history += [(moment_s, self.picture(area)) for moment_s, _ in self.batches(QUIET_S)]
        if not history or _alike(history[-1][1], before):
            raise TimeoutError(f"nothing was drawn within {LIMIT_S:.0f} s")
        return next(moment_s for moment_s, picture in history if picture == history[-1][1])


def _alike(one: bytes, other: bytes) -> bool:
    return float(np.mean(np.frombuffer(one, np.uint8) != np.frombuffer(other, np.uint8))) <= TOLERATED_SHARE
