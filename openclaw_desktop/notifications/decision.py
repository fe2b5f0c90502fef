"""Whether a notice is shown now, and by what: one pure function.

Owns the table of channels. Must not know the file, the clock, nor the desktop: what is known of the moment is handed to
it.

    class      nothing is in the way                    quiet, busy desktop    hour is full    topic was just told
    critical   toast                                    toast                  toast           toast
    high       toast                                    held                   held            held
    normal     toast (leaves a third for high ones)     held                   held            held
    low        badge: a mark in the tray, a line of the next digest
    silent     log: in the window alone

With a budget of 0 high and normal ones are badges too. What was held is told as one digest once nothing is in the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from openclaw_desktop.core.notices import Priority

Channel = Literal["toast", "badge", "log", "hold"]
# Why a notice is not shown at once; kept with it, and said in words where it is shown to people.
Reason = Literal["", "low", "silent", "off", "quiet", "busy", "budget", "batch", "unreachable"]

HOUR = timedelta(hours=1)
# A topic that was just told waits, and what comes meanwhile is told together.
TOPIC_PAUSE = timedelta(minutes=5)
# While the desktop is busy it is asked again after so long, and only while something is held.
BUSY_LOOK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known of now. `quiet_until`: the end of the quiet, None where there is none.

    `busy`: full screen, a presentation, do-not-disturb; "" for none. `told`: when something was shown in the last hour,
    oldest first, critical ones left out. `budget`: how often an hour may be interrupted. `digest_at`: the next digest
    of low ones.
    """

    now: datetime
    quiet_until: datetime | None
    busy: str
    told: tuple[datetime, ...]
    budget: int
    digest_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """`until`: when it is looked at again; None where nothing is due."""

    channel: Channel
    reason: Reason = ""
    until: datetime | None = None


def decide(priority: Priority, topic_told: datetime | None, moment: Moment) -> Decision:
    """Return what is done with a notice of that class; `topic_told`: when its topic was shown last."""
    if priority == "silent":
        return Decision("log", "silent")
    if priority == "low":
        return Decision("badge", "low", moment.digest_at)
    if priority == "critical":
        return Decision("toast")
    if moment.budget == 0:
        return Decision("badge", "off")
    if moment.quiet_until is not None and moment.quiet_until > moment.now:
        return Decision("hold", "quiet", moment.quiet_until)
    if moment.busy:
        return Decision("hold", "busy", moment.now + BUSY_LOOK)
    room = moment.budget if priority == "high" else moment.budget - moment.budget // 3
    recent = [at for at in moment.told if at > moment.now - HOUR]
    if len(recent) >= room:
        # Free once so many of the oldest have left the hour that there is room for one.
        return Decision("hold", "budget", recent[len(recent) - room] + HOUR)
    if topic_told is not None and moment.now < topic_told + TOPIC_PAUSE:
        return Decision("hold", "batch", topic_told + TOPIC_PAUSE)
    return Decision("toast")
