"""Working memory: the scratch of turns, which expires, is counted, and never grows without an end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.memory import sessions as sessions_module
from openclaw_desktop.memory.sessions import SCRATCH_LIFE, Scratch, SessionStore, SpokenMessage
from openclaw_desktop.storage.database import Database

UNTRUSTED = Label("untrusted", "private", ("file:/x",))


class MovingClock:
    moment = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return self.moment.timestamp()


class Desk:
    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, MovingClock()
        self.sessions = SessionStore(database, self.clock)

    async def keys(self, session: str) -> list[str]:
        return [entry.key for entry in await self.sessions.scratch(session)]

    async def add(self, session: str, *keys: str, turn: str = "t1", value: str = "v") -> None:
        await self.sessions.add_scratch(session, [Scratch(turn, key, value, USER) for key in keys])


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    database = await Database.open(tmp_path / "m.db")
    yield Desk(database)
    await database.close()


async def test_what_a_turn_read_is_there_with_its_label_and_each_look_is_counted(desk: Desk) -> None:
    session, other = await desk.sessions.begin(), await desk.sessions.begin()
    entry = Scratch("t1", "read", "what the file says", UNTRUSTED)
    await desk.sessions.add_scratch(session, [entry])
    assert await desk.sessions.scratch(session) == (entry,)
    assert await desk.sessions.scratch(session) == (entry,)
    assert await desk.sessions.scratch(other) == ()
    assert await desk.database.rows("select access_count from working_memory") == [(2,)]


async def test_a_key_expires_and_is_gone_with_the_next_that_comes(desk: Desk) -> None:
    session = await desk.sessions.begin()
    await desk.add(session, "early")
    desk.clock.moment += SCRATCH_LIFE - timedelta(seconds=1)
    assert await desk.keys(session) == ["early"]
    desk.clock.moment += timedelta(seconds=1)
    assert await desk.keys(session) == []
    await desk.add(session, "late")
    assert await desk.database.rows("select key from working_memory") == [("late",)]


async def test_a_chat_keeps_the_newest_of_too_much_and_no_other_chat_loses_for_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions_module, "SCRATCH_ENTRIES", 3)
    monkeypatch.setattr(sessions_module, "SCRATCH_CHARS", 100)
    session, other = await desk.sessions.begin(), await desk.sessions.begin()
    await desk.add(other, "kept")
    for number in range(5):
        await desk.add(session, f"k{number}")
    assert await desk.keys(session) == ["k2", "k3", "k4"]
    await desk.add(session, "long", value="x" * 99)
    assert await desk.keys(session) == ["k4", "long"]
    await desk.add(session, "longer than all", value="x" * 101)
    assert await desk.keys(session) == ["longer than all"], "the newest is what the next question is about"
    assert await desk.keys(other) == ["kept"]


async def test_a_clock_that_was_ahead_leaves_no_scratch_for_ever(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "SCRATCH_ENTRIES", 3)
    session = await desk.sessions.begin()
    right = desk.clock.moment
    desk.clock.moment += timedelta(days=3650)
    await desk.add(session, "ahead")
    desk.clock.moment = right
    for number in range(3):
        await desk.add(session, f"k{number}")
    assert await desk.keys(session) == ["k0", "k1", "k2"]


async def test_a_folded_turn_needs_its_scratch_no_more(desk: Desk) -> None:
    session = await desk.sessions.begin()
    for turn in ("t1", "t2"):
        for role in ("user", "assistant"):
            await desk.sessions.add_message(session, SpokenMessage(turn, role, f"{turn} {role}", USER))
        await desk.add(session, f"of {turn}", turn=turn)
    await desk.sessions.fold(session, [SpokenMessage("t1", "user", "the gist", USER)])
    assert await desk.keys(session) == ["of t2"]
    assert [message.text for message in await desk.sessions.folded(session)] == ["the gist"]
