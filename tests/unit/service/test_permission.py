"""When work that nobody waits for may run."""

from datetime import UTC, datetime

import pytest

from openclaw_desktop.core.protocols import Permit
from openclaw_desktop.service.permission import LowActivity
from openclaw_desktop.system.battery import Power, read_power
from openclaw_desktop.system.battery.power import PowerSource


class MovingClock:
    seconds = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic_s(self) -> float:
        return self.seconds


def permit(power: PowerSource, idle_s: float | None, busy: bool = False) -> tuple[LowActivity, MovingClock]:
    clock = MovingClock()
    permit = LowActivity(lambda: Power(power, None), lambda: idle_s, lambda: busy, clock)
    clock.seconds += 301
    return permit, clock


@pytest.mark.parametrize(
    ("power", "idle_s", "busy", "may"),
    [
        ("mains", 300.0, False, True),
        ("unknown", 300.0, False, True),
        ("mains", None, False, True),
        ("mains", 299.0, False, False),
        ("battery", 4000.0, False, False),
        ("mains", 4000.0, True, False),
    ],
)
def test_on_mains_idle_and_not_busy(power: PowerSource, idle_s: float | None, busy: bool, may: bool) -> None:
    asked: Permit = permit(power, idle_s, busy)[0]
    assert asked.may_run("memory.consolidate", "background") is may
    assert asked.may_run("memory.consolidate", "now")


def test_not_until_five_minutes_after_the_last_turn() -> None:
    asked, clock = permit("mains", None)
    asked.touch()
    assert not asked.may_run("memory.consolidate", "background")
    clock.seconds += 300
    assert asked.may_run("memory.consolidate", "background")


def test_with_the_machines_own_battery() -> None:
    clock = MovingClock()
    asked = LowActivity(read_power, lambda: None, lambda: False, clock)
    clock.seconds += 301
    assert asked.may_run("memory.consolidate", "background") is (read_power().source != "battery")
