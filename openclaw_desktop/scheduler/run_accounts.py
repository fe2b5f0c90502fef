"""How the times of a job become rows: runs that are claimed, and those that are missed or left out.

Owns the changes of `job_runs` that come of time alone, and the columns of `jobs` that say how far that is done. Must
not know who runs what. Runs on the database's writer thread, within one transaction.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import apsw

from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.text import tr
from openclaw_desktop.scheduler.accounting import Verdict, judge, slots_due
from openclaw_desktop.scheduler.job_rows import label_values, moment_of, read_jobs, read_runs, stamp
from openclaw_desktop.scheduler.jobs import Job, Run, RunState
from openclaw_desktop.scheduler.triggers import next_after
from openclaw_desktop.storage.database import fetch

# A slot that is a time, and no event or the user's own wish.
TIMED = "slot glob '[0-9]*'"
# Few wait to begin, and a job may have had many runs: left to itself, SQLite would look through the latter.
_CLAIMED = "indexed by job_runs_claimed where state = 'claimed'"
# An event's job. A trigger that is no JSON any more is none: it must not keep the other jobs from their times.
ON_EVENT = "case when json_valid(trigger) then json_extract(trigger, '$.kind') = 'event' else false end"
# Single jobs that are over are kept, the newest of them.
KEPT_OVER = 200
LONGEST_BACKOFF = timedelta(days=1)
# That runs of a job wait until their next time comes is told so often.
TOLD_EVERY = timedelta(days=1)


def account(connection: apsw.Connection, job: Job, now: datetime, owner: str) -> None:
    """Give each of the job's times up to `now` its row: at most one is claimed, the others are missed."""
    ((seen, pruned),) = fetch(connection, "select seen_to, pruned_to from jobs where id = ?", (job.id,))
    accounted_to, seen_to = max(job.accounted_to, moment_of(pruned)), moment_of(seen)
    with_rows = _moments_with_rows(connection, job.id, accounted_to) if seen_to > accounted_to else frozenset()
    slots = slots_due(job.plan.trigger, accounted_to, seen_to, now, with_rows)
    if slots is not None:
        verdict = judge(slots, now, job.plan.missed)
        _note_missed(connection, job, verdict, now)
        if verdict.run is not None:
            _take_up(connection, job, verdict.run, now, owner)
    _set_accounted(connection, job, now)


def _moments_with_rows(connection: apsw.Connection, job_id: str, after: datetime) -> frozenset[datetime]:
    sql = f"select due_at from job_runs where job_id = ? and due_at > ? and {TIMED}"
    return frozenset(moment_of(due_at) for (due_at,) in fetch(connection, sql, (job_id, stamp(after))))


def _set_accounted(connection: apsw.Connection, job: Job, to: datetime) -> None:
    due_at = next_after(job.plan.trigger, to)
    sql = "update jobs set accounted_to = ?1, seen_to = max(seen_to, ?1), due_at = ?2 where id = ?3"
    connection.execute(sql, (stamp(to), None if due_at is None else stamp(due_at), job.id))


def _note_missed(connection: apsw.Connection, job: Job, verdict: Verdict, now: datetime) -> None:
    if verdict.first is None or verdict.last is None:
        return
    covered = verdict.run is not None
    reason = tr("a later run stands for it") if covered else tr("the agent was off or the machine asleep")
    # What a later run stands for needs no look.
    quiet = covered or _may_be_skipped(job)
    insert(connection, job, stamp(verdict.first), verdict.first, now, state="missed", reason=reason)
    sql = """update job_runs set count = ?, last_due_at = ?, ended_at = ?, checked = ?, delivery = ?
        where job_id = ? and slot = ? and state = 'missed'"""
    values = (verdict.missed, stamp(verdict.last), stamp(now), quiet, "none" if quiet else "pending")
    connection.execute(sql, (*values, job.id, stamp(verdict.first)))


def _may_be_skipped(job: Job) -> bool:
    """Return whether a missed time needs no look, as the user chose to skip such ones."""
    return job.plan.missed.rule == "skip"


def _take_up(connection: apsw.Connection, job: Job, moment: datetime, now: datetime, owner: str) -> None:
    if job.plan.overlap == "skip" and _is_running(connection, job):
        reason = tr("the run before was still going on")
        insert(connection, job, stamp(moment), moment, now, state="skipped", reason=reason)
        connection.execute(
            "update job_runs set ended_at = ? where job_id = ? and slot = ?", (stamp(now), job.id, stamp(moment))
        )
        return
    _give_way(connection, job, now)
    claim(connection, job, stamp(moment), moment, now, owner)


def _give_way(connection: apsw.Connection, job: Job, now: datetime) -> None:
    """End what still waits to begin: its successor takes its place, so that runs never pile up."""
    sql = f"select id, attempts, reason from job_runs {_CLAIMED} and job_id = ? and {TIMED}"
    for run_id, attempts, waited in fetch(connection, sql, (job.id,)):
        reason = tr("the next time came while it waited") + (f" ({waited})" if waited else "")
        if attempts:
            end(connection, run_id, "failed", reason, now, deliver=True)
            continue
        told = _is_to_be_told(connection, job, now)
        end(connection, run_id, "missed", reason, now, deliver=told)
        connection.execute("update job_runs set checked = 1 where id = ?", (run_id,))
        if told:
            connection.execute("update jobs set waited_told_at = ? where id = ?", (stamp(now), job.id))


def _is_running(connection: apsw.Connection, job: Job) -> bool:
    sql = "select 1 from job_runs indexed by job_runs_running where state = 'running' and job_id = ?"
    return bool(fetch(connection, sql, (job.id,)))


def _is_to_be_told(connection: apsw.Connection, job: Job, now: datetime) -> bool:
    """Return whether the user is told that a run has waited for too long: once a day, unless such may be skipped."""
    ((told,),) = fetch(connection, "select waited_told_at from jobs where id = ?", (job.id,))
    return not _may_be_skipped(job) and (told is None or not now - TOLD_EVERY < moment_of(told) <= now)


def claim(connection: apsw.Connection, job: Job, slot: str, due_at: datetime, now: datetime, owner: str) -> None:
    """Take up one run."""
    insert(connection, job, slot, due_at, now, state="claimed", owner=owner)


def claim_event(connection: apsw.Connection, job: Job, event: str, now: datetime, owner: str) -> bool:
    """Take up one run because something happened; False where one waits to begin already."""
    if fetch(connection, f"select 1 from job_runs {_CLAIMED} and job_id = ?", (job.id,)):
        return False
    slot, moment = f"{event}:{new_id('at')}", now
    if job.plan.overlap == "skip" and _is_running(connection, job):
        reason = tr("the run before was still going on")
        insert(connection, job, slot, moment, now, state="skipped", reason=reason)
        return False
    claim(connection, job, slot, moment, now, owner)
    return True


def insert(
    connection: apsw.Connection,
    job: Job,
    slot: str,
    due_at: datetime,
    now: datetime,
    *,
    state: RunState,
    reason: str = "",
    owner: str = "",
) -> None:
    """Add a row; a slot that has one keeps it."""
    sql = """insert into job_runs (id, job_id, slot, due_at, last_due_at, state, reason, key, ready_at, lease_owner,
        claimed_at, integrity, confidentiality, origins) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        on conflict (job_id, slot) do nothing"""
    due, at = stamp(due_at), stamp(now)
    values = (new_id("run"), job.id, slot, due, due, state, reason, f"{job.id}@{slot}", at, owner, at)
    connection.execute(sql, (*values, *label_values(job.label)))


def end(
    connection: apsw.Connection,
    run_id: str,
    state: RunState,
    reason: str,
    now: datetime,
    *,
    deliver: bool,
    only: RunState | None = None,
) -> None:
    """End a run; `only`: where it is in that state."""
    sql = """update job_runs set state = ?, reason = ?, ended_at = ?, lease_until = null, delivery = ? where id = ?
        and state = coalesce(?, state)"""
    connection.execute(sql, (state, reason, stamp(now), "pending" if deliver else "none", run_id, only))


def end_missed(connection: apsw.Connection, job: Job, run: Run, reason: str, now: datetime) -> None:
    """End a run that is too late to begin."""
    quiet = _may_be_skipped(job)
    end(connection, run.id, "missed", reason, now, deliver=not quiet)
    connection.execute("update job_runs set checked = ? where id = ?", (quiet, run.id))


def follow_clock_back(connection: apsw.Connection, now: datetime) -> None:
    """Where the clock was put back: what was written down of times that are to come again is taken back.

    What has begun stays, so that such a time is not run a second time.
    """
    at = stamp(now)
    for job in read_jobs(connection, "accounted_to > ?1 and accounted_to > pruned_to", (at,)):
        unbegun = f"job_id = ? and attempts = 0 and state in ('missed', 'skipped', 'claimed') and {TIMED}"
        connection.execute(f"delete from job_runs where due_at > ? and {unbegun}", (at, job.id))
        for run in read_runs(connection, f"where due_at <= ? and last_due_at > ? and {unbegun}", (at, at, job.id)):
            _cut_short(connection, job, run, now)
        ((pruned,),) = fetch(connection, "select pruned_to from jobs where id = ?", (job.id,))
        _set_accounted(connection, job, max(now, moment_of(pruned)))
    sql = "update job_runs set ready_at = ? where state = 'claimed' and ready_at > ?"
    connection.execute(sql, (at, stamp(now + LONGEST_BACKOFF)))


def _cut_short(connection: apsw.Connection, job: Job, run: Run, now: datetime) -> None:
    """Leave of a row of missed times those that have come by now."""
    others = _moments_with_rows(connection, job.id, run.due_at)
    count, last = 1, run.due_at
    for moment in job.plan.trigger.times(run.due_at):
        if moment.astimezone(UTC) > now:
            break
        if moment.astimezone(UTC) not in others:
            count, last = count + 1, moment.astimezone(UTC)
    connection.execute("update job_runs set count = ?, last_due_at = ? where id = ?", (count, stamp(last), run.id))


def prune(connection: apsw.Connection, keep: int, now: datetime) -> int:
    """Take out ended runs beyond the newest `keep` of each job, and single jobs that are long over.

    Runs are counted, not dated, and none of a time to come is taken: a clock that was wrong takes nothing away.
    """
    jobs = [job_id for (job_id,) in fetch(connection, "select id from jobs")]
    count = sum(_prune_runs(connection, job_id, keep, stamp(now)) for job_id in jobs)
    over = f"""due_at is null and not {ON_EVENT} and not exists (select 1 from job_runs r
        where r.job_id = jobs.id and (r.state in ('claimed', 'running') or r.delivery in ('pending', 'failed')
        or (r.state in ('missed', 'unknown') and not r.checked)))"""
    connection.execute(
        f"delete from jobs where {over} and id not in (select id from jobs where {over} order by rowid desc limit ?)",
        (KEPT_OVER,),
    )
    return count


def _prune_runs(connection: apsw.Connection, job_id: str, keep: int, at: str) -> int:
    newest = "select rowid from job_runs where job_id = ? order by rowid desc limit 1 offset ?"
    beyond = fetch(connection, newest, (job_id, keep))
    if not beyond:
        return 0
    values = (job_id, beyond[0][0], at)
    old = """job_id = ?1 and rowid <= ?2 and state in ('done', 'failed', 'missed', 'skipped', 'unknown')
        and delivery not in ('pending', 'failed') and (checked or state not in ('missed', 'unknown'))
        and last_due_at <= ?3"""
    until = f"select max(last_due_at) from job_runs where {old} and {TIMED}"
    connection.execute(
        f"update jobs set pruned_to = max(pruned_to, coalesce(({until}), pruned_to)) where id = ?1", values
    )
    connection.execute(f"delete from job_runs where {old}", values)
    return int(connection.changes())
