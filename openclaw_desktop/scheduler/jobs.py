"""What a job and a run of it are, and the protocols by which a run is done and told.

Owns the types, their limits, and the sentences for a job that can't be. Must not know where they are kept, nor what a
job's work means. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.notices import Priority
from openclaw_desktop.core.power import PowerLevel, Presence
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.scheduler.triggers import OnEvent, Trigger, read_length, words_of_length

LONGEST_NAME_CHARS = 80
LONGEST_WORK_CHARS = 20_000
LONGEST_SAID_CHARS = 4_000
LONGEST_TIMEOUT_S = 24 * 3600.0
MOST_RETRIES = 10
LONGEST_WAIT_S = 30 * 24 * 3600.0

# What becomes of times at which the agent was off or asleep. "once": one run for all of them.
MissedRule = Literal["skip", "once", "within"]
# What a time does that comes while the run before is still going: it is left out, waits its turn, or runs beside it.
Overlap = Literal["skip", "wait", "beside"]
# "background" gives way to the user, "due" runs at its time unless the machine is short of something, "now" always.
JobUrgency = Literal["background", "due", "now"]
# "claimed" is taken up and not begun: it waits for its turn, for mains, or to be tried again (`reason` says which).
# "unknown": it was begun, and whether it did what it does can't be told.
RunState = Literal["claimed", "running", "done", "failed", "missed", "skipped", "unknown"]
# Whether the user was told, apart from whether it was done.
Delivery = Literal["none", "pending", "delivered", "failed"]
ENDED: frozenset[RunState] = frozenset({"done", "failed", "missed", "skipped", "unknown"})


@dataclass(frozen=True, slots=True)
class Missed:
    """What becomes of missed times. `within_s`: of "within", how late a run may begin."""

    rule: MissedRule = "once"
    within_s: float = 0.0

    def allows(self, late_s: float) -> bool:
        """Return whether a run may begin so late."""
        return self.rule == "once" or (self.rule == "within" and late_s <= self.within_s)

    def __str__(self) -> str:
        return f"within:{words_of_length(self.within_s)}" if self.rule == "within" else self.rule


def read_missed(text: str) -> Missed:
    """Return the rule that `skip`, `once` or `within:10m` names; raises UserError."""
    rule, colon, length = text.strip().lower().partition(":")
    if rule in ("skip", "once") and not colon:
        return Missed("skip" if rule == "skip" else "once")
    if rule == "within" and colon:
        return Missed("within", read_length(length))
    raise UserError(
        "bad_missed_rule",
        tr("“{text}” does not say what becomes of missed runs.", text=visible(text[:60])),
        tr("Write skip, once, or within:10m."),
        ExitCode.USAGE,
    )


@dataclass(frozen=True, slots=True)
class JobPlan:
    """What the user decides about a job.

    `zone`: an IANA name. `work`: what a run does, as JSON that `RunJob` understands. `repeatable`: a run that was cut
    off, or failed after it had begun, may be done again without harm. `retries`: how often more a run is tried that
    failed; each waits twice as long, from `backoff_s` on. `on_ac`, `when_idle`: a run waits for mains, or until nobody
    is at the machine, for `wait_s` at most; then one that is due runs all the same, and background work is skipped.
    None: until the next time has come.
    """

    name: str
    trigger: Trigger
    zone: str
    work: Mapping[str, Any]
    missed: Missed = field(default_factory=Missed)
    timeout_s: float = 600.0
    retries: int = 0
    backoff_s: float = 60.0
    overlap: Overlap = "skip"
    on_ac: bool = False
    when_idle: bool = False
    urgency: JobUrgency = "due"
    wait_s: float | None = None
    repeatable: bool = False
    notify: Priority = "normal"


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is kept. `label`: of all that it was made from. `due_at`: its next time, None where none is known.

    `accounted_to`: every time up to this moment has its run, or was written down as missed.
    """

    id: str
    plan: JobPlan
    label: Label
    enabled: bool
    created_at: datetime
    accounted_to: datetime
    due_at: datetime | None

    @property
    def name(self) -> str:
        """Its name."""
        return self.plan.name


@dataclass(frozen=True, slots=True)
class Run:
    """One time of a job. `slot`: what makes it this one time; of a job no two runs have the same.

    `key`: the same at each attempt, for those that can tell by it that something was done already. `count`: how many
    times a row of missed ones stands for, from `due_at` to `last_due_at`. `ready_at`: it is not tried before. `said`:
    what it came to, `turn_id` the turn in which that was said, `session_id` its chat.
    """

    id: str
    job_id: str
    slot: str
    due_at: datetime
    state: RunState
    reason: str
    attempts: int
    key: str
    count: int
    last_due_at: datetime
    ready_at: datetime
    lease_owner: str
    lease_until: datetime | None
    claimed_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    said: str
    label: Label
    turn_id: str
    session_id: str | None
    delivery: Delivery
    notice_id: str
    checked: bool

    @property
    def waits(self) -> bool:
        """True for one that could have begun and waits for something."""
        return self.state == "claimed" and bool(self.reason)


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What came of a run. `said`: what to tell, "" for nothing; `label`: of those words.

    `again`: it failed in a way that is known, and may be tried again as often as the user said. `deliver`: the user is
    told.
    """

    state: Literal["done", "failed", "skipped", "unknown"]
    said: str = ""
    label: Label = field(default_factory=lambda: Label("system", "private"))
    reason: str = ""
    again: bool = False
    deliver: bool = True
    turn_id: str = ""
    session_id: str | None = None


class RunJob(Protocol):
    """Do what a job does, once. A run is committed as running before it is called, and its outcome after."""

    async def __call__(self, job: Job, run: Run) -> RunOutcome:
        """Return what came of it.

        A UserError is a failure with its sentence, and so is any other error. It is cancelled at the time limit and
        when the agent ends.
        """
        ...


class Deliver(Protocol):
    """Tell the user what came of a run, or that one is missed or can't be told of."""

    async def __call__(self, job: Job, run: Run) -> str:
        """Return the id of the notice, after its commit.

        It may be called again for a run that was told just before a crash: `run.key` says that it is the same.
        """
        ...


class Surroundings(Protocol):
    """The machine as jobs see it (`health` gives it)."""

    @property
    def power(self) -> PowerLevel:
        """How much it can spare; "full" on mains."""
        ...

    @property
    def presence(self) -> Presence:
        """Whether somebody is at it."""
        ...

    def may_run(self, kind: str, urgency: JobUrgency) -> bool:
        """Return whether work of this kind may run by now."""
        ...

    def why_not(self, kind: str, urgency: JobUrgency) -> str:
        """Return why it may not, a sentence for people; "" where it may."""
        ...


def check_plan(plan: JobPlan, now: datetime) -> None:
    """Raise UserError where a job can't be as it is planned at `now` (aware)."""
    if not plan.name.strip() or len(plan.name) > LONGEST_NAME_CHARS or plan.name != visible(plan.name.strip()):
        raise wrong_job(
            tr("A job needs a name of 1 to {most} characters that can be seen.", most=LONGEST_NAME_CHARS),
            tr("Choose one like “weekly report”."),
        )
    try:
        work = json.dumps(dict(plan.work))
    except (TypeError, ValueError) as error:
        raise wrong_job(tr("What this job does can't be kept: {error}.", error=error)) from error
    if not plan.work or len(work) > LONGEST_WORK_CHARS:
        raise wrong_job(
            tr("What a job does takes 1 to {most} characters.", most=LONGEST_WORK_CHARS),
            tr("Put a long text into a file and let the job read it."),
        )
    if not 1 <= plan.timeout_s <= LONGEST_TIMEOUT_S:
        raise wrong_job(tr("A run may take one second to one day."), tr("Choose another --timeout."))
    if not 0 <= plan.retries <= MOST_RETRIES:
        raise wrong_job(tr("A run may be tried 0 to {most} times more.", most=MOST_RETRIES))
    if not 1 <= plan.backoff_s <= LONGEST_TIMEOUT_S:
        raise wrong_job(tr("Between two tries lie one second to one day."))
    if plan.wait_s is not None and not 0 <= plan.wait_s <= LONGEST_WAIT_S:
        raise wrong_job(tr("A run may wait for mains or for you to be away for 30 days at most."))
    if not isinstance(plan.trigger, OnEvent) and next(iter(plan.trigger.times(now.astimezone(UTC))), None) is None:
        raise UserError(
            "past",
            tr("“{name}” would never run: no time of its schedule is still to come.", name=plan.name),
            tr("Give it a coming time, such as “tomorrow at 9:00”."),
            ExitCode.USAGE,
        )


def wrong_job(sentence: str, advice: str = "") -> UserError:
    """Return the error for a job that can't be."""
    return UserError("bad_job", sentence, advice, ExitCode.USAGE)
