"""The hotkey, the idle time and the focus, on a real X server of the test's own."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

if sys.platform != "linux":
    pytest.skip("X11 needs Linux", allow_module_level=True)
pytest.importorskip("Xlib", reason="the desktop dependencies are not installed")

from session import PROGRAMS, DesktopSession

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.system.hotkey import choose_hotkey
from openclaw_desktop.system.idle import choose_idle
from openclaw_desktop.system.x11 import X11Connection, connect_x11

if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
    pytest.skip(f"not installed: {', '.join(missing)}", allow_module_level=True)

DEADLINE_S = 10


@pytest.fixture(scope="module")
def desktop() -> Iterator[DesktopSession]:
    with DesktopSession() as session:
        yield session


@pytest.fixture
def connect(desktop: DesktopSession) -> Iterator[Callable[[], X11Connection]]:
    opened: list[X11Connection] = []

    def connect_once() -> X11Connection:
        connection = connect_x11(desktop.env)
        assert connection is not None
        opened.append(connection)
        return connection

    yield connect_once
    for connection in opened:
        connection.close()


class Presses:
    """Collects time stamps and lets a test wait for the next."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[int] = asyncio.Queue()

    def __call__(self, timestamp: int) -> None:
        self.queue.put_nowait(timestamp)

    async def next(self) -> int:
        return await asyncio.wait_for(self.queue.get(), DEADLINE_S)


@pytest.fixture
async def presses() -> AsyncIterator[Presses]:
    yield Presses()


async def press(desktop: DesktopSession, *keys: str) -> None:
    await asyncio.to_thread(desktop.press, *keys)


@pytest.mark.parametrize(
    ("combination", "key"),
    [
        ("Ctrl+Alt+Space", "ctrl+alt+space"),
        ("Super+O", "super+o"),
        ("F9", "F9"),
        ("Shift+Alt+PgUp", "shift+alt+Prior"),
        ("Ctrl+,", "ctrl+comma"),
    ],
)
async def test_a_press_arrives_once(desktop, connect, presses, combination, key):
    choose_hotkey(connect()).register(combination, presses)
    await press(desktop, key)
    assert await presses.next() > 0
    assert presses.queue.empty()


async def test_lock_keys_make_no_difference(desktop, connect, presses):
    choose_hotkey(connect()).register("Super+O", presses)
    for lock in ("Caps_Lock", "Num_Lock"):
        desktop.run("xdotool", "key", lock)
        try:
            # Without --clearmodifiers, which would lift the lock for the press.
            await asyncio.to_thread(desktop.run, "xdotool", "key", "super+o")
            await presses.next()
        finally:
            desktop.run("xdotool", "key", lock)


async def test_other_keystrokes_are_never_seen(desktop, connect, presses):
    connection = connect()
    hotkey = choose_hotkey(connection)
    hotkey.register("F9", presses)
    seen = []
    hand_on = hotkey.on_events
    hotkey.on_events = lambda events: (seen.extend(events), hand_on(events))
    await press(desktop, "a", "ctrl+space", "space", "shift+F9", "F9")
    await presses.next()
    await press(desktop, "F9")
    await presses.next()
    f9 = connection.run(lambda display: display.keysym_to_keycode(0xFFC6))
    assert {event.detail for event in seen} == {f9}


async def test_a_key_held_down_is_one_press(desktop, connect, presses):
    hotkey = choose_hotkey(connect())
    hotkey.register("F9", presses)
    repeated = asyncio.Event()
    hand_on, count = hotkey.on_events, 0

    def count_events(events):
        nonlocal count
        count += len(events)
        hand_on(events)
        if count > 6:
            repeated.set()

    hotkey.on_events = count_events
    desktop.run("xdotool", "keydown", "F9")
    try:
        await asyncio.wait_for(repeated.wait(), DEADLINE_S)
    finally:
        desktop.run("xdotool", "keyup", "F9")
    await presses.next()
    assert presses.queue.empty()


async def test_the_second_owner_is_told(desktop, connect, presses):
    first, second = choose_hotkey(connect()), choose_hotkey(connect())
    first.register("Ctrl+Alt+Space", presses)
    with pytest.raises(UserError) as caught:
        second.register("Ctrl+Alt+Space", presses)
    assert caught.value.failure.code == "hotkey_taken"
    assert "Ctrl+Alt+Space" in caught.value.failure.text
    assert "[hotkey] toggle_chat" in caught.value.failure.advice
    assert "openclaw-desktop --toggle-chat" in caught.value.failure.advice

    first.unregister()
    second.register("Ctrl+Alt+Space", presses)
    await press(desktop, "ctrl+alt+space")
    await presses.next()


async def test_a_conflict_leaves_no_grab_behind(desktop, connect, presses):
    """Only the plain combination is owned by another: those with Caps Lock and Num Lock are given back."""
    owner, refused, third = connect(), choose_hotkey(connect()), choose_hotkey(connect())

    def grab(display):
        display.screen().root.grab_key(display.keysym_to_keycode(0xFFC6), 0, False, 1, 1)
        display.sync()

    owner.run(grab)
    with pytest.raises(UserError):
        refused.register("F9", presses)
    owner.close()
    third.register("F9", presses)


async def test_registering_again_replaces(desktop, connect, presses):
    hotkey = choose_hotkey(connect())
    hotkey.register("F9", lambda _: pytest.fail("the old combination still works"))
    hotkey.register("F8", presses)
    await press(desktop, "F9", "F8")
    await presses.next()


def change_keys(display, keys):
    for code, (plain, shifted) in keys.items():
        display.change_keyboard_mapping(code, [(ord(plain), ord(shifted))])
    display.sync()


async def test_a_new_keyboard_mapping_is_followed(desktop, connect, presses):
    connection = connect()
    hotkey = choose_hotkey(connection)
    hotkey.register("Super+O", presses)
    followed = asyncio.Event()
    hand_on = hotkey.on_events
    hotkey.on_events = lambda events: (hand_on(events), followed.set())
    old, new = (connection.run(lambda display, c=c: display.keysym_to_keycode(ord(c))) for c in "oy")
    swapped, normal = {old: "yY", new: "oO"}, {old: "oO", new: "yY"}
    another = connect()
    try:
        another.run(lambda display: change_keys(display, swapped))
        await asyncio.wait_for(followed.wait(), DEADLINE_S)
        desktop.run("xdotool", "keydown", "super", "key", str(new), "keyup", "super")
        await presses.next()
        assert hotkey.sentence is None
    finally:
        another.run(lambda display: change_keys(display, normal))


async def test_a_mapping_that_moves_no_key_of_ours_keeps_the_grab(desktop, connect, presses, monkeypatch):
    connection = connect()
    hotkey = choose_hotkey(connection)
    hotkey.register("Super+O", presses)
    followed = asyncio.Event()
    hand_on, let_go = hotkey.on_events, []
    hotkey.on_events = lambda events: (hand_on(events), followed.set())
    monkeypatch.setattr(hotkey, "_ungrab", lambda: let_go.append(True))
    another = connect()
    code = another.run(lambda display: display.keysym_to_keycode(ord("y")))
    another.run(lambda display: change_keys(display, {code: "yY"}))
    await asyncio.wait_for(followed.wait(), DEADLINE_S)
    assert let_go == []
    await press(desktop, "super+o")
    await presses.next()
    monkeypatch.undo()


async def test_a_key_that_the_keyboard_lacks(connect, presses):
    with pytest.raises(UserError) as caught:
        choose_hotkey(connect()).register("Ctrl+Ж", presses)
    assert caught.value.failure.code == "hotkey_no_key"


async def test_events_read_while_waiting_for_a_reply_still_arrive(desktop, connect, presses):
    connection = connect()
    choose_hotkey(connection).register("F9", presses)
    # The loop doesn't run in between, so the round trip itself reads the events.
    desktop.press("F9")
    assert choose_idle(connection).idle_s() is not None
    await presses.next()


async def test_idle_time_is_the_servers(desktop, connect):
    idle = choose_idle(connect())
    await press(desktop, "a")
    before_s = int(desktop.run("xprintidle")) / 1000
    ours_s = idle.idle_s()
    after_s = int(desktop.run("xprintidle")) / 1000
    assert before_s <= ours_s <= after_s
    assert ours_s < DEADLINE_S


async def test_the_end_of_the_x_server_is_quiet(presses):
    with DesktopSession(window_manager=False) as session:
        connection = connect_x11(session.env)
        hotkey, idle = choose_hotkey(connection), choose_idle(connection)
        hotkey.register("F9", presses)
        lost = asyncio.Event()
        hand_on = hotkey.on_lost
        hotkey.on_lost = lambda: (hand_on(), lost.set())
        session.stop_x_server()
        await asyncio.wait_for(lost.wait(), DEADLINE_S)
        assert not connection.is_open
        assert hotkey.sentence
        assert idle.idle_s() is None
        hotkey.unregister()
        connection.activate(1, 1)
        with pytest.raises(UserError):
            hotkey.register("F9", presses)
        connection.close()


async def test_the_end_of_the_x_server_seen_by_a_request():
    with DesktopSession(window_manager=False) as session:
        connection = connect_x11(session.env)
        idle = choose_idle(connection)
        assert idle.idle_s() is not None
        session.stop_x_server()
        assert idle.idle_s() is None
        assert not connection.is_open
        connection.close()
        assert connect_x11(session.env) is None


async def test_activate_brings_a_window_to_the_front(desktop, connect, presses):
    connection = connect()
    choose_hotkey(connection).register("F9", presses)
    for title in ("first", "second"):
        child = desktop.start("xmessage", "-title", title, title)
        desktop.run("xdotool", "search", "--sync", "--onlyvisible", "--name", f"^{title}$")
        window = int(desktop.run("xdotool", "search", "--name", f"^{title}$").split()[0])
        if title == "first":
            first, first_child = window, child
    await press(desktop, "F9")
    connection.activate(first, await presses.next())
    # Ends once the window manager has done it, or fails at its deadline.
    desktop.run("xdotool", "windowfocus", "--sync", str(first), "getwindowfocus")
    assert int(desktop.run("xdotool", "getactivewindow")) == first
    desktop.stop(child)
    desktop.stop(first_child)


def test_wayland_and_no_display_are_not_x11(desktop):
    assert connect_x11({}) is None
    assert connect_x11(desktop.env | {"XDG_SESSION_TYPE": "wayland"}) is None
    assert connect_x11({"DISPLAY": desktop.name, "WAYLAND_DISPLAY": "wayland-0"}) is None
    assert connect_x11({"DISPLAY": "nonsense"}) is None


def test_nothing_is_printed(desktop, capfd):
    connection = connect_x11(desktop.env)
    connection.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("tray", ["xfce", "trayer"])
def test_the_session_itself(tray, tmp_path):
    needed = {"xfce": "xfce4-panel", "trayer": "trayer"}[tray]
    if shutil.which(needed) is None or shutil.which("import") is None:
        pytest.skip(f"not installed: {needed} or imagemagick")
    with DesktopSession(tray) as session:
        folder = session.folder
        picture = session.screenshot(tmp_path / "screen.png")
        assert picture.stat().st_size > 100
    assert not folder.exists()
