"""What level a reading makes, with its slack, and what may run at each."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from openclaw_desktop.core.power import PowerLevel, Presence
from openclaw_desktop.core.protocols import Urgency
from openclaw_desktop.health.levels import (
    ALLOWANCES,
    Reading,
    describe,
    idle_after_s,
    power_level,
    presence_of,
    reason_to_wait,
)
from openclaw_desktop.inference.loading import plan_effort
from openclaw_desktop.system.battery import Power

LEVELS: tuple[PowerLevel, ...] = ("full", "saver", "low", "critical")
PRESENCES: tuple[Presence, ...] = ("active", "idle", "away")


@pytest.mark.parametrize(
    ("power", "before", "level"),
    [
        (Power("mains", None), "full", "full"),
        (Power("mains", 3.0), "critical", "full"),
        (Power("unknown", 3.0), "low", "full"),
        (Power("battery", None), "full", "saver"),
        (Power("battery", 100.0), "full", "saver"),
        (Power("battery", 20.1), "saver", "saver"),
        (Power("battery", 20.0), "saver", "low"),
        # Once low, it is left four percent above.
        (Power("battery", 23.9), "low", "low"),
        (Power("battery", 24.1), "low", "saver"),
        (Power("battery", 8.0), "low", "critical"),
        (Power("battery", 11.9), "critical", "critical"),
        (Power("battery", 12.1), "critical", "low"),
        (Power("battery", 24.1), "critical", "saver"),
    ],
)
def test_the_level_of_a_power(power: Power, before: PowerLevel, level: PowerLevel) -> None:
    assert power_level(power, before) == level


def test_a_charge_that_trembles_about_a_threshold_changes_the_level_once() -> None:
    level, seen = power_level(Power("battery", 21.0), "full"), []
    for percent in (21, 20, 21, 20, 22, 20, 19, 8, 9, 8, 11, 8):
        level = power_level(Power("battery", float(percent)), level)
        seen.append(level)
    assert seen == ["saver", *["low"] * 6, *["critical"] * 5]


QUIET = Reading(Power("mains", None), None, 10_000.0)


@pytest.mark.parametrize(
    ("changes", "presence"),
    [
        ({"idle_s": 0.0}, "active"),
        ({"idle_s": 299.0}, "active"),
        ({"idle_s": 300.0}, "idle"),
        ({"idle_s": 1800.0}, "away"),
        # Who asks the agent from another machine is there, and at a locked screen too.
        ({"idle_s": 5000.0, "asked_s": 10.0}, "active"),
        ({"idle_s": 5000.0, "asked_s": 10.0, "locked": True}, "active"),
        ({"idle_s": 5000.0, "asked_s": 400.0}, "idle"),
        ({"idle_s": 0.0, "locked": True}, "away"),
        ({"idle_s": 0.0, "in_front": False}, "away"),
        ({"idle_s": 0.0, "asked_s": 0.0, "asleep": True}, "away"),
        # Nothing tells of input.
        ({"asked_s": 299.0}, "active"),
        ({"asked_s": 301.0}, "idle"),
        ({"asked_s": 1801.0}, "away"),
        ({"said_idle": False}, "active"),
        ({"said_idle": True}, "away"),
    ],
)
def test_who_is_there(changes: dict[str, object], presence: Presence) -> None:
    assert presence_of(replace(QUIET, **changes)) == presence  # type: ignore[arg-type]


def test_the_hour_of_the_week_says_how_long_nobody_must_be_there() -> None:
    waits = [idle_after_s(chance) for chance in (0.05, 0.4, None, 0.9)]
    assert waits == [120.0, 300.0, 300.0, 600.0]
    assert presence_of(replace(QUIET, idle_s=200.0), waits[0]) == "idle"
    assert presence_of(replace(QUIET, idle_s=400.0), waits[3]) == "active"


# background work, runs that are due, threads of 8, how long the model stays, animation.
TABLE = {
    "full": (True, True, 8, None, True),
    "saver": (False, True, 4, 300.0, False),
    "low": (False, False, 2, 60.0, False),
    "critical": (False, False, 2, 0.0, False),
}


@pytest.mark.parametrize("level", LEVELS)
def test_the_table_of_what_may_run(level: PowerLevel) -> None:
    allowed = ALLOWANCES[level]
    threads = plan_effort(level, "chat", 8, None, True).threads
    assert (allowed.background, allowed.due, threads, allowed.keep_model_s, allowed.animation) == TABLE[level]
    assert threads == 8 * allowed.worker_share
    for presence, strained, busy in product(PRESENCES, (False, True), (False, True)):
        may: dict[Urgency, bool] = {
            urgency: not reason_to_wait(urgency, level, presence, strained, busy=busy)
            for urgency in ("now", "due", "background")
        }
        assert may["now"], "who asks is never kept waiting"
        assert may["due"] is (allowed.due and not strained)
        assert may["background"] is (allowed.background and not strained and not busy and presence != "active")


def test_each_wait_has_its_words() -> None:
    said = {
        reason_to_wait("background", "saver", "away", False, busy=False),
        reason_to_wait("background", "full", "away", True, busy=False),
        reason_to_wait("background", "full", "away", False, busy=True),
        reason_to_wait("background", "full", "active", False, busy=False),
        reason_to_wait("due", "low", "active", False, busy=False),
    }
    assert len(said) == 5 and all(said)


def test_people_are_told_what_follows_and_nothing_where_nothing_does() -> None:
    assert describe("full", "active", None) == ""
    told = [describe(level, "active", 12.0) for level in LEVELS[1:]]
    assert len(set(told)) == 3 and all("12 %" in sentence for sentence in told)
