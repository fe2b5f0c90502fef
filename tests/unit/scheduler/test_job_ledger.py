"""Each time of a job has one row: what is run, missed, left out, and what a crash or a clock that jumps makes of it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import apsw
import pytest
from job_room import NOON, JobRoom

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.scheduler import run_accounts
from openclaw_desktop.scheduler.job_rows import read_runs, stamp
from openclaw_desktop.scheduler.jobs import (
    ENDED,
    Delivery,
    JobPlan,
    Missed,
    RunOutcome,
    RunState,
    check_plan,
    read_missed,
)
from openclaw_desktop.scheduler.schedules import CronLine, Once, Steps
from openclaw_desktop.scheduler.triggers import OnEvent
from openclaw_desktop.storage.database import Database

UTC = ZoneInfo("UTC")


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[JobRoom]:
    database = await Database.open(tmp_path / "jobs.db")
    room = JobRoom(database)
    yield room
    await room.jobs.stop()
    await database.close()


async def test_what_is_due_is_run_once_and_its_next_time_is_known(room: JobRoom) -> None:
    job = await room.add()
    assert job.due_at == NOON + timedelta(hours=1)
    assert await room.turn(minutes=59) == job.due_at
    assert room.ran == []
    assert await room.turn(minutes=1) == NOON + timedelta(hours=2)
    await room.turn(seconds=1)
    assert await room.runs(job) == [("04 13:00", "done")]
    assert len(room.ran) == 1


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Missed("skip"), [("04 13:00 x5", "missed")]),
        (Missed("once"), [("04 13:00 x4", "missed"), ("04 17:00", "done")]),
        (Missed("within", 1800), [("04 13:00 x4", "missed"), ("04 17:00", "done")]),
        (Missed("within", 1199), [("04 13:00 x5", "missed")]),
    ],
)
async def test_missed_times_follow_the_rule_and_are_counted(
    room: JobRoom, rule: Missed, expected: list[tuple[str, str]]
) -> None:
    job = await room.add(missed=rule)
    await room.turn(hours=5, minutes=20)
    assert await room.runs(job) == expected
    counts = await room.ledger.counts()
    # What the user chose to skip, and what a later run stands for, asks for no look.
    assert counts.missed == (5 if rule == Missed("within", 1199) else 0)
    assert [run.state for run in room.told] == (["missed"] if counts.missed else [])
    assert await room.ledger.note_checked(job.id) == bool(counts.missed)
    assert (await room.ledger.counts()).missed == 0


async def test_a_year_asleep_is_one_row(room: JobRoom) -> None:
    job = await room.add(trigger=Steps(NOON, timedelta(seconds=10)), missed=Missed("skip"))
    await room.turn(days=365, seconds=3)
    assert [state for _, state in await room.runs(job)] == ["missed", "done"], "the last one was on time"
    assert sum(run.count for run in await room.ledger.runs(job.id)) == 365 * 8640


async def test_a_time_that_was_run_stays_run_when_the_clock_goes_back(room: JobRoom) -> None:
    job = await room.add()
    for _ in range(4):
        await room.turn(hours=1)
    await room.turn(hours=-3, minutes=-10)
    assert (await room.store.find("job")).due_at == NOON + timedelta(hours=1)
    for _ in range(16):
        await room.turn(minutes=20)
    assert len(room.ran) == 6 and len({slot for _, slot, _ in room.ran}) == 6
    assert [run for run in await room.runs(job) if run[1] != "done"] == []


async def test_times_missed_by_a_clock_that_was_wrong_come_again(room: JobRoom) -> None:
    job = await room.add(missed=Missed("skip"))
    await room.turn(days=40, minutes=30)
    assert await room.runs(job) == [("04 13:00 x960", "missed")]
    room.pass_(days=-40)
    await room.turn(hours=2)
    assert await room.runs(job) == [("04 13:00 x2", "missed")]
    await room.turn(minutes=30)
    assert await room.runs(job) == [("04 13:00 x2", "missed"), ("04 15:00", "done")]


async def test_a_jump_ahead_and_back_runs_nothing_twice(room: JobRoom) -> None:
    job = await room.add()
    await room.turn(hours=3, minutes=5)
    assert await room.runs(job) == [("04 13:00 x2", "missed"), ("04 15:00", "done")]
    room.pass_(hours=-2)
    await room.turn()
    for _ in range(12):
        await room.turn(minutes=15)
    assert await room.runs(job) == [
        ("04 13:00", "missed"), ("04 14:00", "done"), ("04 15:00", "done"), ("04 16:00", "done"),
    ]  # fmt: skip


async def test_what_had_begun_is_unknown_after_a_crash_and_not_repeated(room: JobRoom) -> None:
    job, again = await room.add("once"), await room.add("again", repeatable=True)
    room.gate.clear()
    await room.turn(hours=1)
    await room.began.wait()
    for task in [task for _, task in room.jobs._live.values()]:  # as if the process were gone: nothing is committed
        task.cancel()
    room.ledger.break_off = room.deliver  # type: ignore[method-assign, assignment]
    await room.rest()
    other = room.again()
    await other.jobs.take_up()
    await other.turn(minutes=5)
    assert await other.runs(job) == [("04 13:00", "unknown")]
    assert [(name, attempts) for name, _, attempts in other.ran] == [("again", 2)]
    assert await other.runs(again) == [("04 13:00", "done")]
    assert [run.state for run in other.told] == ["unknown"]
    assert "look whether it was done" in other.told[0].reason
    await other.jobs.stop()


async def test_what_is_cut_off_again_and_again_ends(room: JobRoom) -> None:
    job = await room.add(repeatable=True)
    await room.turn(minutes=30)
    for life in range(4):
        room = room.again(f"life {life}")
        await room.jobs.take_up()
        room.gate.clear()
        await room.turn(minutes=31 if life == 0 else 0)
        await room.began.wait()
        await room.jobs.stop()
    assert await room.runs(job) == [("04 13:00", "failed")]
    assert "4 times" in (await room.ledger.runs(job.id))[0].reason


async def test_what_was_claimed_and_not_begun_goes_on_after_a_crash_unless_it_is_too_late(room: JobRoom) -> None:
    soon, late = await room.add("soon"), await room.add("late", missed=Missed("within", 600))
    room.pass_(hours=1)
    assert len((await room.ledger.look(())).ready) == 2
    other = room.again()
    room.pass_(minutes=20)
    await other.jobs.take_up()
    await other.turn()
    assert await other.runs(soon) == [("04 13:00", "done")]
    assert await other.runs(late) == [("04 13:00", "missed")]
    await other.jobs.stop()


async def test_a_claimed_time_that_may_be_skipped_is_missed_in_silence(room: JobRoom) -> None:
    job = await room.add(missed=Missed("skip"))
    room.pass_(hours=1)
    await room.ledger.look(())
    other = room.again()
    room.pass_(minutes=20)
    await other.jobs.take_up()
    await other.turn()
    assert await other.runs(job) == [("04 13:00", "missed")]
    assert other.told == [] and (await other.ledger.counts()).missed == 0
    await other.jobs.stop()


async def test_no_look_reads_through_all_runs(room: JobRoom) -> None:
    seen: dict[str, Any] = {}

    def note(_: object, sql: str, values: Any) -> bool:
        seen[sql] = values
        return True

    def plans(connection: apsw.Connection) -> list[tuple[str, str]]:
        connection.exec_trace = None
        return [
            (str(row[3]), sql)
            for sql, values in seen.items()
            if sql.split()[0] in ("select", "update", "delete")
            for row in connection.execute(f"explain query plan {sql}", values)
        ]

    await room.add()
    database = room.database
    for act in (database.write, database.read):
        await act(lambda connection: setattr(connection, "exec_trace", note))
    await room.turn(hours=1)
    await room.turn(hours=1)
    assert await room.ledger.prune(1) == 1
    await room.ledger.counts()
    await room.ledger.waiting()
    await room.again().ledger.take_over()
    found = [*await database.write(plans), *await database.read(plans)]
    assert any(step.startswith("SEARCH job_runs") for step, _ in found)
    scanned = [one for one in found if one[0].startswith("SCAN job_runs") and " INDEX job_runs_" not in one[0]]
    assert scanned == []
    # Nor does one read through all that a job ever had: what is claimed or running has an index of its own.
    looking = [one for one in found if one[1].split()[0] == "select" and "state = '" in one[1]]
    assert len(looking) > 5 and not [one for one in looking if "job_runs_by_job" in one[0]]
    # What takes out old runs looks them up job by job, and sorts nothing.
    pruning = [step for step, sql in found if "offset" in sql or "pruned_to = max" in sql or sql.startswith("delete")]
    assert any("INDEX job_runs_by_job (job_id=? AND rowid<?)" in step for step in pruning), pruning
    assert not [step for step in pruning if "TEMP B-TREE" in step], pruning


async def test_a_slot_has_one_row_whatever_is_asked(room: JobRoom) -> None:
    job = await room.add()
    await room.turn(hours=1)
    slot = room.ran[0][1]

    def claim_again(connection: apsw.Connection) -> None:
        run_accounts.claim(connection, job, slot, room.clock.now(), room.clock.now(), "first")

    await room.database.write(claim_again)
    await room.turn()
    assert await room.runs(job) == [("04 13:00", "done")] and len(room.ran) == 1
    with pytest.raises(apsw.ConstraintError):
        await room.database.write(
            lambda c: c.execute(
                """insert into job_runs select null, 'run_x', job_id, slot, due_at, last_due_at, count, state, reason,
                attempts, key, ready_at, lease_owner, lease_until, claimed_at, started_at, ended_at, said, integrity,
                confidentiality, origins, turn_id, session_id, delivery, notice_id, checked from job_runs"""
            ).fetchall()
        )


async def test_a_run_that_nobody_holds_any_more_is_given_up(room: JobRoom) -> None:
    job = await room.add(timeout_s=60)
    room.pass_(hours=1)
    look = await room.ledger.look(())
    await room.ledger.begin(look.ready, {}, {})
    room.pass_(seconds=119)
    await room.ledger.look(())
    assert await room.runs(job) == [("04 13:00", "running")]
    room.pass_(seconds=2)
    await room.ledger.look(())
    assert await room.runs(job) == [("04 13:00", "unknown")]


async def test_old_runs_go_by_their_number_and_none_is_run_again_after(room: JobRoom) -> None:
    job = await room.add()
    for _ in range(9):
        await room.turn(hours=1)
    assert await room.ledger.prune(3) == 6
    assert [when for when, _ in await room.runs(job)] == ["04 19:00", "04 20:00", "04 21:00"]
    room.pass_(hours=-6, minutes=-30)
    await room.turn()
    for _ in range(8):
        await room.turn(hours=1)
    slots = [slot for _, slot, _ in room.ran]
    assert len(slots) == len(set(slots))
    assert [when for when, _ in await room.runs(job)] == ["04 19:00", "04 20:00", "04 21:00", "04 22:00"]


async def test_what_is_taken_out_is_what_a_count_of_each_job_says(room: JobRoom) -> None:
    """Rows of three jobs, laid in between one another as they come, in every state and of any age."""
    jobs = [await room.add(f"job {number}", "0 0 1 1 *") for number in range(3)]
    room.pass_(hours=11)
    chance, at = random.Random(7), room.clock.now()

    def fill(connection: apsw.Connection) -> None:
        for number in range(120):
            job, moment = chance.choice(jobs), at + timedelta(minutes=chance.randrange(-600, 60))
            slot = f"{moment.isoformat()}{number}" if number % 4 else f"hand:{number}"
            run_accounts.insert(connection, job, slot, moment, at, state=chance.choice(get_args(RunState)))
            sql = "update job_runs set delivery = ?, checked = ? where job_id = ? and slot = ?"
            connection.execute(sql, (chance.choice(get_args(Delivery)), chance.random() < 0.5, job.id, slot))

    await room.database.write(fill)
    rows = await room.database.read(lambda connection: read_runs(connection, "order by rowid desc"))
    kept, until = set(), {job.id: stamp(job.created_at) for job in jobs}
    for job in jobs:
        for place, run in enumerate(run for run in rows if run.job_id == job.id):
            looked_at = run.checked or run.state not in ("missed", "unknown")
            is_over = run.state in ENDED and run.delivery in ("none", "delivered") and looked_at
            if place < 10 or not is_over or run.last_due_at > at:
                kept.add(run.id)
            elif run.slot[0].isdigit():
                until[job.id] = max(until[job.id], stamp(run.last_due_at))
    assert 30 < len(kept) < 110 and all(until[job.id] > stamp(job.created_at) for job in jobs)
    assert await room.ledger.prune(10) == len(rows) - len(kept)
    assert {run.id for run in await room.ledger.runs(None, 200)} == kept
    assert dict(await room.database.rows("select id, pruned_to from jobs")) == until


async def test_what_is_not_told_or_not_looked_at_stays(room: JobRoom) -> None:
    job = await room.add(missed=Missed("within", 60))
    await room.turn(hours=3, minutes=30)
    assert await room.ledger.prune(0) == 0
    await room.ledger.note_checked(job.id)
    assert await room.ledger.prune(0) == 1


async def test_single_jobs_long_over_go_the_newest_stay(room: JobRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_accounts, "KEPT_OVER", 2)
    for number in range(4):
        await room.add(f"single {number}", Once(NOON + timedelta(minutes=number + 1)))
    await room.add("event", OnEvent("mains"))
    await room.turn(hours=1)
    await room.ledger.prune(10)
    assert [job.name for job in await room.store.all()] == ["event", "single 2", "single 3"]


async def test_a_job_that_cannot_be_read_or_reckoned_keeps_no_other_from_its_time(
    room: JobRoom, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("well", "zoneless", "wrong"):
        await room.add(name)
    unreadable = (await room.store.find("zoneless")).id
    await room.add("torn", OnEvent("mains"))
    for sql in (
        "update jobs set trigger = '{\"kind' where name = 'torn'",
        "update jobs set zone = 'Atlantis/Centre' where name = 'zoneless'",
        """update jobs set trigger = '{"kind": "cron", "line": "61 * * * *"}' where name = 'wrong'""",
    ):
        await room.database.write(lambda c, sql=sql: c.execute(sql).fetchall())  # type: ignore[misc]
    assert await room.turn(hours=1) == NOON + timedelta(hours=2), "what can't be read stays due, and nothing spins"
    assert [name for name, _, _ in room.ran] == ["well"]
    assert "can't be read" in caplog.text and "Atlantis" not in caplog.text
    assert {job.name for job in await room.store.all()} == {"well"}
    assert sorted((await room.store.names()).values()) == ["torn", "well", "wrong", "zoneless"]
    assert (await room.store.named("zoneless"))[0] == unreadable
    with pytest.raises(UserError, match="can't be read, so it doesn't run") as caught:
        await room.store.find("zoneless")
    assert "task remove" in caught.value.failure.advice
    room.jobs.happened("mains")
    await room.jobs.take_up()
    await room.store.remove(unreadable)
    assert await room.turn(hours=1) == NOON + timedelta(hours=3)


async def test_removing_a_job_takes_its_runs_and_their_bytes(room: JobRoom) -> None:
    job = await room.add("secretive")
    room.outcomes["secretive"] = RunOutcome("done", said="zanzibar-canary", label=Label("user", "private"))
    await room.turn(hours=1)
    assert room.told[0].said == "zanzibar-canary"
    await room.store.remove(job.id)
    await room.database.erase_traces()
    assert await room.ledger.runs() == ()
    assert b"zanzibar" not in room.database.path.read_bytes()
    with pytest.raises(UserError, match="gone"):
        await room.store.remove(job.id)


async def test_a_moment_between_two_seconds_is_kept_as_the_second_and_comes(room: JobRoom) -> None:
    room.clock.moment += timedelta(milliseconds=400)
    job = await room.add(trigger=Once(room.clock.moment + timedelta(seconds=1)))
    assert job.due_at == NOON + timedelta(seconds=1)
    await room.turn(seconds=1)
    assert await room.runs(job) == [("04 12:00", "done")]
    with pytest.raises(UserError, match="never run"):
        await room.add("now", Once(room.clock.moment + timedelta(milliseconds=10)))


async def test_a_start_finds_each_next_time_anew(room: JobRoom) -> None:
    """A zone's rules may have changed with an update of the system."""
    job = await room.add()
    sql = "update jobs set due_at = '2026-05-04T15:00:00.000+00:00'"
    await room.database.write(lambda connection: connection.execute(sql).fetchall())
    other = room.again()
    await other.jobs.take_up()
    assert (await other.store.find("job")).due_at == job.due_at
    await other.jobs.stop()


async def test_pausing_passes_over_times_without_missing_them(room: JobRoom) -> None:
    job = await room.add(on_ac=True)
    room.machine.power = "low"
    await room.turn(hours=1)
    await room.store.pause(job.id)
    assert await room.runs(job) == [("04 13:00", "skipped")]
    await room.turn(hours=4)
    await room.store.resume(job.id)
    room.machine.power = "full"
    await room.turn(minutes=59)
    assert room.ran == []
    await room.turn(minutes=1)
    assert await room.runs(job) == [("04 13:00", "skipped"), ("04 18:00", "done")]


async def test_a_run_to_be_tried_again_has_failed_once_its_job_is_paused(room: JobRoom) -> None:
    job = await room.add(trigger="0 13 * * *", retries=2)
    room.outcomes["job"] = RunOutcome("failed", reason="no server", again=True)
    await room.turn(hours=1)
    await room.store.pause(job.id)
    await room.turn(days=3)
    await room.store.resume(job.id)
    await room.turn()
    assert len(room.ran) == 1
    assert [(run.state, run.reason) for run in room.told] == [("failed", "no server (the job was paused)")]


async def test_a_job_is_found_by_its_name_or_words_of_it(room: JobRoom) -> None:
    job, other = await room.add("Morning brief"), await room.add("Evening brief")
    assert (await room.store.find("morning BRIEF")).id == (await room.store.find(job.id)).id == job.id
    assert (await room.store.find("evening")).id == other.id
    for words in ("brief", "noon", ""):
        with pytest.raises(UserError, match=r"several|no job"):
            await room.store.find(words)
    with pytest.raises(UserError, match="already"):
        await room.add("morning Brief")


async def test_a_changed_schedule_counts_from_now(room: JobRoom) -> None:
    job = await room.add()
    await room.turn(minutes=30)
    plan = JobPlan("job", CronLine("15 * * * *", UTC), "UTC", {"do": "other"})
    changed = await room.store.change(job.id, plan, job.label)
    assert changed.plan == plan and changed.due_at == NOON + timedelta(hours=1, minutes=15)
    await room.turn(hours=1)
    assert await room.runs(job) == [("04 13:15", "done")]


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("needs a name", {"name": " "}),
        ("needs a name", {"name": "x" * 81}),
        ("needs a name", {"name": "a\u202eb"}),
        ("takes 1 to 20000", {"work": {}}),
        ("takes 1 to 20000", {"work": {"text": "x" * 20_001}}),
        ("can't be kept", {"work": {"text": object()}}),
        ("one second to one day", {"timeout_s": 0}),
        ("0 to 10 times", {"retries": 11}),
        ("one second to one day", {"backoff_s": 0}),
        ("30 days", {"wait_s": -1}),
        ("never run", {"trigger": Once(NOON)}),
    ],
)
def test_what_can_be_no_job(words: str, change: dict[str, object]) -> None:
    plan = {"name": "job", "trigger": CronLine("0 9 * * *", UTC), "zone": "UTC", "work": {"do": 1}} | change
    with pytest.raises(UserError, match=words):
        check_plan(JobPlan(**plan), NOON)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["skip", "once", "within:10m", "within:1h30m"])
def test_rules_for_missed_runs(text: str) -> None:
    assert str(read_missed(text)) == text


@pytest.mark.parametrize("text", ["", "twice", "within", "within:soon", "once:5m"])
def test_what_is_no_such_rule(text: str) -> None:
    with pytest.raises(UserError):
        read_missed(text)
