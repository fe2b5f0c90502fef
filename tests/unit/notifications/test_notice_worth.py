"""What a notice is worth: rules, what the user did before, what they asked for; and which reason is given."""

from __future__ import annotations

import pytest

from openclaw_desktop.core.labels import SYSTEM, USER, Label
from openclaw_desktop.core.notices import Priority
from openclaw_desktop.notifications.worth import Habit, Judged, after, judge, shifted, worth

WEB = Label("untrusted", "private", ("web:evil.test",))


@pytest.mark.parametrize(
    ("asked", "outcomes", "shift", "shown", "why"),
    [
        ("normal", "", 0, "normal", ""),
        ("normal", "ddddd", 0, "low", "you dismissed 5 of the last 5"),
        ("normal", "dddd", 0, "normal", ""),
        ("normal", "ddddo", 0, "normal", ""),
        ("normal", "ooooo", 0, "high", "you opened 5 of the last 5"),
        ("normal", "oosss", 0, "normal", ""),
        ("high", "ooooo", 0, "high", ""),
        ("high", "dddddd", 0, "normal", "you dismissed 6 of the last 6"),
        ("low", "dddddd", 0, "low", ""),
        ("low", "ooooo", 0, "normal", "you opened 5 of the last 5"),
        ("silent", "ooooo", 0, "silent", ""),
        ("normal", "", -1, "low", "you asked for less of this"),
        ("normal", "", -2, "silent", "you asked for less of this"),
        ("normal", "", 1, "high", "you asked for more of this"),
        ("high", "", 2, "high", ""),
        ("silent", "", 1, "low", "you asked for more of this"),
        ("normal", "ddddd", 1, "normal", "you dismissed 5 of the last 5; you asked for more of this"),
        ("critical", "dddddddddd", -3, "critical", ""),
    ],
)
def test_a_class_moves_by_what_the_user_did_and_said(
    asked: Priority, outcomes: str, shift: int, shown: Priority, why: str
) -> None:
    assert judge(asked, SYSTEM, Habit(outcomes, shift)) == Judged(shown, why)


def test_what_others_wrote_is_never_critical() -> None:
    assert judge("critical", WEB, Habit()) == Judged("high", "text that you didn't write is never critical")
    assert judge("critical", USER, Habit()).priority == "critical"
    assert judge("critical", WEB, Habit("ddddd")).priority == "normal", "and then it is learnt of like any other"


def test_ten_outcomes_are_remembered_and_a_late_one_counts() -> None:
    outcomes = ""
    for letter in "ddddddddddoooooooooo":
        outcomes = after(outcomes, letter)
    assert outcomes == "o" * 10
    assert (worth(""), worth("o" * 10), worth("d" * 10)) == (0.5, 11 / 12, 1 / 12)
    assert worth("s" * 5) == 0.5


def test_less_and_more_have_an_end() -> None:
    shift = 0
    for _ in range(9):
        shift = shifted(shift, -1)
    assert shift == -3
    for _ in range(9):
        shift = shifted(shift, 1)
    assert shift == 3
