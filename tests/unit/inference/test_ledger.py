"""The ledger: one row a turn, a budget for what nobody waits for, and a day that ends at the user's midnight."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import Message, Usage
from openclaw_desktop.core.protocols import CompletionDone, CompletionEvent, Lane, Prompt, TextDelta
from openclaw_desktop.inference.ledger import Budgeted, Ledger
from openclaw_desktop.inference.records import CompletionRecord
from openclaw_desktop.storage.database import Database

NEW_YORK = ZoneInfo("America/New_York")


class Clock:
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return self.moment.timestamp()


def record(
    lane: Lane = "chat", turn: str = "", job: str = "", tokens: tuple[int, int, int] = (100, 60, 20)
) -> CompletionRecord:
    return CompletionRecord("qwen", lane, *tokens, 1.0, 2.0, 3.0, 5.4, 2, 4096, 0, turn_id=turn, job=job)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "a.db")
    yield database
    await database.close()


def ledger_of(database: Database, clock: Clock, limit: int = 1000) -> Ledger:
    return Ledger(database, clock, watts_per_core=10, background_tokens=limit, zone=NEW_YORK)


async def test_the_completions_of_a_turn_are_one_row(database: Database) -> None:
    ledger = ledger_of(database, Clock(datetime(2026, 11, 23, 12, tzinfo=UTC)))
    for turn in ("t1", "t1", "t2"):
        ledger.note(record(turn=turn))
    ledger.note(record("background", job="extract"))
    await ledger.flush()
    assert await database.rows(
        "select day, turn_id, job, lane, calls, prompt_tokens, cached_tokens, completion_tokens, seconds, cpu_seconds "
        "from ledger order by turn_id"
    ) == [
        ("2026-11-23", "", "extract", "background", 1, 100, 60, 20, 3.0, 5.4),
        ("2026-11-23", "t1", "", "chat", 2, 200, 120, 40, 6.0, 10.8),
        ("2026-11-23", "t2", "", "chat", 1, 100, 60, 20, 3.0, 5.4),
    ]
    today = await ledger.today()
    assert (today.calls, today.prompt_tokens, today.spent_tokens) == (4, 400, 240)
    assert today.wh == pytest.approx(4 * 5.4 * 10 / 3600)
    chat, job = await ledger.lines(1)
    assert (chat.lane, chat.turns, chat.sums.calls, job.lane, job.job, job.turns) == (
        "chat",
        2,
        3,
        "background",
        "extract",
        0,
    )


async def test_background_work_stops_at_its_budget_and_goes_on_after_the_users_midnight(database: Database) -> None:
    clock = Clock(datetime(2026, 11, 24, 3, 30, tzinfo=UTC))  # 22:30 on the 23rd in New York
    ledger = ledger_of(database, clock, limit=100)
    await ledger.admit("background")
    ledger.note(record("chat", tokens=(500, 0, 500)))
    ledger.note(record("background", tokens=(90, 10, 19)))
    assert await ledger.background_left() == 1
    ledger.note(record("background", tokens=(1, 0, 0)))
    await ledger.admit("chat")
    with pytest.raises(UserError, match=r"after midnight, 2026-11-24 00:00") as refused:
        await ledger.admit("background")
    assert refused.value.failure.code == "budget_spent"
    clock.moment += timedelta(hours=1, minutes=29)
    with pytest.raises(UserError):
        await ledger.admit("background")
    clock.moment += timedelta(minutes=1)
    await ledger.admit("background")
    assert await ledger.background_left() == 100


async def test_the_budget_survives_a_restart(database: Database) -> None:
    clock = Clock(datetime(2026, 11, 23, 12, tzinfo=UTC))
    first = ledger_of(database, clock, limit=100)
    first.note(record("background", tokens=(200, 0, 0)))
    await first.flush()
    with pytest.raises(UserError):
        await ledger_of(database, clock, limit=100).admit("background")


async def test_a_prompt_of_a_spent_budget_never_reaches_the_model(database: Database) -> None:
    ledger = ledger_of(database, Clock(datetime(2026, 11, 23, 12, tzinfo=UTC)), limit=10)
    asked: list[Prompt] = []

    async def complete(prompt: Prompt) -> AsyncIterator[CompletionEvent]:
        asked.append(prompt)
        yield TextDelta("x")
        yield CompletionDone(Usage(), "end")

    budgeted = Budgeted(complete, ledger)
    messages = (Message("user", "hi", USER),)
    assert len([event async for event in budgeted(Prompt(messages, lane="background"))]) == 2
    ledger.note(record("background", tokens=(10, 0, 0)))
    with pytest.raises(UserError, match="spent"):
        [event async for event in budgeted(Prompt(messages, lane="background"))]
    assert len([event async for event in budgeted(Prompt(messages))]) == 2
    assert [prompt.lane for prompt in asked] == ["background", "chat"]


async def test_old_rows_become_sums_of_their_day(database: Database) -> None:
    clock = Clock(datetime(2026, 8, 1, 12, tzinfo=UTC))
    ledger = ledger_of(database, clock)
    for turn in ("t1", "t2"):
        ledger.note(record(turn=turn))
    await ledger.flush()
    clock.moment += timedelta(days=90)
    assert await ledger.fold() == 0
    ledger.note(record(turn="t3"))
    clock.moment += timedelta(days=1)
    await ledger.flush()
    before = await ledger.lines(200)
    assert await ledger.fold() == 2
    assert await ledger.fold() == 0
    after = await ledger.lines(200)
    assert [line.sums for line in after] == [line.sums for line in before]
    assert [line.turns for line in after] == [1, 0]
    assert await database.rows("select turn_id, calls from ledger order by day") == [("", 2), ("t3", 1)]


async def test_a_full_disk_ends_no_turn(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = ledger_of(database, Clock(datetime(2026, 11, 23, 12, tzinfo=UTC)))

    async def full(_: object) -> None:
        raise UserError("disk_full", "The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(database, "write", full)
        ledger.note(record())
        await ledger.flush()
    ledger.note(record())
    assert (await ledger.today()).calls == 1
