"""What becomes of the times of a job that have come: which one is run, and which are missed.

Owns that decision. Must not know the file. Pure.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from openclaw_desktop.scheduler.jobs import Missed
from openclaw_desktop.scheduler.schedules import Schedule
from openclaw_desktop.scheduler.triggers import Slots, slots_between

# A run that begins within it is on time: so long the agent may have been busy.
ON_TIME_S = 60.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """`run`: the time that is run now; None for none. `missed`: so many others, from `first` to `last`, are not."""

    run: datetime | None
    missed: int = 0
    first: datetime | None = None
    last: datetime | None = None


def judge(slots: Slots, now: datetime, rule: Missed) -> Verdict:
    """Return what becomes of `slots`, all of them due by `now`: at most the last of them is run, for all."""
    late_s = (now - slots.last).total_seconds()
    if late_s > ON_TIME_S and not rule.allows(late_s):
        return Verdict(None, slots.count, slots.first, slots.last)
    if slots.count == 1:
        return Verdict(slots.last)
    return Verdict(slots.last, slots.count - 1, slots.first, slots.before_last)


def slots_due(
    schedule: Schedule, accounted_to: datetime, seen_to: datetime, now: datetime, accounted: Collection[datetime]
) -> Slots | None:
    """Return the times in (`accounted_to`, `now`] that are still to be accounted for; None where there are none.

    `accounted`: those up to `seen_to` that have a row already, from before the clock was put back.
    """
    if seen_to <= accounted_to or not accounted:
        return slots_between(schedule, accounted_to, now)
    left: list[datetime] = []
    for moment in schedule.times(accounted_to):
        moment_utc = moment.astimezone(UTC)
        if moment_utc > min(now, seen_to):
            break
        if moment_utc not in accounted:
            left.append(moment_utc)
    rest = slots_between(schedule, max(accounted_to, seen_to), now) if now > seen_to else None
    return _joined(left, rest)


def _joined(left: list[datetime], rest: Slots | None) -> Slots | None:
    if not left:
        return rest
    if rest is None:
        return Slots(len(left), left[0], left[-1], left[-2] if len(left) > 1 else left[0])
    before = rest.before_last if rest.count > 1 else left[-1]
    return Slots(len(left) + rest.count, left[0], rest.last, before)


def backed_off_s(backoff_s: float, attempts: int) -> float:
    """Return how long a run that failed `attempts` times waits before the next try: at most a day."""
    return float(min(backoff_s * 2 ** (attempts - 1), timedelta(days=1).total_seconds()))
