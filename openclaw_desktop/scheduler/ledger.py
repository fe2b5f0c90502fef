"""The runs of jobs: claimed, committed as begun, then done; each time of a job once, and each one accounted for.

Owns the table `job_runs`, and how far the times in `jobs` are accounted for. A run is committed as `running` before it
does anything and as ended after, so that after a crash it is known which may have done something. That a time is not
run twice is a constraint of the table. The owner of the home's lock alone may take runs up. Must not know what a run
does. Loop; SQL on the database's threads.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import apsw

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.text import tr
from openclaw_desktop.scheduler import run_accounts
from openclaw_desktop.scheduler.accounting import ON_TIME_S, backed_off_s
from openclaw_desktop.scheduler.job_rows import (
    label_values,
    moment_of,
    read_jobs,
    read_runs,
    stamp,
    with_jobs,
)
from openclaw_desktop.scheduler.jobs import LONGEST_SAID_CHARS, Job, Run, RunOutcome
from openclaw_desktop.scheduler.triggers import EventName, OnEvent
from openclaw_desktop.storage.database import Database, fetch

log = logging.getLogger(__name__)

# The slot of a run that the user asked for.
BY_HAND = "hand:"
# A run that its holder has lost is given up so long after its time limit.
LEASE_SPARE_S = 60.0
# A repeatable run that is cut off again and again ends.
MOST_CUT_OFFS = 3


@dataclass(frozen=True, slots=True)
class Look:
    """What may begin now, and the next moment at which something comes due; None where nothing will."""

    ready: tuple[tuple[Job, Run], ...]
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunCounts:
    """How many runs wait, run, were missed or can't be told of, both not yet looked at, and were not yet told."""

    waiting: int
    running: int
    missed: int
    unknown: int
    untold: int


class Ledger:
    """The runs of one file. `owner` names this holder of the home's lock."""

    def __init__(self, database: Database, clock: Clock, owner: str) -> None:
        self._database = database
        self._clock = clock
        self._owner = owner

    async def take_over(self) -> None:
        """Take up what an agent before this one left.

        What had not begun goes on; what had begun is repeated where it may be, else it is `unknown`.
        """
        now = self._clock.now()

        def take_over(connection: apsw.Connection) -> None:
            left = [
                run
                for state in ("claimed", "running")  # each has its index, and both together none
                for run in read_runs(connection, f"where state = '{state}' and lease_owner <> ?", (self._owner,))
            ]
            for job, run in with_jobs(connection, left):
                if run.state == "running":
                    self._cut_off(connection, job, run, now)
                elif _is_too_late(job, run, now):
                    run_accounts.end_missed(connection, job, run, tr("the agent was off"), now)
                else:
                    sql = "update job_runs set lease_owner = ? where id = ?"
                    connection.execute(sql, (self._owner, run.id))

            connection.execute("update job_runs set delivery = 'pending' where delivery = 'failed'")

        await self._database.write(take_over)

    async def look(self, live: Collection[str]) -> Look:
        """Account for each time that has come by now, and return what may begin. `live`: the runs that are going on."""
        now = self._clock.now()

        def look(connection: apsw.Connection) -> Look:
            self._give_up(connection, live, now)
            run_accounts.follow_clock_back(connection, now)
            due = read_jobs(connection, "enabled and due_at <= ?", (stamp(now),))
            for job in due:
                self._account(connection, job, now)
            return Look(tuple(self._ready(connection, now)), _next_at(connection, now))

        return await self._database.write(look)

    def _account(self, connection: apsw.Connection, job: Job, now: datetime) -> None:
        try:
            with connection:
                run_accounts.account(connection, job, now, self._owner)
        except (ValueError, KeyError, TypeError, OverflowError):
            # A schedule that can't be reckoned must not keep the other jobs from their times.
            log.exception("the times of the job %s can't be reckoned", job.id)
            connection.execute("update jobs set due_at = null where id = ?", (job.id,))

    def _give_up(self, connection: apsw.Connection, live: Collection[str], now: datetime) -> None:
        """End what nobody holds any more."""
        held = "where state = 'running' and lease_owner = ? and lease_until < ?"
        for run in read_runs(connection, held, (self._owner, stamp(now))):
            if run.id not in live:
                run_accounts.end(connection, run.id, "unknown", tr("nothing was heard of it again"), now, deliver=True)

    def _ready(self, connection: apsw.Connection, now: datetime) -> list[tuple[Job, Run]]:
        runs = read_runs(
            connection,
            "where state = 'claimed' and ready_at <= ? and lease_owner = ? order by due_at, rowid",
            (stamp(now), self._owner),
        )
        if not runs:
            return []
        running = [job_id for (job_id,) in fetch(connection, "select job_id from job_runs where state = 'running'")]
        found: list[tuple[Job, Run]] = []
        for job, run in with_jobs(connection, runs):
            if not job.enabled and not run.slot.startswith(BY_HAND):
                continue
            if job.plan.overlap == "beside" or job.id not in running:
                running.append(job.id)
                found.append((job, run))
        return found

    async def begin(
        self, starts: Sequence[tuple[Job, Run]], waits: Mapping[str, str], skips: Mapping[str, str]
    ) -> tuple[tuple[Job, Run], ...]:
        """Commit that `starts` begin, and why others wait or are left out, by their ids; return those that may begin.

        What was paused or removed since it was looked at is not among them.
        """
        now = self._clock.now()

        def begin(connection: apsw.Connection) -> tuple[tuple[Job, Run], ...]:
            begun: list[tuple[Job, Run]] = []
            for job, run in starts:
                lease_until = now + timedelta(seconds=job.plan.timeout_s + LEASE_SPARE_S)
                sql = """update job_runs set state = 'running', reason = '', attempts = attempts + 1, started_at = ?,
                    lease_until = ? where id = ? and state = 'claimed' and lease_owner = ?"""
                connection.execute(sql, (stamp(now), stamp(lease_until), run.id, self._owner))
                if connection.changes():
                    begun += [(job, started) for started in read_runs(connection, "where id = ?", (run.id,))]
            for run_id, reason in waits.items():
                sql = "update job_runs set reason = ?2 where id = ?1 and state = 'claimed' and reason <> ?2"
                connection.execute(sql, (run_id, reason))
            for run_id, reason in skips.items():
                run_accounts.end(connection, run_id, "skipped", reason, now, deliver=False, only="claimed")
            return tuple(begun)

        return await self._database.write(begin)

    async def finish(self, job: Job, run: Run, outcome: RunOutcome) -> Run | None:
        """Commit what came of a run, or that it is tried again; None where its job was removed meanwhile."""
        now = self._clock.now()
        again = outcome.state == "failed" and (outcome.again or job.plan.repeatable)

        def finish(connection: apsw.Connection) -> Run | None:
            known = "where id = ? and state = 'running' and lease_owner = ?"
            if not read_runs(connection, known, (run.id, self._owner)):
                return None
            # Who asks for it by hand sees that it failed, and asks again.
            by_hand = run.slot.startswith(BY_HAND)
            if again and not by_hand and run.attempts <= job.plan.retries:
                ready_at = now + timedelta(seconds=backed_off_s(job.plan.backoff_s, run.attempts))
                self._put_back(connection, run, ready_at, outcome.reason or tr("it failed"))
            else:
                sql = """update job_runs set said = ?, integrity = ?, confidentiality = ?, origins = ?, turn_id = ?,
                    session_id = ? where id = ?"""
                said = outcome.said[:LONGEST_SAID_CHARS]
                told = (said, *label_values(outcome.label), outcome.turn_id, outcome.session_id, run.id)
                connection.execute(sql, told)
                deliver = outcome.deliver and (bool(said) or outcome.state in ("failed", "unknown"))
                run_accounts.end(connection, run.id, outcome.state, outcome.reason, now, deliver=deliver)
            return _one(connection, run.id)

        return await self._database.write(finish)

    async def break_off(self, job: Job, run: Run) -> Run | None:
        """Commit that a run was cancelled before its end; it is repeated where it may be, else `unknown`."""
        now = self._clock.now()

        def break_off(connection: apsw.Connection) -> Run | None:
            known = "where id = ? and state = 'running' and lease_owner = ?"
            for current in read_runs(connection, known, (run.id, self._owner)):
                self._cut_off(connection, job, current, now)
            return _one(connection, run.id)

        return await self._database.write(break_off)

    async def put_back_unbegun(self, run: Run) -> None:
        """Commit that a run which was to begin has not: it is as it was before."""
        sql = """update job_runs set state = 'claimed', attempts = attempts - 1, lease_until = null, started_at = null
            where id = ? and state = 'running' and lease_owner = ?"""
        values = (run.id, self._owner)
        await self._database.write(lambda connection: connection.execute(sql, values).fetchall())

    def _cut_off(self, connection: apsw.Connection, job: Job, run: Run, now: datetime) -> None:
        if not job.plan.repeatable:
            reason = tr("it was going on when the agent ended: look whether it was done")
            run_accounts.end(connection, run.id, "unknown", reason, now, deliver=True)
        elif run.attempts > job.plan.retries + MOST_CUT_OFFS:
            reason = tr("the agent ended {count} times while it was going on", count=run.attempts)
            run_accounts.end(connection, run.id, "failed", reason, now, deliver=True)
        else:
            self._put_back(connection, run, now, "")

    def _put_back(self, connection: apsw.Connection, run: Run, ready_at: datetime, reason: str) -> None:
        sql = """update job_runs set state = 'claimed', ready_at = ?, reason = ?, lease_owner = ?, lease_until = null
            where id = ?"""
        connection.execute(sql, (stamp(ready_at), reason, self._owner, run.id))

    async def claim_by_hand(self, job_id: str) -> Run:
        """Take up a run that the user asks for, outside the job's times; raises UserError where the job is gone."""
        slot = f"{BY_HAND}{new_id('run')}"
        now = self._clock.now()

        def claim(connection: apsw.Connection) -> Run:
            jobs = read_jobs(connection, "id = ?", (job_id,))
            if not jobs:
                raise UserError("no_such_job", tr("That job is gone."), exit_code=ExitCode.USAGE)
            run_accounts.claim(connection, jobs[0], slot, now, now, self._owner)
            return read_runs(connection, "where job_id = ? and slot = ?", (job_id, slot))[0]

        return await self._database.write(claim)

    async def claim_event(self, event: EventName, path: str = "") -> int:
        """Take up a run of each job that waits for this; return how many. One that is taken up already is enough."""
        now = self._clock.now()

        def claim(connection: apsw.Connection) -> int:
            count = 0
            for job in read_jobs(connection, f"enabled and {run_accounts.ON_EVENT}"):
                if job.plan.trigger == OnEvent(event, path):
                    count += run_accounts.claim_event(connection, job, event, now, self._owner)
            return count

        return await self._database.write(claim)

    async def untold(self) -> tuple[tuple[Job, Run], ...]:
        """Return the runs that the user is still to be told of, oldest first."""

        def untold(connection: apsw.Connection) -> tuple[tuple[Job, Run], ...]:
            runs = read_runs(connection, "where delivery = 'pending' order by rowid")
            return tuple(with_jobs(connection, runs))

        return await self._database.read(untold)

    async def note_told(self, run_id: str, notice_id: str | None) -> None:
        """Keep that the user was told by this notice; None: that it failed, and is tried again at the next start."""
        sql = "update job_runs set delivery = ?, notice_id = ? where id = ? and delivery <> 'none'"
        values = ("failed" if notice_id is None else "delivered", notice_id or "", run_id)
        await self._database.write(lambda connection: connection.execute(sql, values).fetchall())

    async def runs(self, job_id: str | None = None, limit: int = 50) -> tuple[Run, ...]:
        """Return the newest runs of a job, or of all, newest first."""
        of_job, values = ("", (limit,)) if job_id is None else ("where job_id = ?", (job_id, limit))
        rest = f"{of_job} order by claimed_at desc, rowid desc limit ?"
        return tuple(await self._database.read(lambda connection: read_runs(connection, rest, values)))

    async def run(self, run_id: str) -> Run | None:
        """Return one run."""
        return await self._database.read(lambda connection: _one(connection, run_id))

    async def waiting(self) -> tuple[tuple[Job, Run], ...]:
        """Return the runs that wait for something, with their jobs."""

        def waiting(connection: apsw.Connection) -> tuple[tuple[Job, Run], ...]:
            runs = read_runs(connection, "where state = 'claimed' and reason <> '' order by due_at")
            return tuple(with_jobs(connection, runs))

        return await self._database.read(waiting)

    async def next_due(self) -> tuple[Job, datetime] | None:
        """Return the job whose time comes next, and when."""
        sql = "select id from jobs where enabled and due_at is not null order by due_at"

        def next_due(connection: apsw.Connection) -> tuple[Job, datetime] | None:
            for (job_id,) in fetch(connection, sql):
                for job in read_jobs(connection, "id = ?", (job_id,)):
                    if job.due_at is not None:
                        return job, job.due_at
            return None

        return await self._database.read(next_due)

    async def counts(self) -> RunCounts:
        """Return how the runs stand."""
        sql = """select
            (select count(*) from job_runs where state = 'claimed' and reason <> ''),
            (select count(*) from job_runs where state = 'running'),
            (select coalesce(sum(count), 0) from job_runs where state = 'missed' and not checked),
            (select count(*) from job_runs where state = 'unknown' and not checked),
            (select count(*) from job_runs where delivery in ('pending', 'failed'))"""
        return RunCounts(*(await self._database.rows(sql))[0])

    async def note_checked(self, job_id: str) -> int:
        """Keep that the user has looked at a job's missed and unknown runs; return how many rows those were."""
        sql = "update job_runs set checked = 1 where job_id = ? and state in ('missed', 'unknown') and not checked"

        def check(connection: apsw.Connection) -> int:
            connection.execute(sql, (job_id,))
            return int(connection.changes())

        return await self._database.write(check)

    async def prune(self, keep: int) -> int:
        """Take out the runs beyond the newest `keep` of each job, and single jobs long over; return how many runs."""
        now = self._clock.now()
        return await self._database.write(lambda connection: run_accounts.prune(connection, keep, now))


def _is_too_late(job: Job, run: Run, now: datetime) -> bool:
    """Return whether a claimed run, which had waited for nothing, may not begin so late."""
    late_s = (now - run.due_at).total_seconds()
    return run.attempts == 0 and not run.reason and late_s > ON_TIME_S and not job.plan.missed.allows(late_s)


def _one(connection: apsw.Connection, run_id: str) -> Run | None:
    return next(iter(read_runs(connection, "where id = ?", (run_id,))), None)


def _next_at(connection: apsw.Connection, now: datetime) -> datetime | None:
    sql = """select min(at) from (select min(due_at) as at from jobs where enabled and due_at > ?1
        union all select min(ready_at) from job_runs where state = 'claimed' and ready_at > ?1
        union all select min(lease_until) from job_runs where state = 'running' and lease_until > ?1)"""
    found = fetch(connection, sql, (stamp(now),))[0][0]
    return None if found is None else moment_of(found)
