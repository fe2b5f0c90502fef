"""Jobs and runs as rows of their tables, and back.

Owns the columns. Must not know what is done with rows. Any thread.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import apsw

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.scheduler.jobs import Job, JobPlan, Run, read_missed
from openclaw_desktop.scheduler.stored import read_trigger, write_trigger
from openclaw_desktop.storage.database import fetch

log = logging.getLogger(__name__)

JOB_COLUMNS = (
    "id, name, trigger, zone, work, rules, enabled, created_at, accounted_to, due_at, integrity, confidentiality,"
    " origins, seen_to, pruned_to"
)
RUN_COLUMNS = (
    "id, job_id, slot, due_at, state, reason, attempts, key, count, last_due_at, ready_at, lease_owner, lease_until,"
    " claimed_at, started_at, ended_at, said, integrity, confidentiality, origins, turn_id, session_id, delivery,"
    " notice_id, checked"
)
# What of a plan is kept together, as JSON; `missed` beside them as its own text.
_RULES = tuple(
    field.name for field in fields(JobPlan) if field.name not in ("name", "trigger", "zone", "work", "missed")
)


def stamp(moment: datetime) -> str:
    """Return a moment as it is kept."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def moment_of(text: str) -> datetime:
    """Return the moment that is kept as `text`."""
    return datetime.fromisoformat(text)


def plan_values(plan: JobPlan) -> tuple[str, str, str, str, str]:
    """Return name, trigger, zone, work and rules as they are kept."""
    rules = {name: getattr(plan, name) for name in _RULES} | {"missed": str(plan.missed)}
    work = json.dumps(dict(plan.work), ensure_ascii=False)
    return plan.name, write_trigger(plan.trigger), plan.zone, work, json.dumps(rules)


def label_values(label: Label) -> tuple[str, str, str]:
    """Return a label as the values of its three columns."""
    return label.integrity, label.confidentiality, json.dumps(label.origins)


def job_of(row: Sequence[Any]) -> Job:
    """Return the job of a row of JOB_COLUMNS."""
    rules = json.loads(row[5])
    rules["missed"] = read_missed(rules["missed"])
    plan = JobPlan(row[1], read_trigger(row[2], row[3]), row[3], json.loads(row[4]), **rules)
    due_at = None if row[9] is None else moment_of(row[9])
    return Job(row[0], plan, _label(row[10:13]), bool(row[6]), moment_of(row[7]), moment_of(row[8]), due_at)


def run_of(row: Sequence[Any]) -> Run:
    """Return the run of a row of RUN_COLUMNS."""
    moments = {place: None if row[place] is None else moment_of(row[place]) for place in (12, 14, 15)}
    values: list[Any] = [
        *row[:3], moment_of(row[3]), *row[4:9], moment_of(row[9]), moment_of(row[10]), row[11], moments[12],
        moment_of(row[13]), moments[14], moments[15], row[16], _label(row[17:20]), *row[20:24], bool(row[24]),
    ]  # fmt: skip
    return Run(*values)


def _label(values: Sequence[Any]) -> Label:
    return Label(values[0], values[1], tuple(json.loads(values[2])))


def read_jobs(connection: apsw.Connection, where: str = "true", values: tuple[Any, ...] = ()) -> list[Job]:
    """Return the jobs that fit, by name; one that can't be read is logged, and the others are there all the same."""
    jobs: list[Job] = []
    for row in fetch(connection, f"select {JOB_COLUMNS} from jobs where {where} order by name", values):
        try:
            jobs.append(job_of(row))
        except (ValueError, KeyError, TypeError, UserError) as error:  # its zone is known no more, say
            # Not what the error says: that may be the user's own words.
            log.error("the job %s can't be read: %s", row[0], type(error).__name__)
    return jobs


def with_jobs(connection: apsw.Connection, runs: Iterable[Run]) -> list[tuple[Job, Run]]:
    """Return runs with their jobs, without those whose job can't be read."""
    return [(job, run) for run in runs for job in read_jobs(connection, "id = ?", (run.job_id,))]


def read_runs(connection: apsw.Connection, rest: str = "", values: tuple[Any, ...] = ()) -> list[Run]:
    """Return the runs that fit; `rest`: SQL after the table's name."""
    return [run_of(row) for row in fetch(connection, f"select {RUN_COLUMNS} from job_runs {rest}", values)]
