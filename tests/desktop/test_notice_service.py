"""Notices on a real desktop: what a notification service shows and tells, killed and back, and when it is held back."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from counts import count

if sys.platform != "linux":
    pytest.skip("X11 needs Linux", allow_module_level=True)
pytest.importorskip("Xlib", reason="the desktop dependencies are not installed")
pytest.importorskip("PySide6", reason="the desktop dependencies are not installed")

from notice_desktop import BareDesktop, HeardToasts
from screen import until
from session import PROGRAMS
from Xlib import X, Xatom
from Xlib.display import Display

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import SYSTEM
from openclaw_desktop.core.notices import Notice, Priority
from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.notifications.notifier import Notifier, Rules
from openclaw_desktop.notifications.quiet import read_quiet_hours
from openclaw_desktop.notifications.store import NoticeStore
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.toast import (
    Toast,
    ToastAction,
    ToastClosed,
    ToastPressed,
    ToastsBack,
    ToastsLost,
    choose_attention,
)
from openclaw_desktop.ui.loop import Loop

if missing := [name for name in (*PROGRAMS, "gdbus", "dunst", "dunstctl") if shutil.which(name) is None]:
    pytest.skip(f"not installed: {', '.join(missing)}", allow_module_level=True)

# The loop of the window, in this process, which shows nothing.
os.environ["QT_QPA_PLATFORM"] = "offscreen"
ICON = resource_path("icons", "openclaw-idle-64.png")
P99_S = 0.05


@pytest.fixture(scope="module")
def desktop() -> Iterator[BareDesktop]:
    with BareDesktop("none", window_manager=True) as session:
        session.start_dunst()
        yield session


async def test_a_toast_is_shown_as_it_is_told_and_tells_what_became_of_it(desktop: BareDesktop) -> None:
    toasts = HeardToasts(desktop, ICON)
    try:
        await toasts.show(Toast("a", "-h <b>title</b>", "<i>no</i> & markup", actions=(ToastAction("later", "Later"),)))
        assert desktop.displayed() == 1 and toasts.name == "dunst"
        desktop.run("dunstctl", "action")
        assert await toasts.wait_for(ToastPressed) == ToastPressed("a", "default")
        desktop.run("dunstctl", "close-all")
        # Our text as it is: dunst shows its own escapes of what it took for no markup.
        shown = [message for title, message in desktop.history() if "title" in title]
        assert shown and "&lt;i&gt;no&lt;/i&gt; &amp; markup" in shown[0]

        await toasts.show(Toast("b", "put away", ""))
        desktop.run("dunstctl", "close")
        assert await toasts.wait_for(ToastClosed) == ToastClosed("b", by_user=True)

        await toasts.show(Toast("c", "first", ""))
        await toasts.show(Toast("d", "second", "", replaces="c"))
        assert desktop.displayed() == 1, "it took the other's place"
        await toasts.withdraw("d")
        assert desktop.displayed() == 0
    finally:
        await toasts.close()


async def test_a_service_that_is_killed_is_told_of_and_used_again(desktop: BareDesktop) -> None:
    toasts = HeardToasts(desktop, ICON)
    try:
        await toasts.show(Toast("a", "on the screen", "", "critical"))
        desktop.kill_dunst()
        assert await toasts.wait_for(ToastsLost) == ToastsLost(("a",))
        with pytest.raises(UserError, match="No notification service runs"):
            await toasts.show(Toast("b", "nobody is there", ""))
        desktop.start_dunst()
        await toasts.wait_for(ToastsBack)
        await toasts.show(Toast("c", "again", ""))
        assert desktop.displayed() == 1
    finally:
        await toasts.close()


async def test_what_an_agent_before_left_on_the_screen_is_taken_off_and_nothing_of_others(desktop: BareDesktop) -> None:
    desktop.kill_dunst()
    desktop.start_dunst()
    before, after = HeardToasts(desktop, ICON), HeardToasts(desktop, ICON)
    marks = [await before.show(Toast(name, name, "", "critical")) for name in ("a", "b")]
    await before.close()  # as one that is killed: they stay
    try:
        others = await after.show(Toast("c", "another program's", "", "critical"))
        assert desktop.displayed() == 3
        await after.sweep(marks)
        await after.sweep(marks)
        assert desktop.displayed() == 1
        desktop.kill_dunst()
        await after.sweep([others])
        desktop.start_dunst()
        anew = await after.show(Toast("d", "the same number by another service", "", "critical"))
        assert anew.split()[-1] == marks[0].split()[-1] and anew not in marks
        await after.sweep([*marks, others])
        assert desktop.displayed() == 1
    finally:
        await after.close()


async def test_do_not_disturb_and_a_window_that_fills_the_screen_are_found(desktop: BareDesktop) -> None:
    attention = choose_attention(desktop.env)
    assert await attention.busy() == ""
    desktop.run("dunstctl", "set-paused", "true")
    assert await attention.busy() == "do-not-disturb"
    desktop.run("dunstctl", "set-paused", "false")
    slides = show_full_screen(desktop)
    assert await attention.busy() == "full-screen"
    slides.close()
    assert await attention.busy() == ""


def show_full_screen(desktop: BareDesktop) -> Display:
    """Show a window that fills the screen, as a player or a slide show does, and return once it has the keyboard."""
    display = Display(desktop.name)
    screen = display.screen()
    window = screen.root.create_window(0, 0, 300, 200, 0, screen.root_depth, event_mask=X.FocusChangeMask)
    state = display.intern_atom("_NET_WM_STATE")
    window.change_property(state, Xatom.ATOM, 32, [display.intern_atom("_NET_WM_STATE_FULLSCREEN")])
    window.map()
    screen.root.change_attributes(event_mask=X.PropertyChangeMask)
    active = display.intern_atom("_NET_ACTIVE_WINDOW")

    def is_active() -> bool:
        found = screen.root.get_full_property(active, X.AnyPropertyType)
        return found is not None and list(found.value) == [window.id]

    until(is_active, "the window is the active one")
    return display


class StormClock:
    """A minute that passes as fast as the notices come."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 2, 11, 59, 40, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return self.moment.timestamp()


class Ticker:
    """How late the loop was each time, in seconds, without what its thread waited for a processor.

    Other tests run beside this one; what they hold up is not the notices' doing.
    """

    EVERY_S = 0.005

    def __init__(self) -> None:
        self.late_s: list[float] = []
        self._loop = asyncio.get_running_loop()
        self._plan()

    def _plan(self) -> None:
        self._due_s, self._queued_s = time.perf_counter() + self.EVERY_S, queued_s()
        self._handle = self._loop.call_later(self.EVERY_S, self._tick)

    def _tick(self) -> None:
        late_s = time.perf_counter() - self._due_s
        self.late_s.append(late_s - (queued_s() - self._queued_s))
        self._plan()

    def p99_s(self) -> float:
        self._handle.cancel()
        return sorted(self.late_s)[math.ceil(0.99 * len(self.late_s)) - 1]


def queued_s() -> float:
    """Return how long this thread has waited for a processor in its life."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


async def storm(desktop: BareDesktop, path: Path, times: int) -> tuple[NoticeStore, HeardToasts, float]:
    """Tell so many notices within a minute, a third of it before quiet hours, while the service is killed twice."""
    database = await Database.open(path / "memory.db")
    clock = StormClock()
    toasts = HeardToasts(desktop, ICON, clock.now)
    rules = Rules(ZoneInfo("UTC"), read_quiet_hours("12:00-13:00"))
    store = NoticeStore(database, clock)
    notifier = Notifier(store, choose_attention(desktop.env), rules, clock, lambda event: None)
    notifier.use(toasts)
    toasts.listeners.append(notifier.on_toast)
    working, ticker = asyncio.ensure_future(notifier.work()), Ticker()
    classes: tuple[Priority, ...] = ("high", "normal", "normal", "low", "silent")
    try:
        for n in range(times):
            clock.moment += timedelta(seconds=60 / times)
            await notifier(Notice(f"topic {n % 40}", f"notice {n}", "body", SYSTEM, classes[n % 5]))
            if n in (times // 5, 2 * times // 3):
                await asyncio.to_thread(desktop.kill_dunst)
            elif n in (times // 4, 3 * times // 4):
                await asyncio.to_thread(desktop.start_dunst)
                await toasts.wait_for(ToastsBack)
        p99_s = ticker.p99_s()
        # The quiet ends, and every hour has its digest until nothing is held.
        for _ in range(8):
            clock.moment += timedelta(minutes=61)
            notifier.wake()
            await asyncio.to_thread(desktop.run, "dunstctl", "close-all")
            while await store.due(clock.now()) or notifier._events:
                await asyncio.sleep(0)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await toasts.close()
        await database.close()
    return store, toasts, p99_s


def test_a_thousand_notices_in_a_minute_lose_none_and_hold_up_nothing(
    desktop: BareDesktop, tmp_path: Path, qapp: object
) -> None:
    times = count("notices in a minute, the notification service killed twice", 1000)
    loop = Loop(qapp)
    asyncio.set_event_loop(loop)
    try:
        _, toasts, p99_s = loop.run_until_complete(asyncio.wait_for(storm(desktop, tmp_path, times), 300))
        states = loop.run_until_complete(read_states(tmp_path))
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    assert sum(states.values()) == times
    assert set(states) <= {"shown", "digested", "dismissed"}, "none is lost, none waits for ever"
    in_an_hour = [sum(at < after <= at + timedelta(hours=1) for after in toasts.times) for at in toasts.times]
    assert max(in_an_hour) < 6, "with the one that it is counted from"
    assert any("notices for you" in toast.title for toast in toasts.shown)
    print(f"{times} notices: {len(toasts.shown)} toasts, the loop's p99 {1000 * p99_s:.1f} ms, {states}")
    assert p99_s <= P99_S


async def read_states(path: Path) -> dict[str, int]:
    database = await Database.open(path / "memory.db")
    rows = await database.rows("select state, count(*) from notices group by state")
    await database.close()
    return {str(state): int(many) for state, many in rows}
