"""When runs begin, wait, end and are told: the clock of jobs, its time set by hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from job_room import NOON, JobRoom

from openclaw_desktop.core.bus import Bus
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.power import LevelChanged, Woke
from openclaw_desktop.scheduler.jobs import Missed, Run, RunOutcome
from openclaw_desktop.scheduler.ledger import Look
from openclaw_desktop.scheduler.triggers import OnEvent
from openclaw_desktop.storage.database import Database


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[JobRoom]:
    database = await Database.open(tmp_path / "jobs.db")
    room = JobRoom(database)
    yield room
    await room.jobs.stop()
    await database.close()


async def reasons(room: JobRoom) -> list[str]:
    return [run.reason for _, run in await room.ledger.waiting()]


async def test_it_sleeps_until_the_next_time_and_rings_then(room: JobRoom) -> None:
    await room.add()
    await room.jobs.start()
    (timer,) = room.timers
    while timer.moment != NOON + timedelta(hours=1):
        await asyncio.sleep(0)
    room.clock.moment = timer.moment
    timer.on_ring()
    await room.began.wait()
    assert [name for name, _, _ in room.ran] == ["job"]


async def test_a_new_job_is_heard_of(room: JobRoom) -> None:
    await room.jobs.start()
    await room.add()
    room.pass_(hours=1)
    room.jobs.poke()
    await room.began.wait()
    assert len(room.ran) == 1


@pytest.mark.parametrize("error", [UserError("disk_full", "The disk is full."), RuntimeError("a mistake of ours")])
async def test_a_turn_that_fails_is_made_again(
    room: JobRoom, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    await room.add()
    look, failed = room.ledger.look, asyncio.Event()

    async def fails(live: Collection[str]) -> Look:
        room.ledger.look = look  # type: ignore[method-assign]
        failed.set()
        raise error

    room.ledger.look = fails  # type: ignore[method-assign]
    await room.jobs.start()
    await failed.wait()
    (timer,) = room.timers
    while timer.moment is None:
        await asyncio.sleep(0)
    assert timer.moment == NOON + timedelta(seconds=30)
    room.pass_(hours=1)
    timer.on_ring()
    await room.began.wait()
    assert str(error) in caplog.text


async def test_with_no_job_nothing_is_planned(room: JobRoom) -> None:
    assert await room.turn() is None
    await room.add("on mains", OnEvent("mains"))
    assert await room.turn() is None


async def test_a_run_that_failed_before_it_did_anything_is_tried_again_later_and_later(room: JobRoom) -> None:
    job = await room.add(trigger="0 13 * * *", retries=2, backoff_s=60)
    room.outcomes["job"] = [RunOutcome("failed", reason="the server is away", again=True)] * 2 + [RunOutcome("done")]
    assert await room.turn(hours=1) == NOON + timedelta(hours=25)
    assert await room.turn() == NOON + timedelta(hours=1, minutes=1)
    assert await reasons(room) == ["the server is away"]
    await room.turn(seconds=59)
    assert len(room.ran) == 1
    await room.turn(seconds=1)
    await room.turn(seconds=119)
    assert len(room.ran) == 2
    await room.turn(seconds=1)
    assert [attempts for _, _, attempts in room.ran] == [1, 2, 3]
    assert await room.runs(job) == [("04 13:00", "done")]


@pytest.mark.parametrize(
    "outcome", [RunOutcome("failed", reason="broke"), RuntimeError("broke"), UserError("x", "It broke.")]
)
async def test_what_may_have_done_something_is_not_tried_again(
    room: JobRoom, outcome: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    job = await room.add(retries=3)
    room.outcomes["job"] = outcome
    await room.turn(hours=1)
    await room.turn(minutes=30)
    assert await room.runs(job) == [("04 13:00", "failed")] and len(room.ran) == 1
    assert [run.state for run in room.told] == ["failed"] and room.told[0].reason


async def test_what_is_repeatable_is_tried_again_however_it_failed(room: JobRoom) -> None:
    job = await room.add(retries=1, repeatable=True, backoff_s=1)
    room.outcomes["job"] = [RunOutcome("failed", reason="broke"), RunOutcome("done")]
    await room.turn(hours=1)
    await room.turn(seconds=1)
    assert await room.runs(job) == [("04 13:00", "done")]


async def test_a_run_is_stopped_at_its_time_limit(room: JobRoom) -> None:
    job = await room.add(timeout_s=1)
    room.gate.clear()
    await room.turn(hours=1)
    await room.rest()
    assert await room.runs(job) == [("04 13:00", "failed")]
    assert room.told[0].reason.startswith("it was stopped after 1s")


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        ("skip", [("04 13:00", "done"), ("04 14:00", "skipped"), ("04 15:00", "skipped")]),
        ("wait", [("04 13:00", "done"), ("04 14:00", "missed"), ("04 15:00", "done")]),
        ("beside", [("04 13:00", "done"), ("04 14:00", "done"), ("04 15:00", "done")]),
    ],
)
async def test_a_time_that_comes_while_the_run_before_goes_on(
    room: JobRoom, overlap: str, expected: list[tuple[str, str]]
) -> None:
    job = await room.add(overlap=overlap)
    room.gate.clear()
    for _ in range(3):
        await room.turn(hours=1)
    assert len(room.jobs.going_on) == (3 if overlap == "beside" else 1)
    room.gate.set()
    await room.rest()
    await room.turn(minutes=1)
    assert await room.runs(job) == expected


async def test_runs_wait_for_mains_and_for_the_user_to_be_away(room: JobRoom) -> None:
    mains, idle = await room.add("mains", on_ac=True), await room.add("idle", when_idle=True)
    room.machine.power, room.machine.presence = "saver", "active"
    await room.turn(hours=1)
    assert sorted(await reasons(room)) == ["waits for mains", "waits until nobody is at the machine"]
    assert (await room.ledger.counts()).waiting == 2 and room.ran == []
    room.machine.power = "full"
    await room.turn(minutes=5)
    assert await room.runs(mains) == [("04 13:00", "done")]
    room.machine.presence = "away"
    await room.turn(minutes=5)
    assert await room.runs(idle) == [("04 13:00", "done")] and await reasons(room) == []


async def test_what_waits_gives_way_to_its_next_time(room: JobRoom) -> None:
    job = await room.add(on_ac=True)
    room.machine.power = "low"
    for _ in range(3):
        await room.turn(hours=1)
    room.machine.power = "full"
    await room.turn(minutes=1)
    assert await room.runs(job) == [("04 13:00", "missed"), ("04 14:00", "missed"), ("04 15:00", "done")]
    assert (await room.ledger.counts()).missed == 0


async def test_that_runs_wait_for_too_long_is_told_once_a_day(room: JobRoom) -> None:
    await room.add("due")
    await room.add("may be skipped", missed=Missed("skip"))
    room.machine.spare = False
    for _ in range(24):
        await room.turn(hours=1)
    (first,) = room.told
    assert (first.state, first.checked, first.due_at) == ("missed", True, NOON + timedelta(hours=1))
    assert first.reason == "the next time came while it waited (memory is short)"
    assert (await room.ledger.counts()).missed == 0, "its next run stands for it"
    for _ in range(4):
        await room.turn(hours=1)
    assert [run.due_at for run in room.told] == [NOON + timedelta(hours=hours) for hours in (1, 25)]
    states = {run.state for run in await room.ledger.runs(None, 100)}
    assert states == {"missed", "claimed"} and room.ran == []


@pytest.mark.parametrize(("urgency", "state"), [("background", "skipped"), ("due", "done"), ("now", "done")])
async def test_after_the_longest_wait_it_runs_or_is_left_out(room: JobRoom, urgency: str, state: str) -> None:
    job = await room.add(trigger="0 13 * * *", on_ac=True, wait_s=1800, urgency=urgency)
    room.machine.power = "low"
    assert await room.turn(hours=1) == NOON + timedelta(hours=1, minutes=30)
    await room.turn(minutes=29)
    assert room.ran == []
    await room.turn(minutes=1)
    assert await room.runs(job) == [("04 13:00", state)]


async def test_a_machine_short_of_something_puts_off_what_is_not_urgent(room: JobRoom) -> None:
    await room.add("due")
    await room.add("urgent", urgency="now")
    room.machine.spare = False
    await room.turn(hours=1)
    assert [name for name, _, _ in room.ran] == ["urgent"]
    assert await reasons(room) == ["memory is short"]


async def test_a_change_of_level_is_heard_and_so_is_what_jobs_wait_for(room: JobRoom) -> None:
    bus = Bus()
    following = asyncio.create_task(room.jobs.follow(bus))
    await room.add("present", OnEvent("present"))
    await room.add("mains", OnEvent("mains"))
    room.machine.power, room.machine.presence = "low", "away"
    await room.jobs.start()
    while not bus.publish(Woke(60.0)):
        await asyncio.sleep(0)
    bus.publish(LevelChanged("low", "active", "back"))
    bus.publish(LevelChanged("low", "active", "still there"))
    bus.publish(LevelChanged("full", "active", "plugged in"))
    while len(room.ran) < 2:
        room.began.clear()
        await room.began.wait()
    assert sorted(name for name, _, _ in room.ran) == ["mains", "present"]
    following.cancel()


async def test_each_start_runs_what_waits_for_it(room: JobRoom) -> None:
    job = await room.add("greet", OnEvent("start"))
    await room.jobs.start()
    await room.began.wait()
    await room.rest()
    assert [state for _, state in await room.runs(job)] == ["done"]


async def test_a_file_that_changes_runs_its_job(room: JobRoom, tmp_path: Path) -> None:
    await room.add("file", OnEvent("file", str(tmp_path / "list.txt")))
    await room.jobs.start()
    (timer,) = room.timers
    while timer.moment is not None or not room.jobs._watch._names:  # type: ignore[union-attr]
        await asyncio.sleep(0)
    (tmp_path / "list.txt").write_text("milk")
    await room.began.wait()
    assert [name for name, _, _ in room.ran] == ["file"]


async def test_a_run_by_hand_is_outside_the_times_and_waits_for_nothing(room: JobRoom) -> None:
    job = await room.add(on_ac=True)
    room.machine.power, room.machine.spare = "critical", False
    room.outcomes["job"] = RunOutcome("failed", again=True)
    await room.jobs.start()
    run = await room.jobs.run_to_end(job.id)
    assert run.state == "failed" and run.attempts == 1, "who asks by hand asks again"
    assert (await room.store.find("job")).due_at == NOON + timedelta(hours=1)


async def test_without_an_agent_one_run_is_done_and_nothing_else(room: JobRoom) -> None:
    job, other = await room.add("asked"), await room.add("due")
    room.pass_(hours=3)
    room.outcomes["asked"] = RunOutcome("done", said="here it is")
    run = await room.jobs.run_to_end(job.id)
    assert run.state == "done" and run.said == "here it is"
    assert await room.runs(other) == [] and [run.said for run in room.told] == ["here it is"]


async def test_when_the_agent_ends_what_goes_on_is_committed_as_unknown(room: JobRoom) -> None:
    job, again = await room.add("act"), await room.add("again", repeatable=True)
    room.gate.clear()
    await room.turn(hours=1)
    while len(room.ran) < 2:
        room.began.clear()
        await room.began.wait()
    await room.jobs.stop()
    assert await room.runs(job) == [("04 13:00", "unknown")]
    assert await room.runs(again) == [("04 13:00", "claimed")]


async def test_what_had_not_taken_its_first_step_is_as_before(room: JobRoom) -> None:
    job = await room.add("act")
    room.gate.clear()
    await room.turn(hours=1)
    await room.jobs.stop()
    assert room.ran == []
    assert [(run.state, run.attempts) for run in await room.ledger.runs(job.id)] == [("claimed", 0)]


async def test_an_end_while_a_beginning_is_committed_leaves_it_unbegun(
    room: JobRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await room.add("act")
    committed, let_go = asyncio.Event(), asyncio.Event()
    begin = room.ledger.begin

    async def slow_begin(*asked: Any) -> Any:
        begun = await begin(*asked)
        committed.set()
        await let_go.wait()
        return begun

    monkeypatch.setattr(room.ledger, "begin", slow_begin)
    await room.jobs.start()
    room.pass_(hours=1)
    room.timers[0].on_ring()
    await committed.wait()
    stopping = asyncio.create_task(room.jobs.stop())
    await asyncio.sleep(0)
    let_go.set()
    await stopping
    assert room.ran == []
    assert [(run.state, run.attempts) for run in await room.ledger.runs(job.id)] == [("claimed", 0)]


async def test_what_had_ended_is_kept_as_it_ended_though_the_agent_ends(
    room: JobRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await room.add("act")
    room.outcomes["act"] = RunOutcome("done", said="sent")
    refused = asyncio.Event()
    finish = room.ledger.finish

    async def full(*_: Any) -> None:
        refused.set()
        monkeypatch.setattr(room.ledger, "finish", finish)
        raise UserError("disk_full", "The disk is full.")

    monkeypatch.setattr(room.ledger, "finish", full)
    room.pass_(hours=1)
    await room.jobs.turn()
    await refused.wait()
    await room.jobs.stop()
    assert [(run.state, run.said) for run in await room.ledger.runs(job.id)] == [("done", "sent")]


@pytest.mark.parametrize("begun", [True, False])
async def test_a_job_can_be_removed_while_it_runs(room: JobRoom, begun: bool) -> None:
    job = await room.add()
    room.gate.clear()
    await room.turn(hours=1)
    if begun:
        await room.began.wait()
    await room.jobs.cut_off(job.id)
    await room.store.remove(job.id)
    assert room.jobs.going_on == frozenset()
    await room.turn(hours=1)
    assert await room.ledger.runs() == ()


async def test_what_could_not_be_told_is_told_at_the_next_start(
    room: JobRoom, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    await room.add()
    room.outcomes["job"] = RunOutcome("done", said="news")

    async def fails(job: object, run: Run) -> str:
        raise OSError("no bus")

    room.jobs._deliver = fails
    await room.turn(hours=1)
    assert (await room.ledger.counts()).untold == 1
    other = room.again()
    await other.jobs.take_up()
    await other.turn()
    await other.jobs.tell()
    assert [run.said for run in other.told] == ["news"] and (await other.ledger.counts()).untold == 0
    (run,) = await other.ledger.runs()
    assert run.delivery == "delivered" and run.notice_id == "notice-1"
    await other.jobs.stop()


async def test_no_more_than_eight_run_at_once_and_the_others_follow(room: JobRoom) -> None:
    for number in range(12):
        await room.add(f"job {number}")
    room.gate.clear()
    await room.turn(hours=1)
    assert len(room.jobs.going_on) == 8
    assert await reasons(room) == ["waits until one of the 8 jobs that run has ended"] * 4
    room.gate.set()
    await room.rest()
    await room.turn()
    assert len({name for name, _, _ in room.ran}) == 12
