"""The idle time as the desktop tells it over the session bus: GNOME's own monitor, else the screen saver's (KDE, Xfce).

Owns the two questions and their units. Sources: org.gnome.Mutter.IdleMonitor (milliseconds, and a word when somebody
is back); org.freedesktop.ScreenSaver, whose GetSessionIdleTime is said to be seconds and is milliseconds on KDE.
Loop. Nothing polls: who wants to know asks.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from openclaw_desktop.system.bus_link import BusFailed, BusLink

log = logging.getLogger(__name__)

MUTTER, MUTTER_PATH = "org.gnome.Mutter.IdleMonitor", "/org/gnome/Mutter/IdleMonitor/Core"
SAVER, SAVER_PATH = "org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"
CALL_TIMEOUT_S = 1.0
# From so much on, GNOME is asked to say when somebody is back.
WATCH_FROM_S = 60.0


class MutterIdle:
    """GNOME, under Wayland and X11."""

    def __init__(self, link: BusLink, on_back: Callable[[], None]) -> None:
        self._link = link
        self._on_back = on_back
        self._idle_s: float | None = None
        self._watch: int | None = None

    async def start(self) -> bool:
        """Begin; False where this is not GNOME."""
        try:
            await self._link.listen(MUTTER, MUTTER, "WatchFired", MUTTER_PATH, self._note_fired)
        except BusFailed:
            return False
        await self.refresh()
        return self._idle_s is not None

    def idle_s(self) -> float | None:
        """Return the seconds since the last input, as of the last `refresh`; None where GNOME did not answer."""
        return self._idle_s

    async def refresh(self) -> None:
        """Ask anew."""
        try:
            (idle_ms,) = await self._ask("GetIdletime")
            self._idle_s = float(idle_ms) / 1000
            if self._idle_s >= WATCH_FROM_S and self._watch is None:
                (watch,) = await self._ask("AddUserActiveWatch")
                self._watch = int(watch)
        except (BusFailed, ValueError, TypeError) as error:
            log.debug("GNOME does not tell the idle time: %s", error)
            self._idle_s = None

    async def _ask(self, member: str) -> tuple[Any, ...]:
        return await self._link.call(MUTTER, MUTTER_PATH, MUTTER, member, timeout_s=CALL_TIMEOUT_S)

    def _note_fired(self, body: tuple[Any, ...]) -> None:
        if body and body[0] == self._watch:
            self._watch, self._idle_s = None, 0.0
            self._on_back()


class SaverIdle:
    """KDE, Xfce and others whose screen saver is asked by that name."""

    def __init__(self, link: BusLink, now_s: Callable[[], float] = time.monotonic) -> None:
        self._link = link
        self._now_s = now_s
        self._idle_s: float | None = None
        self._raw: tuple[float, float] | None = None
        self._unit_s: float | None = None

    async def start(self) -> bool:
        """Begin; False where nobody answers by that name."""
        await self.refresh()
        return self._raw is not None

    def idle_s(self) -> float | None:
        """Return the seconds since the last input, as of the last `refresh`; None until their unit is known."""
        return self._idle_s

    async def refresh(self) -> None:
        """Ask anew. Of two answers, the second larger, it is seen whether they count seconds or milliseconds."""
        try:
            (answer,) = await self._link.call(SAVER, SAVER_PATH, SAVER, "GetSessionIdleTime", timeout_s=CALL_TIMEOUT_S)
            raw, now_s = float(answer), self._now_s()
        except (BusFailed, ValueError, TypeError) as error:
            log.debug("the screen saver does not tell the idle time: %s", error)
            self._idle_s = self._raw = None
            return
        if self._unit_s is None and self._raw is not None:
            grown, passed_s = raw - self._raw[0], now_s - self._raw[1]
            if passed_s >= 1 and grown > 0:
                self._unit_s = 0.001 if grown > 30 * passed_s else 1.0
        self._raw = (raw, now_s)
        # Before that is known it counts as the shorter of both: nobody who types is taken to be away.
        self._idle_s = raw * (self._unit_s or 0.001)
