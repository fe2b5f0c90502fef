"""From what the machine tells to how much it can spare, whether somebody is there, and what may run then.

Owns the thresholds, their slack, and the table. Must not read the machine. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from openclaw_desktop.core.power import WORKER_SHARE, PowerLevel, Presence
from openclaw_desktop.core.protocols import Urgency
from openclaw_desktop.core.text import tr
from openclaw_desktop.system.battery import Power

LOW_PERCENT, CRITICAL_PERCENT = 20.0, 8.0
# A battery that is charged by the sun or a weak cable hangs about a threshold: a level is left this much above it.
SLACK_PERCENT = 4.0
IDLE_S, AWAY_S = 300.0, 1800.0
# In an hour of the week in which seldom anybody is there a short absence is enough; in one in which often somebody is,
# a longer one may be no more than a coffee.
SELDOM_IDLE_S, OFTEN_IDLE_S = 120.0, 600.0
SELDOM, OFTEN = 0.15, 0.6


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of the machine and its user at one moment.

    `idle_s`: since the last input at the machine, None where nothing tells; `asked_s`: since the agent was last used.
    """

    power: Power
    idle_s: float | None
    asked_s: float
    locked: bool = False
    in_front: bool = True
    asleep: bool = False
    said_idle: bool | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may run at a power level.

    `background`: work that waits for a good moment; `due`: runs whose time has come; `worker_share`: of the cores, for
    the model; `keep_model_s`: how long at most it stays in memory unasked, None for as long as the user set;
    `battery_look_s`: how often the battery is looked at where nothing tells; `animation`: whether windows move.
    """

    background: bool
    due: bool
    worker_share: float
    keep_model_s: float | None
    battery_look_s: float
    animation: bool


ALLOWANCES = MappingProxyType(
    {
        "full": Allowance(True, True, WORKER_SHARE["full"], None, 30.0, True),
        "saver": Allowance(False, True, WORKER_SHARE["saver"], 300.0, 30.0, False),
        "low": Allowance(False, False, WORKER_SHARE["low"], 60.0, 30.0, False),
        "critical": Allowance(False, False, WORKER_SHARE["critical"], 0.0, 30.0, False),
    }
)
# Where there is no battery, little can change.
NO_BATTERY_LOOK_S = 300.0


def power_level(power: Power, before: PowerLevel) -> PowerLevel:
    """Return the level at this power, where it was `before`; a source that nobody knows takes nothing away."""
    if power.source != "battery":
        return "full"
    percent = power.battery_percent
    if percent is None:
        return "saver"
    if percent <= CRITICAL_PERCENT + (SLACK_PERCENT if before == "critical" else 0):
        return "critical"
    if percent <= LOW_PERCENT + (SLACK_PERCENT if before in ("low", "critical") else 0):
        return "low"
    return "saver"


def idle_after_s(chance: float | None) -> float:
    """Return after how long without input nobody is there, by how likely somebody is in this hour; None: not known."""
    if chance is None:
        return IDLE_S
    return SELDOM_IDLE_S if chance <= SELDOM else OFTEN_IDLE_S if chance >= OFTEN else IDLE_S


def presence_of(reading: Reading, idle_after_s: float = IDLE_S) -> Presence:
    """Return whether somebody is there: at the machine, or by asking the agent from wherever they are."""
    if reading.asleep:
        return "away"
    if reading.asked_s < idle_after_s:
        return "active"
    if reading.locked or not reading.in_front:
        return "away"
    if reading.idle_s is not None:
        idle_s = min(reading.idle_s, reading.asked_s)
    else:
        # Nothing tells of input: the desktop's own word counts, else that nobody has asked the agent.
        idle_s = reading.asked_s if reading.said_idle is not False else 0.0
    return "active" if idle_s < idle_after_s else "idle" if idle_s < AWAY_S else "away"


def reason_to_wait(urgency: Urgency, power: PowerLevel, presence: Presence, strained: bool, *, busy: bool) -> str:
    """Return for what such work waits, as words after "waits"; "" where it may run.

    `strained`: memory, processor or disk are short; `busy`: the agent is answering.
    """
    if urgency == "now":
        return ""
    allowed = ALLOWANCES[power]
    if urgency == "due":
        if not allowed.due:
            return tr("for mains: the battery is low")
        return tr("until the machine has room again") if strained else ""
    if not allowed.background:
        return tr("for mains")
    if strained:
        return tr("until the machine has room again")
    if busy:
        return tr("until the answer is written")
    return tr("until nobody is at the machine") if presence == "active" else ""


def describe(power: PowerLevel, presence: Presence, percent: float | None) -> str:
    """Return the sentence for people; on mains with somebody there, "": there is nothing to say."""
    left = "" if percent is None else tr(" ({percent} %)", percent=round(percent))
    if power == "saver":
        return tr("On battery{left}: work that can wait does.", left=left)
    if power == "low":
        return tr("The battery is low{left}: only what you ask for runs.", left=left)
    if power == "critical":
        return tr(
            "The battery is nearly empty{left}: only what you ask for runs, and no model is kept ready.", left=left
        )
    return "" if presence == "active" else tr("On mains, and nobody is at the machine: what waited may run.")
