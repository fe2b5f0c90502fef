"""A chat that never ends is summed up talk by talk, once each is a month old."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import apsw
from memory_file import NOW, MovingClock, Permission

from openclaw_desktop.memory import history
from openclaw_desktop.memory.consolidation import reading, summaries
from openclaw_desktop.memory.consolidation.consolidator import Consolidator
from openclaw_desktop.memory.consolidation.facts import Diff
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.storage.database import Database, Row

SPORTS = ("chess", "tennis", "the piano", "rugby")


async def _talk(store: MemoryStore, name: str, begins: datetime) -> None:
    """Say forty things, one a minute, in the one chat that there is."""
    texts = [f"My friend {name}{n} plays {sport} on Sundays with the others." for n in range(10) for sport in SPORTS]
    await store.remember_many(
        [
            NewMemory(
                text, kind="turn", speaker="user", tier="short", session_id="s1",
                created_at=(begins + timedelta(minutes=place)).isoformat(),
            )
            for place, text in enumerate(texts)
        ]
    )  # fmt: skip


async def _summaries(database: Database) -> list[Row]:
    sql = "select substr(created_at, 1, 10), session_id from memories where kind = 'summary' order by created_s"
    return await database.rows(sql, ())


async def test_each_talk_of_a_chat_that_goes_on_is_summed_up_once_it_is_a_month_old(tmp_path: Path) -> None:
    database, clock = await Database.open(tmp_path / "m.db"), MovingClock()
    store, consolidator = MemoryStore(database, None, clock), Consolidator(database, Permission(), clock)
    await _talk(store, "Anna", NOW - timedelta(days=40))
    await _talk(store, "Berta", NOW - timedelta(days=39))
    await _talk(store, "Clara", NOW - timedelta(days=1))
    await consolidator.run("asked")
    assert await _summaries(database) == [("2026-10-15", "s1"), ("2026-10-16", "s1")]
    texts = [text for (text,) in await database.rows("select text from memories where kind = 'summary'", ())]
    assert [("Anna" in text, "Berta" in text) for text in texts] == [(True, False), (False, True)]
    await consolidator.run("asked")
    assert len(await _summaries(database)) == 2
    clock.moment += timedelta(days=32)
    report = await consolidator.run("asked")
    assert [day for day, _ in await _summaries(database)] == ["2026-10-15", "2026-10-16", "2026-11-23"]
    # What was taken back is not summed up again.
    assert report.run_id is not None
    await history.undo_run(database, report.run_id, clock.moment)
    await consolidator.run("asked")
    assert len(await _summaries(database)) == 2
    await database.close()


async def test_a_talk_that_a_pause_has_not_ended_yet_is_left(tmp_path: Path) -> None:
    database, clock = await Database.open(tmp_path / "m.db"), MovingClock()
    store, consolidator = MemoryStore(database, None, clock), Consolidator(database, Permission(), clock)
    await _talk(store, "Anna", NOW - timedelta(days=30, hours=1))
    await _talk(store, "Berta", NOW - timedelta(days=30) + timedelta(hours=3))
    await consolidator.run("asked")
    assert await _summaries(database) == []
    clock.moment += timedelta(days=1)
    await consolidator.run("asked")
    assert len(await _summaries(database)) == 1
    await database.close()


async def test_a_clock_that_was_ahead_keeps_no_later_talk_from_being_summed_up(tmp_path: Path) -> None:
    database, clock = await Database.open(tmp_path / "m.db"), MovingClock()
    store, consolidator = MemoryStore(database, None, clock), Consolidator(database, Permission(), clock)
    await _talk(store, "Anna", NOW + timedelta(days=300))
    clock.moment += timedelta(days=365)
    await consolidator.run("asked")
    assert [day for day, _ in await _summaries(database)] == ["2027-09-20"]
    clock.moment = NOW
    await _talk(store, "Berta", NOW)
    await consolidator.run("asked")
    clock.moment += timedelta(days=32)
    await consolidator.run("asked")
    assert [day for day, _ in await _summaries(database)] == ["2026-11-24", "2027-09-20"]
    await database.close()


async def test_a_long_chat_that_comes_in_late_is_summed_up_a_few_talks_at_a_time(tmp_path: Path) -> None:
    database, clock = await Database.open(tmp_path / "m.db"), MovingClock()
    store, consolidator = MemoryStore(database, None, clock), Consolidator(database, Permission(), clock)
    await _talk(store, "Anna", NOW - timedelta(days=31))
    await consolidator.run("asked")
    days = [*range(40, 52), 90, 400]
    for day in days:
        await _talk(store, "Berta", NOW - timedelta(days=day))
    while unread := await database.read(lambda c: reading.next_unread(c, 50)):
        await database.write(lambda c: reading.read(_diff(c), unread))
    steps = []
    for _ in days:
        diff = await database.write(_step)
        steps.append(diff.counts.get("summarised", 0))
    assert sum(steps) == len(days) and max(steps) <= 3
    assert len(await _summaries(database)) == len(days) + 1
    await database.close()


def _diff(connection: apsw.Connection) -> Diff:
    return Diff(connection, NOW, lambda c: history.begin_run(c, "consolidation", NOW))


def _step(connection: apsw.Connection) -> Diff:
    diff = _diff(connection)
    summaries.summarise_next(diff)
    return diff
