"""Jobs and runs as front ends see them: their times and work in words.

Owns the way from a job or run to its view. Must not know where they are kept. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.scheduler.jobs import Job, Run
from openclaw_desktop.scheduler.narration import narrate
from openclaw_desktop.scheduler.triggers import OnEvent
from openclaw_desktop.service.jobs.views import JobView, RunView
from openclaw_desktop.service.jobs.work import Work, read_work
from openclaw_desktop.system.region import zone_named

NEXT_TIMES = 3


def job_view(job: Job, now: datetime, zone: ZoneInfo, waits: str, runs: Sequence[Run] = ()) -> JobView:
    """Return a job as it stands at `now`; `zone`: the user's, `waits`: why a run of it waits, "" where none does."""
    plan, work = job.plan, work_of(job)
    problem = "" if work is not None else tr("What it is to do makes no sense to this version of the program.")
    return JobView(
        job.id, job.name, when_words(job), plan.zone, "" if work is None else work.describe(), dict(plan.work),
        job.enabled, coming(job, now, NEXT_TIMES) if job.enabled else (), str(plan.missed), plan.timeout_s,
        plan.retries, plan.on_ac, plan.when_idle, plan.notify, job.label.integrity == "untrusted",
        job.label.foreign_origins, iso(job.created_at, zone), waits, tuple(run_view(job.name, run) for run in runs),
        problem=problem, over=is_over(job),
    )  # fmt: skip


def unreadable_view(job_id: str, name: str) -> JobView:
    """Return what there is to show of a job whose row can't be read."""
    return JobView(
        job_id, name, "", "", "", {}, False, (), "", 0.0, 0, False, False, "normal", False, (), "",
        problem=tr("It can't be read, so it doesn't run."),
    )  # fmt: skip


def is_over(job: Job) -> bool:
    """Return whether a job has had its last time; it is kept for a while with its runs."""
    return job.enabled and job.due_at is None and not isinstance(job.plan.trigger, OnEvent)


def work_of(job: Job) -> Work | None:
    """Return what a job does; None where that makes no sense."""
    try:
        return read_work(job.plan.work)
    except UserError:
        return None


def when_words(job: Job) -> str:
    """Return a job's schedule in words."""
    trigger = job.plan.trigger
    if not isinstance(trigger, OnEvent):
        return narrate(trigger, [])
    match trigger.event:
        case "present":
            return tr("Whenever somebody is at the machine again.")
        case "mains":
            return tr("Whenever mains is plugged in.")
        case "start":
            return tr("Whenever the agent starts.")
        case _:
            return tr("Whenever {path} changes.", path=visible(trigger.path))


def coming(job: Job, now: datetime, count: int) -> tuple[str, ...]:
    """Return a job's next times in ISO 8601, in its zone."""
    if isinstance(job.plan.trigger, OnEvent):
        return ()
    zone = zone_named(job.plan.zone)
    moments = islice(job.plan.trigger.times(max(now, job.accounted_to)), count)
    return tuple(iso(moment, zone) for moment in moments)


def run_view(name: str, run: Run) -> RunView:
    """Return a run of the job `name`, its times in the zone of this machine."""
    return RunView(
        run.id, name, run.state, run.reason, iso(run.due_at), iso(run.last_due_at), iso(run.started_at),
        iso(run.ended_at), run.attempts, run.count, run.said, run.label.integrity == "untrusted", run.session_id or "",
        run.delivery, run.checked,
    )  # fmt: skip


def iso(moment: datetime | None, zone: ZoneInfo | None = None) -> str:
    """Return a moment in ISO 8601, in `zone` or that of this machine; "" for none."""
    return "" if moment is None else moment.astimezone(zone).isoformat(timespec="seconds")


def waiting_sentence(reasons: Sequence[str]) -> str:
    """Return "3 jobs wait: for mains" in words; "" where none waits."""
    if not reasons:
        return ""
    (commonest, count), *others = Counter(reasons).most_common()
    if others:
        return tr("{count} jobs wait", count=len(reasons))
    why = commonest.removeprefix("waits ").strip().rstrip(".")
    return tr("1 job waits {why}", why=why) if count == 1 else tr("{count} jobs wait {why}", count=count, why=why)
