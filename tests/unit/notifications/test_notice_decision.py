"""The table of channels: each class at each kind of moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from openclaw_desktop.core.notices import Priority
from openclaw_desktop.notifications.decision import BUSY_LOOK, HOUR, TOPIC_PAUSE, Decision, Moment, decide
from openclaw_desktop.notifications.worth import PRIORITIES

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
QUIET, DIGEST = NOW + timedelta(hours=3), NOW + timedelta(hours=7)
FREE = Moment(NOW, None, "", (), 6, DIGEST)
OLDEST = NOW - timedelta(minutes=50)
FULL = replace(FREE, told=tuple(OLDEST + timedelta(minutes=n) for n in range(6)))
SECOND = OLDEST + timedelta(minutes=1)
FOUR = replace(FREE, told=FULL.told[:4])
TOAST = Decision("toast")
LOW, SILENT = Decision("badge", "low", DIGEST), Decision("log", "silent")
HELD_QUIET, HELD_BUSY = Decision("hold", "quiet", QUIET), Decision("hold", "busy", NOW + BUSY_LOOK)
OFF = Decision("badge", "off")


@pytest.mark.parametrize(
    ("moment", "critical", "high", "normal"),
    [
        (FREE, TOAST, TOAST, TOAST),
        (replace(FREE, quiet_until=QUIET), TOAST, HELD_QUIET, HELD_QUIET),
        (replace(FREE, quiet_until=NOW), TOAST, TOAST, TOAST),
        (replace(FREE, busy="full-screen"), TOAST, HELD_BUSY, HELD_BUSY),
        (replace(FREE, quiet_until=QUIET, busy="presentation"), TOAST, HELD_QUIET, HELD_QUIET),
        (FULL, TOAST, Decision("hold", "budget", OLDEST + HOUR), Decision("hold", "budget", FULL.told[2] + HOUR)),
        (FOUR, TOAST, TOAST, Decision("hold", "budget", OLDEST + HOUR)),
        (replace(FULL, now=OLDEST + HOUR), TOAST, TOAST, Decision("hold", "budget", FULL.told[2] + HOUR)),
        (replace(FREE, budget=0), TOAST, OFF, OFF),
        (replace(FREE, budget=1, told=(OLDEST,)), TOAST, *[Decision("hold", "budget", OLDEST + HOUR)] * 2),
    ],
)
def test_each_class_at_each_moment(moment: Moment, critical: Decision, high: Decision, normal: Decision) -> None:
    decided = [decide(priority, None, moment) for priority in PRIORITIES]
    assert decided == [critical, high, normal, LOW, SILENT]


@pytest.mark.parametrize("priority", ["high", "normal"])
def test_a_topic_that_was_just_told_waits_for_its_like(priority: Priority) -> None:
    told = NOW - timedelta(minutes=1)
    assert decide(priority, told, FREE) == Decision("hold", "batch", told + TOPIC_PAUSE)
    assert decide(priority, NOW - TOPIC_PAUSE, FREE) == TOAST
    assert decide("critical", told, FREE) == TOAST
