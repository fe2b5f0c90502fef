"""What the desktop says over its message buses, heard by the real handlers; the other side is a mock in a child."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from desktop_buses import LOGIN, MANAGER, MUTTER, SAVER, SESSION, UPOWER, MockDesktop, private_bus

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.health.awake import Awake
from openclaw_desktop.health.machine import ThisMachine
from openclaw_desktop.system.bus_link import BusFailed, BusLink
from openclaw_desktop.system.idle import NoIdle, find_idle
from openclaw_desktop.system.idle.desktop_bus import MutterIdle, SaverIdle
from openclaw_desktop.system.inhibit import choose_inhibit

DEADLINE_S = 20.0


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with private_bus() as address:
        yield address


@pytest.fixture
def mock(address: str) -> Iterator[MockDesktop]:
    mock = MockDesktop(address, UPOWER, LOGIN)
    yield mock
    mock.end()


@pytest.fixture
async def link(address: str) -> AsyncIterator[BusLink]:
    link = await BusLink.open("system", {"DBUS_SYSTEM_BUS_ADDRESS": address})
    assert link is not None
    yield link
    await link.close()


class Listening:
    """A machine on the mock's bus, and its news."""

    def __init__(self, address: str, folder: Path) -> None:
        self.news = asyncio.Event()
        environ = {"DBUS_SYSTEM_BUS_ADDRESS": address, "DBUS_SESSION_BUS_ADDRESS": address}
        self.machine = ThisMachine(folder, environ)

    async def hear(self, is_so: Callable[[], bool] = lambda: True) -> None:
        """Wait for news; those of before `is_so` may still be on their way, or one word make several."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                await self.news.wait()
                self.news.clear()
                if is_so():
                    return


@pytest.fixture
async def listening(address: str, mock: MockDesktop, tmp_path: Path) -> AsyncIterator[Listening]:
    listening = Listening(address, tmp_path)
    await listening.machine.connect(listening.news.set)
    listening.news.clear()
    yield listening
    await listening.machine.close()


async def test_upower_tells_of_power_while_it_is_there(listening: Listening, mock: MockDesktop) -> None:
    assert listening.machine.tells_power
    await asyncio.to_thread(mock.change_power, True)
    await listening.hear()
    await asyncio.to_thread(mock.drop, UPOWER)
    # From here on the watch looks by itself.
    await listening.hear(lambda: not listening.machine.tells_power)
    await asyncio.to_thread(mock.own, UPOWER)
    await listening.hear(lambda: listening.machine.tells_power)


async def test_logind_tells_of_sleep_locks_and_the_session(listening: Listening, mock: MockDesktop) -> None:
    def seen() -> tuple[bool, bool, bool]:
        state = listening.machine.session
        return state.locked, state.in_front, state.asleep

    assert seen() == (False, True, False) and not listening.machine.session.idle
    for path, interface, member, signature, body, expected in (
        ("/org/freedesktop/login1", f"{LOGIN}.Manager", "PrepareForSleep", "b", (True,), (False, True, True)),
        ("/org/freedesktop/login1", f"{LOGIN}.Manager", "PrepareForSleep", "b", (False,), (False, True, False)),
        (SESSION, f"{LOGIN}.Session", "Lock", None, (), (True, True, False)),
        (SESSION, f"{LOGIN}.Session", "Unlock", None, (), (False, True, False)),
    ):
        await asyncio.to_thread(mock.emit, path, interface, member, signature, body)
        await listening.hear(lambda: seen() == expected)  # noqa: B023  # called in this round alone
    await asyncio.to_thread(mock.set, f"{LOGIN}.Session", "Active", "b", False)
    changed = (f"{LOGIN}.Session", {"Active": ("b", False)}, [])
    await asyncio.to_thread(
        mock.emit, SESSION, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", changed
    )
    # Another user has the screen.
    await listening.hear(lambda: not listening.machine.session.in_front)


async def test_a_signal_of_anybody_else_counts_for_nothing(
    listening: Listening, mock: MockDesktop, address: str
) -> None:
    other = MockDesktop(address)
    try:
        # The daemon hands it on to nobody who asked for logind's; sent to us alone it would still not count.
        await asyncio.to_thread(other.emit, SESSION, f"{LOGIN}.Session", "Lock")
        await asyncio.to_thread(mock.change_power, True)
        await listening.hear()
        assert not listening.machine.session.locked
    finally:
        other.end()


async def test_a_bus_that_ends_takes_its_word_back_and_is_found_again(tmp_path: Path) -> None:
    with private_bus() as address:
        mock = MockDesktop(address, UPOWER, LOGIN)
        listening = Listening(address, tmp_path)
        machine = listening.machine
        try:
            await machine.connect(listening.news.set)
            await asyncio.to_thread(mock.emit, SESSION, f"{LOGIN}.Session", "Lock")
            await listening.hear(lambda: machine.tells_power and machine.session.locked)
        finally:
            mock.end()
    await listening.hear(lambda: not machine.tells_power and not machine.session.locked)
    await listening.machine.connect(listening.news.set)
    assert not listening.machine.tells_power, "there is none by now"
    await listening.machine.close()


async def test_without_any_bus_nothing_is_told_and_nothing_fails(tmp_path: Path) -> None:
    for place in ("unix:path=/nowhere/bus", "tcp:host=localhost,port=1", "no address"):
        listening = Listening(place, tmp_path)
        await listening.machine.connect(listening.news.set)
        assert not listening.machine.tells_power and listening.machine.idle_s() is None
        assert listening.machine.pressure().disk_free_bytes > 0
        await listening.machine.close()


async def test_gnome_tells_the_idle_time_and_when_somebody_is_back(address: str, link: BusLink) -> None:
    mock, back = MockDesktop(address, MUTTER), asyncio.Event()
    try:
        idle = await find_idle(link, back.set)
        assert isinstance(idle, MutterIdle) and idle.idle_s() == 0.0
        await asyncio.to_thread(mock.set, "idle", "mutter_ms", "t", 90_000)
        await idle.refresh()
        assert idle.idle_s() == 90.0
        await asyncio.to_thread(mock.wait_for, "watching")
        path = "/org/gnome/Mutter/IdleMonitor/Core"
        await asyncio.to_thread(mock.emit, path, MUTTER, "WatchFired", "u", (3,))
        await asyncio.to_thread(mock.emit, path, MUTTER, "WatchFired", "u", (7,))
        async with asyncio.timeout(DEADLINE_S):
            await back.wait()
        assert idle.idle_s() == 0.0
    finally:
        mock.end()
    await idle.refresh()
    assert idle.idle_s() is None, "GNOME is gone"


@pytest.mark.parametrize("factor", [1, 1000], ids=["seconds", "milliseconds"])
async def test_a_screen_saver_is_understood_whatever_unit_it_counts_in(
    address: str, link: BusLink, factor: int
) -> None:
    mock, now = MockDesktop(address, SAVER), 100.0
    try:
        idle = SaverIdle(link, lambda: now)
        assert await idle.start()
        for passed_s in (60, 60, 60):
            now += passed_s
            await asyncio.to_thread(mock.set, "idle", "saver", "u", int((now - 100) * factor))
            await idle.refresh()
        assert idle.idle_s() == 180.0
    finally:
        mock.end()


async def test_without_either_nobody_knows_the_idle_time(link: BusLink) -> None:
    assert isinstance(await find_idle(link, lambda: None), NoIdle)


async def test_a_call_that_nobody_answers_fails_in_time_and_the_link_goes_on(link: BusLink, mock: MockDesktop) -> None:
    with pytest.raises(BusFailed):
        await link.call("org.example.Nobody", "/", "org.example.Nobody", "Ask")
    with pytest.raises(BusFailed) as caught:
        await link.call(UPOWER, "/", UPOWER, "NoSuchThing")
    assert caught.value.name == "org.freedesktop.DBus.Error.UnknownMethod"
    assert await link.owner(UPOWER) and not await link.owner("org.example.Nobody")


async def test_sleep_is_held_off_while_a_run_is_live_on_mains_and_no_longer(address: str, mock: MockDesktop) -> None:
    mains = True
    awake = Awake(choose_inhibit({"DBUS_SYSTEM_BUS_ADDRESS": address}), lambda: mains)
    async with awake("the nightly backup"):
        await asyncio.to_thread(mock.wait_for, "hold sleep block a run is under way")
        async with awake("another run"):
            assert awake.held, "one hold for both"
        assert awake.held
        mains = False
        awake.follow()
        await asyncio.to_thread(mock.wait_for, "released")
        mains = True
        awake.follow()
        await asyncio.to_thread(mock.wait_for, "hold sleep block a run is under way")
    await asyncio.to_thread(mock.wait_for, "released")
    assert not awake.held


async def test_where_logind_is_not_the_desktops_power_manager_holds(address: str) -> None:
    mock = MockDesktop(address, MANAGER)
    environ = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere/bus", "DBUS_SESSION_BUS_ADDRESS": address}
    try:
        awake = Awake(choose_inhibit(environ), lambda: True)
        async with awake("a run"):
            await asyncio.to_thread(mock.wait_for, "cookie a run is under way")
            assert awake.held
        await asyncio.to_thread(mock.wait_for, "uninhibit")
        assert not awake.held
    finally:
        mock.end()


async def test_where_nothing_can_hold_the_run_goes_on_without() -> None:
    inhibit = choose_inhibit({"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere/bus"})
    with pytest.raises(UserError) as caught:
        inhibit.hold("a run")
    assert caught.value.failure.code == "no_inhibit"
    words = "This system lets no program keep it awake (there is no system bus; there is no session bus)."
    assert caught.value.failure.sentence == words
    awake = Awake(inhibit, lambda: True)
    async with awake("a run"):
        assert not awake.held
    assert words in awake.refused
    await awake.stop()


async def test_who_refuses_is_named_and_the_next_run_asks_again(address: str) -> None:
    awake = Awake(
        choose_inhibit({"DBUS_SYSTEM_BUS_ADDRESS": address, "DBUS_SESSION_BUS_ADDRESS": address}), lambda: True
    )
    async with awake("a run"):
        assert not awake.held
    assert "(logind does not run; the desktop's power manager does not run)" in awake.refused
    mock = MockDesktop(address, LOGIN)
    try:
        async with awake("the next run"):
            await asyncio.to_thread(mock.wait_for, "hold sleep block a run is under way")
        await asyncio.to_thread(mock.wait_for, "released")
        assert not awake.held and not awake.refused
    finally:
        mock.end()
