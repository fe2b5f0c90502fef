"""What a notice is worth: the class that it was given, moved by rules and by what the user did with such ones before.

Owns the formula. Pure functions over plain values. Must not know the file, the clock, or how anything is shown.

A class is one of five: critical, high, normal, low, silent. Its worth to the user is estimated from the last ten things
that they did with notices of the topic, as (opened + snoozed / 2 + 1) / (opened + snoozed + dismissed + 2). From five
on, a worth of at most 0.25 puts it one class lower, one of at least 0.75 one class higher. Learning moves it between
high and low alone. What the user said ("less like this") moves it by one class each time, down to silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.notices import Priority
from openclaw_desktop.core.text import tr

PRIORITIES: tuple[Priority, ...] = get_args(Priority)
# What was done with a notice: opened, dismissed, snoozed.
Outcome = Literal["o", "d", "s"]
REMEMBERED = 10
LEAST_KNOWN = 5
LOW_WORTH, HIGH_WORTH = 0.25, 0.75
# The user may ask for so much less, or more, of a topic.
FURTHEST_SHIFT = 3


@dataclass(frozen=True, slots=True)
class Habit:
    """What the user did with a topic (`outcomes`, the newest last), and by how many classes they moved it."""

    outcomes: str = ""
    shift: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """The class of a notice, and a sentence on why it is another one than it was given; "" where it is not."""

    priority: Priority
    why: str


def judge(asked: Priority, label: Label, habit: Habit) -> Judged:
    """Return the class of a notice that was given as `asked`."""
    place = PRIORITIES.index(asked)
    whys: list[str] = []
    if asked == "critical" and label.integrity == "untrusted":
        # What others wrote must not be able to break the user's quiet.
        place = PRIORITIES.index("high")
        whys.append(tr("text that you didn't write is never critical"))
    if PRIORITIES[place] == "critical":
        return Judged("critical", "")
    learnt = _learnt(habit.outcomes)
    moved = min(max(place + learnt, PRIORITIES.index("high")), PRIORITIES.index("low"))
    if learnt and PRIORITIES[place] != "silent" and moved != place:
        place = moved
        whys.append(_say_learnt(habit.outcomes, learnt))
    if habit.shift:
        moved = min(max(place - habit.shift, PRIORITIES.index("high")), PRIORITIES.index("silent"))
        if moved != place:
            place = moved
            whys.append(tr("you asked for less of this") if habit.shift < 0 else tr("you asked for more of this"))
    return Judged(PRIORITIES[place], "; ".join(whys))


def worth(outcomes: str) -> float:
    """Return what notices of a topic are worth to the user, 0 to 1; 0.5 where nothing is known."""
    opened, snoozed, dismissed = (outcomes.count(letter) for letter in "osd")
    return (opened + snoozed / 2 + 1) / (opened + snoozed + dismissed + 2)


def after(outcomes: str, outcome: Outcome) -> str:
    """Return the outcomes with one more."""
    return (outcomes + outcome)[-REMEMBERED:]


def shifted(shift: int, by: Literal[-1, 1]) -> int:
    """Return the user's shift after one more "less" (-1) or "more" (+1)."""
    return min(max(shift + by, -FURTHEST_SHIFT), FURTHEST_SHIFT)


def rank(priorities: Sequence[Priority]) -> Priority:
    """Return the most urgent of some classes, "silent" for none."""
    return min(priorities, key=PRIORITIES.index, default="silent")


def _learnt(outcomes: str) -> int:
    """Return by how many places of PRIORITIES experience moves a notice: 1 is less urgent."""
    if len(outcomes) < LEAST_KNOWN:
        return 0
    value = worth(outcomes)
    return 1 if value <= LOW_WORTH else -1 if value >= HIGH_WORTH else 0


def _say_learnt(outcomes: str, learnt: int) -> str:
    known = len(outcomes)
    if learnt > 0:
        return tr("you dismissed {count} of the last {known}", count=outcomes.count("d"), known=known)
    return tr("you opened {count} of the last {known}", count=outcomes.count("o"), known=known)
