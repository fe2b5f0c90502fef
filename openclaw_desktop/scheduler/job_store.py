"""The jobs of one file: added, changed, paused, removed.

Owns the table `jobs`, except how far its times are accounted for while they come due (`ledger`). Must not know what a
job's work means, nor that runs are going on. Loop; SQL on the database's threads.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

import apsw

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.scheduler.job_rows import JOB_COLUMNS, label_values, plan_values, read_jobs, stamp
from openclaw_desktop.scheduler.jobs import Job, JobPlan, check_plan, wrong_job
from openclaw_desktop.scheduler.stored import read_trigger, write_trigger
from openclaw_desktop.scheduler.triggers import next_after
from openclaw_desktop.storage.database import Database, fetch
from openclaw_desktop.system.region import zone_named

MOST_JOBS = 1000
# What is claimed and not begun, by its time: it falls away with that time.
_NOT_BEGUN = "state = 'claimed' and attempts = 0 and slot glob '[0-9]*'"
_WORD = re.compile(r"\w+")


class JobStore:
    """The jobs of one file."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(self, plan: JobPlan, label: Label) -> Job:
        """Keep a new job; returns after its commit. Raises UserError where it can't be, or its name is taken."""
        now = self._clock.now()
        plan = _settled(plan, now)
        at, due_at = stamp(now), next_after(plan.trigger, now)
        job_id = new_id("job")
        due = None if due_at is None else stamp(due_at)
        values = (job_id, *plan_values(plan), 1, at, at, due, *label_values(label), at, at)

        def add(connection: apsw.Connection) -> Job:
            if fetch(connection, "select 1 from jobs where name = ?", (plan.name,)):
                raise _taken(plan.name)
            if fetch(connection, "select count(*) from jobs")[0][0] >= MOST_JOBS:
                raise wrong_job(
                    tr("There are {count} jobs already.", count=MOST_JOBS), tr("Remove some that are no longer needed.")
                )
            marks = ", ".join("?" * len(values))
            connection.execute(f"insert into jobs ({JOB_COLUMNS}) values ({marks})", values)
            return read_jobs(connection, "id = ?", (job_id,))[0]

        return await self._database.write(add)

    async def all(self) -> tuple[Job, ...]:
        """Return every job, by name."""
        return tuple(await self._database.read(read_jobs))

    async def names(self) -> dict[str, str]:
        """Return the name of every job by its id, also of those that can't be read, in the order of the names."""
        return {
            str(row[0]): str(row[1]) for row in await self._database.rows("select id, name from jobs order by name")
        }

    async def get(self, job_id: str) -> Job | None:
        """Return one job."""
        found = await self._database.read(lambda connection: read_jobs(connection, "id = ?", (job_id,)))
        return found[0] if found else None

    async def find(self, words: str) -> Job:
        """Return the job that an id, a name, or some words of only one name mean; raises UserError."""
        job_id, name = await self.named(words)
        job = await self.get(job_id)
        if job is None:
            raise UserError(
                "job_unreadable",
                tr("The job “{name}” can't be read, so it doesn't run.", name=name),
                tr("Its time zone may be unknown here: update the program. To give it up: openclaw-agent task remove"),
                ExitCode.USAGE,
            )
        return job

    async def named(self, words: str) -> tuple[str, str]:
        """Return id and name of the job that `words` mean, as in `find`; it need not be one that can be read."""
        jobs, said = list((await self.names()).items()), words.strip().casefold()
        exact = [(job_id, name) for job_id, name in jobs if job_id == words.strip() or name.casefold() == said]
        wanted = set(_WORD.findall(said))
        near = exact or [(job_id, name) for job_id, name in jobs if wanted and wanted <= _words_of(name)]
        if len(near) == 1:
            return near[0]
        shown = visible(words.strip()[:60])
        if not near:
            raise UserError(
                "no_such_job",
                tr("There is no job “{words}”.", words=shown),
                tr("See which there are: openclaw-agent task list"),
                ExitCode.USAGE,
            )
        raise UserError(
            "several_jobs",
            tr("“{words}” may be one of several: {names}.", words=shown, names="; ".join(name for _, name in near[:5])),
            tr("Write the whole name, or its id."),
            ExitCode.USAGE,
        )

    async def change(self, job_id: str, plan: JobPlan, label: Label) -> Job:
        """Replace what is planned; where the trigger is another now, its times count from now. Raises UserError."""
        now = self._clock.now()
        plan = _settled(plan, now)
        name, trigger, zone, work, rules = plan_values(plan)

        def change(connection: apsw.Connection) -> Job:
            known = self._known(connection, job_id)
            if fetch(connection, "select 1 from jobs where name = ? and id <> ?", (name, job_id)):
                raise _taken(name)
            sql = """update jobs set name = ?, trigger = ?, zone = ?, work = ?, rules = ?, integrity = ?,
                confidentiality = ?, origins = ? where id = ?"""
            connection.execute(sql, (name, trigger, zone, work, rules, *label_values(label), job_id))
            if plan_values(known.plan)[1:3] != (trigger, zone):
                self._count_from(connection, job_id, now, tr("the job got another schedule"))
            return self._known(connection, job_id)

        return await self._database.write(change)

    async def pause(self, job_id: str) -> Job:
        """Let a job rest; its times pass without being missed. Raises UserError."""

        def pause(connection: apsw.Connection) -> Job:
            self._known(connection, job_id)
            connection.execute("update jobs set enabled = 0 where id = ?", (job_id,))
            self._let_go(connection, job_id, self._clock.now(), tr("the job was paused"))
            return self._known(connection, job_id)

        return await self._database.write(pause)

    async def resume(self, job_id: str) -> Job:
        """Go on with a job, from now; raises UserError where it has no further time."""
        now = self._clock.now()

        def resume(connection: apsw.Connection) -> Job:
            known = self._known(connection, job_id)
            if known.enabled:
                return known
            check_plan(known.plan, now)
            connection.execute("update jobs set enabled = 1 where id = ?", (job_id,))
            self._count_from(connection, job_id, now, tr("the job was paused"))
            return self._known(connection, job_id)

        return await self._database.write(resume)

    async def remove(self, job_id: str) -> None:
        """Take a job out with all its runs; the bytes are overwritten. Raises UserError where there is none."""

        def remove(connection: apsw.Connection) -> None:
            connection.execute("delete from jobs where id = ?", (job_id,))
            if not connection.changes():
                raise _gone()

        await self._database.write(remove)

    async def reckon(self) -> None:
        """Find each job's next time anew: what is known of time zones may have changed since."""

        def reckon(connection: apsw.Connection) -> None:
            for job in read_jobs(connection, "enabled"):
                due_at = next_after(job.plan.trigger, job.accounted_to)
                if due_at != job.due_at:
                    kept = None if due_at is None else stamp(due_at)
                    connection.execute("update jobs set due_at = ? where id = ?", (kept, job.id))

        await self._database.write(reckon)

    def _known(self, connection: apsw.Connection, job_id: str) -> Job:
        found = read_jobs(connection, "id = ?", (job_id,))
        if not found:
            raise _gone()
        return found[0]

    def _count_from(self, connection: apsw.Connection, job_id: str, now: datetime, reason: str) -> None:
        """Account for nothing before `now`."""
        self._let_go(connection, job_id, now, reason)
        due_at = next_after(self._known(connection, job_id).plan.trigger, now)
        sql = "update jobs set accounted_to = ?1, seen_to = max(seen_to, ?1), due_at = ?2 where id = ?3"
        connection.execute(sql, (stamp(now), None if due_at is None else stamp(due_at), job_id))

    def _let_go(self, connection: apsw.Connection, job_id: str, now: datetime, reason: str) -> None:
        sql = f"update job_runs set state = 'skipped', reason = ?, ended_at = ? where job_id = ? and {_NOT_BEGUN}"
        connection.execute(sql, (reason, stamp(now), job_id))
        # What had failed and was to be tried again has failed.
        sql = """update job_runs set state = 'failed', ended_at = ?3, delivery = 'pending',
            reason = case reason when '' then ?2 else reason || ' (' || ?2 || ')' end
            where job_id = ?1 and state = 'claimed' and attempts > 0"""
        connection.execute(sql, (job_id, reason, stamp(now)))


def _words_of(name: str) -> set[str]:
    return set(_WORD.findall(name.casefold()))


def _settled(plan: JobPlan, now: datetime) -> JobPlan:
    """Return the plan as it will be read back, its moments in whole seconds; raises UserError where it can't be."""
    zone_named(plan.zone)
    settled = replace(plan, trigger=read_trigger(write_trigger(plan.trigger), plan.zone))
    check_plan(settled, now)
    return settled


def _gone() -> UserError:
    return UserError("no_such_job", tr("That job is gone."), exit_code=ExitCode.USAGE)


def _taken(name: str) -> UserError:
    return UserError(
        "job_exists",
        tr("There is a job “{name}” already.", name=name),
        tr("Choose another name, or remove that job first."),
        ExitCode.USAGE,
    )
