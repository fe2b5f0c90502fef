"""Idle time and the hold on sleep, as far as no desktop is needed for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.system.bus_link import SYSTEM_SOCKET, bus_address
from openclaw_desktop.system.idle import NoIdle, choose_idle, no_idle
from openclaw_desktop.system.idle.macos import MacIdle
from openclaw_desktop.system.idle.windows import WindowsIdle, idle_between
from openclaw_desktop.system.inhibit.inhibit import FirstThatHolds
from openclaw_desktop.system.inhibit.macos import CaffeinateInhibit
from openclaw_desktop.system.inhibit.windows import ExecutionStateInhibit

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux's own way")


@pytest.mark.parametrize(
    ("last_ms", "now_ms", "idle_s"),
    [(1000, 1000, 0.0), (1000, 61_000, 60.0), ((1 << 32) - 500, 1500, 2.0), (0, (1 << 32) - 1, 4_294_967.295)],
)
def test_windows_counts_begin_anew_every_49_days(last_ms: int, now_ms: int, idle_s: float) -> None:
    assert idle_between(last_ms, now_ms) == idle_s


@linux
async def test_without_a_screen_nothing_tells_and_the_others_keep_to_their_own_system() -> None:
    idle = choose_idle(None)
    assert isinstance(idle, NoIdle) and idle.idle_s() is None and no_idle()
    for handler in (idle, WindowsIdle(), MacIdle()):
        await handler.refresh()
        assert handler.idle_s() is None


class Holds:
    """A handler that holds, or says why not."""

    def __init__(self, problem: str = "") -> None:
        self.problem, self.held = problem, 0

    def hold(self, why: str) -> Callable[[], None]:
        if self.problem:
            raise OSError(self.problem)
        self.held += 1
        return self.release

    def release(self) -> None:
        self.held -= 1


def test_the_first_that_can_holds_and_lets_go() -> None:
    no, first, second = Holds("no bus"), Holds(), Holds()
    release = FirstThatHolds((no, first, second)).hold("a run")
    assert (first.held, second.held) == (1, 0)
    release()
    assert first.held == 0


def test_where_none_can_the_sentence_says_why() -> None:
    with pytest.raises(UserError) as caught:
        FirstThatHolds((Holds("no bus"), Holds("refused"))).hold("a run")
    assert "no bus; refused" in caught.value.failure.sentence


@linux
def test_the_ways_of_other_systems_refuse_here() -> None:
    for handler in (ExecutionStateInhibit(), CaffeinateInhibit()):
        with pytest.raises(OSError):
            handler.hold("a run")


@linux
def test_where_the_buses_are(tmp_path: Path) -> None:
    assert bus_address("system", {}) == SYSTEM_SOCKET
    assert bus_address("system", {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/x"}) == "unix:path=/x"
    assert bus_address("session", {}) == ""
    assert bus_address("session", {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/y"}) == "unix:path=/y"
    assert bus_address("session", {"XDG_RUNTIME_DIR": str(tmp_path)}) == "", "there is none"
    (tmp_path / "bus").touch()
    assert bus_address("session", {"XDG_RUNTIME_DIR": str(tmp_path)}) == f"unix:path={tmp_path}/bus"
