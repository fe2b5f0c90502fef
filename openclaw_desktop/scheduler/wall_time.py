"""From the clock on the wall to a moment, right through a change of the clocks.

Owns the rule: a time that is left out happens at the first moment after the gap; one that comes twice happens the first
time. Must not know schedules. Pure. Moments are in UTC: Python compares moments of one zone by their wall time alone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def moment_at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return the moment, in UTC, at which the clock shows this; in a gap, the first moment after it."""
    wall = datetime.combine(day, clock, tzinfo=zone)
    moment = wall.astimezone(UTC)
    if _shows(moment, day, clock, zone):
        return moment
    # The change lies between the two readings of a time that does not exist.
    early, late = wall.replace(fold=1).astimezone(UTC), moment
    offset = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) / 2).replace(microsecond=0)
        early, late = (middle, late) if middle.astimezone(zone).utcoffset() == offset else (early, middle)
    return late


def moments_at(day: date, clock: time, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Return every moment, in UTC, at which the clock shows this: none in a gap, two where it is turned back."""
    walls = [datetime.combine(day, clock, tzinfo=zone).replace(fold=fold) for fold in (0, 1)]
    found = {wall.astimezone(UTC) for wall in walls}
    return tuple(sorted(moment for moment in found if _shows(moment, day, clock, zone)))


def _shows(moment: datetime, day: date, clock: time, zone: ZoneInfo) -> bool:
    local = moment.astimezone(zone)
    return local.date() == day and local.time() == clock
