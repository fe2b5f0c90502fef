"""What front ends are told of jobs: how runs stand until they were looked at, and which jobs can't be read."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from openclaw_desktop.cli.output import describe_jobs
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER
from openclaw_desktop.scheduler.job_store import JobStore
from openclaw_desktop.scheduler.jobs import JobPlan
from openclaw_desktop.scheduler.ledger import Ledger
from openclaw_desktop.scheduler.schedules import CronLine
from openclaw_desktop.service.jobs.desk import JobsDesk
from openclaw_desktop.service.jobs.views import NewJob
from openclaw_desktop.service.status_views import SchedulerStatus
from openclaw_desktop.storage.database import Database


class SetClock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return 0.0


def problem_of(tool: str, arguments: Mapping[str, Any]) -> str | None:
    return {"todos": "", "run": "'argv' is a required property"}.get(tool)


class Room:
    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, SetClock()
        self.store, self.ledger = JobStore(database, self.clock), Ledger(database, self.clock, "first")
        self.desk = JobsDesk(self.store, self.ledger, self.clock, problem_of, lambda: ZoneInfo("UTC"))

    async def cut_off(self) -> None:
        """Have a job whose run was going on when the agent ended."""
        plan = JobPlan("act", CronLine("0 * * * *", ZoneInfo("UTC")), "UTC", {"do": "remind", "text": "x"})
        await self.store.add(plan, USER)
        self.clock.moment += timedelta(hours=1)
        await self.ledger.begin((await self.ledger.look(())).ready, {}, {})
        await Ledger(self.database, self.clock, "second").take_over()


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    database = await Database.open(tmp_path / "jobs.db")
    yield Room(database)
    await database.close()


@pytest.mark.parametrize("words", ["", "act"])
async def test_what_is_unknown_is_said_until_its_runs_were_looked_at(room: Room, words: str) -> None:
    await room.cut_off()
    assert (await room.desk.status()).unknown == 1
    assert "task runs" in (await room.desk.findings())[0].advice
    assert [(run.state, run.checked) for run in await room.desk.runs(words, 20)] == [("unknown", False)]
    assert (await room.desk.status()).unknown == 0
    assert (await room.desk.findings())[0].level == "ok"


async def test_a_job_that_cannot_be_read_is_no_secret(room: Room) -> None:
    await room.cut_off()
    await room.database.write(lambda c: c.execute("update jobs set zone = 'Atlantis/Centre'").fetchall())
    await room.desk.add(NewJob("well", "every", "1h", remind="x"))
    await room.desk.add(NewJob("senseless", "every", "1h", remind="x"))
    sql = """update jobs set work = '{"do": "dance"}' where name = 'senseless'"""
    await room.database.write(lambda c: c.execute(sql).fetchall())
    assert len(await room.desk.known()) == 2, "what may be told of them is told"
    (finding,) = await room.desk.findings()
    assert finding.level == "error" and "2 jobs can't be read" in finding.sentence
    views = await room.desk.list()
    assert [(view.name, bool(view.problem)) for view in views] == [("senseless", True), ("well", False), ("act", True)]
    assert [run.job for run in await room.desk.runs("act", 5)] == ["act"]
    for name in ("act", "senseless"):
        assert await room.desk.remove(name) == name
    assert [view.name for view in await room.desk.list()] == ["well"] and await room.desk.runs("", 5) == ()
    assert (await room.desk.findings())[0].level == "ok"


async def test_what_has_had_its_last_time_is_said_to_be_over(room: Room) -> None:
    await room.desk.add(NewJob("once", "at", "2026-05-04T13:00", remind="x"))
    assert [view.over for view in await room.desk.list()] == [False]
    room.clock.moment += timedelta(hours=1)
    await room.ledger.look(())
    assert [view.over for view in await room.desk.list()] == [True] and await room.desk.known() == []


async def test_a_call_that_could_never_be_made_is_no_job(room: Room) -> None:
    for name, sentence in (("run", "'argv' is a required property"), ("nothing", "There is no tool nothing.")):
        wanted = NewJob("job", "every", "1h")
        for one in (replace(wanted, tool=name), replace(wanted, remind="x", check=name)):
            with pytest.raises(UserError, match=sentence):
                await room.desk.add(one)
    assert (await room.desk.add(NewJob("job", "every", "1h", tool="todos"))).does == "calls todos"


def test_the_status_says_what_runs_and_what_wants_to_be_looked_at() -> None:
    assert describe_jobs(SchedulerStatus(None, None, waiting=3)) == []
    assert describe_jobs(SchedulerStatus(None, None, running=2)) == ["jobs       2 running"]
    (line,) = describe_jobs(SchedulerStatus(None, None, missed=3, unknown=1))
    assert "3 missed, 1 cut off" in line and line.endswith("openclaw-agent task runs")
