"""Holds the rows of a job's runs against its schedule: every time is there once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import takewhile

from openclaw_desktop.scheduler.jobs import Job, Run


def check_accounts(job: Job, runs: Sequence[Run], begin: datetime, now: datetime) -> None:
    """Each time up to now is the slot of one row, or lies in one row of missed ones that counts it."""
    moments = (moment.astimezone(UTC) for moment in job.plan.trigger.times(begin))
    wanted = set(takewhile(lambda moment: moment <= now, moments))
    timed = [run for run in runs if run.slot[0].isdigit() and run.due_at <= now]
    single = [run.due_at for run in timed if run.count == 1]
    assert len(single) == len(set(single))
    assert set(single) <= wanted, "a run of no time"
    left = wanted - set(single)
    for run in sorted((run for run in timed if run.count > 1), key=lambda run: run.due_at):
        own = {moment for moment in left if run.due_at <= moment <= run.last_due_at}
        assert run.state == "missed" and len(own) == run.count, (job.plan, run, len(own))
        left -= own
    assert not left, f"of {job.plan.trigger} nothing is known at {sorted(left)[:3]}"
