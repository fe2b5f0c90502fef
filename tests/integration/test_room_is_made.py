"""The product over a limit of the user's: it is told in a turn, in the status and by the doctor, and room is made."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.events import NoticeShown
from openclaw_desktop.memory.consolidation.consolidator import Consolidator, Reason, RunReport
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.runtime import attach_or_start
from openclaw_desktop.service.api import AgentService, AskRequest
from openclaw_desktop.service.machine.relief import Relief
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.paths import Home, find_home, prepare

DEADLINE_S = 60.0


class Always:
    def may_run(self, kind: str, urgency: str) -> bool:
        return True


async def fill(home: Home, setting: str = "limit_mb", turns: int = 1300) -> None:
    """Have 30 facts of as many turns, and more turns than the setting allows."""
    prepare(home)
    home.settings_file.write_text(f"[memory]\n{setting} = 10\nembeddings = 'none'\n")
    database = await Database.open(home.database)
    store = MemoryStore(database, None)
    told = [f"My sister Anna{n} lives in Rome and collects {n} stamps." for n in range(30)]
    await store.remember_many([NewMemory(text, kind="turn", speaker="user") for text in told])
    await Consolidator(database, Always(), SystemClock()).run("asked")
    await store.remember_many([NewMemory("." * 8_000, kind="turn", speaker="assistant")] * turns)
    await database.close()


async def notices(service: AgentService, text: str) -> list[str]:
    events = [event async for event in service.ask(AskRequest(text))]
    return [event.text for event in events if isinstance(event, NoticeShown)]


async def test_over_the_limit_facts_make_room_and_the_user_hears_of_it_once(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCLAW_MODELS", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    reports: asyncio.Queue[RunReport] = asyncio.Queue()
    run = Consolidator.run

    async def noted(self: Consolidator, reason: Reason) -> RunReport:
        reports.put_nowait(report := await run(self, reason))
        return report

    monkeypatch.setattr(Consolidator, "run", noted)
    place = find_home(home, {})
    await fill(place)
    reports.get_nowait()
    agent = await attach_or_start(place, "serve", "test")
    try:
        async with asyncio.timeout(DEADLINE_S):
            report = await reports.get()
        assert (report.reason, report.changes) == ("pressure", {"dropped": 30})
        assert (await agent.service.recall("sister Anna7 stamps")).hits, "every turn is there"
        (told,) = await notices(agent.service, "Remember that the boiler needs 1.5 bar.")
        assert "of its 10 MB" in told and "memory.limit_mb" in told
        assert await notices(agent.service, "Remember that the shed key hangs by the door.") == []
        assert "of its 10 MB" in (await agent.service.status()).memory.warning
        found = next(one for one in await agent.service.check() if one.check == "memory size")
        assert found.level == "error" and found.advice
    finally:
        await agent.stop()


async def test_a_file_that_keeps_turns_up_to_a_size_lets_the_first_go_and_no_fact(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCLAW_MODELS", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    looked = asyncio.Event()
    let_turns_go = Relief._let_turns_go

    async def noted(self: Relief) -> None:
        await let_turns_go(self)
        looked.set()

    monkeypatch.setattr(Relief, "_let_turns_go", noted)
    place = find_home(home, {})
    await fill(place, "keep_turns_mb", turns=1200)
    agent = await attach_or_start(place, "serve", "test")
    try:
        async with asyncio.timeout(DEADLINE_S):
            await looked.wait()
        stats = await agent.service.memory_stats()
        assert 950 < sum(kinds.get("turn", 0) for kinds in stats.count.values()) < 1200
        assert sum(kinds.get("fact", 0) for kinds in stats.count.values()) == 30
        assert stats.db_bytes <= 10_000_000
        assert [limit.name for limit in stats.limits if limit.unit == "MB"] == ["file before turns go"]
        found = next(one for one in await agent.service.check() if one.check == "oldest turns")
        assert found.level == "warning" and "memory.keep_turns_mb" in found.advice
    finally:
        await agent.stop()


async def test_that_turns_will_go_by_their_age_is_told_once_before_the_first_goes(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCLAW_MODELS", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    place = find_home(home, {})
    prepare(place)
    place.settings_file.write_text("[memory]\nkeep_turns_days = 100\nembeddings = 'none'\n")
    database = await Database.open(place.database)
    begun = (SystemClock().now() - timedelta(days=85)).isoformat(timespec="seconds")
    # What is pinned, or a fact, does not go by it.
    older = (SystemClock().now() - timedelta(days=300)).isoformat(timespec="seconds")
    await MemoryStore(database, None).remember(NewMemory("I swim.", speaker="user", created_at=older))
    await MemoryStore(database, None).remember(NewMemory("I like tea.", kind="turn", speaker="user", created_at=begun))
    await database.close()
    for told in (["The oldest turn is 85 days old, of 100."], []):  # after a restart too
        agent = await attach_or_start(place, "serve", "test")
        try:
            found = next(one for one in await agent.service.check() if one.check == "age of turns")
            assert found.level == "warning" and "memory.keep_turns_days" in found.advice
            heard = [text for text in await notices(agent.service, "hello") if "oldest turn" in text]
            assert [text[: text.index(".") + 1] for text in heard] == told
            aged = [limit for limit in (await agent.service.memory_stats()).limits if limit.unit == "days"]
            assert [(limit.name, limit.used, limit.limit) for limit in aged] == [("age of turns", 85, 100)]
        finally:
            await agent.stop()
