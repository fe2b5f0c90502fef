"""Consolidation while the clock is wrong, and what the user took back but says again: nothing is lost for good."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from memory_file import MovingClock, Permission

from openclaw_desktop.memory import history
from openclaw_desktop.memory.consolidation.ageing import agree_to_fading
from openclaw_desktop.memory.consolidation.consolidator import Consolidator, RunReport
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.memory.tiers import TierLimits
from openclaw_desktop.service.memory.care import MemoryCare
from openclaw_desktop.service.memory.desk import MemoryDesk
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.settings import MemorySettings

YEAR = timedelta(days=365)


class Life:
    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, MovingClock()
        self.store = MemoryStore(database, None, self.clock)

    async def say(self, *texts: str, told: bool = True) -> list[str]:
        ids: list[str] = []
        for text in texts:
            moment = self.clock.moment.isoformat()
            memory = NewMemory(
                text, kind="turn", speaker="user", tier="short", session_id="s1", turn_id=None, created_at=moment
            )
            ids.append(await self.store.remember(memory, told=told))
            self.clock.moment += timedelta(minutes=1)
        return ids

    async def consolidate(self) -> RunReport:
        return await Consolidator(self.database, Permission(), self.clock).run("asked")

    async def facts(self) -> dict[str, bool]:
        """Return the facts, each with whether it holds."""
        sql = "select text, superseded_by is null from memories where kind = 'fact' order by rowid"
        return {text: bool(holds) for text, holds in await self.database.rows(sql, ())}


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    database = await Database.open(tmp_path / "m.db")
    yield Life(database)
    await database.close()


ROOMS = (
    "kitchen", "hall", "attic", "cellar", "pantry", "study", "nursery", "garage", "porch", "shed", "bathroom",
    "bedroom",
)  # fmt: skip
FADING = [f"We decided to paint the {room} green." for room in ROOMS]


async def test_a_clock_that_jumps_ahead_lets_no_facts_go(life: Life) -> None:
    await life.say(*FADING)
    await life.consolidate()
    assert len(await life.facts()) == 12
    life.clock.moment += YEAR
    assert (await life.consolidate()).changes == {"held": 12}
    assert (await life.consolidate()).changes == {"held": 12}  # and is told again
    life.clock.moment -= YEAR
    assert (await life.consolidate()).changes == {}
    assert len(await life.facts()) == 12


async def test_the_users_word_at_the_command_line_is_what_they_wait_for(life: Life) -> None:
    await life.say(*FADING)
    await life.consolidate()
    life.clock.moment += YEAR
    assert (await life.consolidate()).changes == {"held": 12}
    care = MemoryCare(life.database, TierLimits(), life.clock, life.store.forget)
    desk = MemoryDesk(life.database, life.store, care, life.clock, MemorySettings(), lambda: 0)
    await desk.tidy_memories()
    assert (await life.consolidate()).changes == {"held": 12}
    await desk.tidy_memories(confirmed=True)
    assert (await life.consolidate()).changes == {"dropped": 12}


async def test_they_go_when_the_user_says_that_the_clock_is_right_and_only_that_once(life: Life) -> None:
    await life.say(*FADING)
    await life.consolidate()
    life.clock.moment += YEAR
    await life.consolidate()
    await life.database.write(agree_to_fading)
    assert (await life.consolidate()).changes == {"dropped": 12}
    await life.say(*(text.replace("green", "white") for text in FADING))
    await life.consolidate()
    life.clock.moment += YEAR
    assert (await life.consolidate()).changes["held"] == 12


async def test_a_fact_that_was_let_go_comes_again_when_its_turn_is_used(life: Life) -> None:
    (turn,) = await life.say("We decided to paint the kitchen green.")
    await life.consolidate()
    life.clock.moment += 2 * YEAR
    assert (await life.consolidate()).changes == {"dropped": 1}
    await life.store.note_use([turn])
    assert (await life.consolidate()).changes == {"added": 1}
    life.clock.moment += timedelta(days=1)
    assert (await life.consolidate()).changes == {}
    assert await life.facts() == {"We decided to paint the kitchen green.": True}


async def test_a_turn_that_has_its_fact_is_not_read_again_when_used(life: Life) -> None:
    (turn,) = await life.say("We decided to paint the kitchen green.")
    await life.consolidate()
    await life.store.note_use([turn])
    assert (await life.consolidate()).read == 0


async def test_what_was_said_while_the_clock_was_ahead_is_put_right_by_what_is_said_after(life: Life) -> None:
    life.clock.moment += YEAR
    await life.say("I live in Porto.")
    await life.consolidate()
    life.clock.moment -= YEAR
    await life.say("I moved to Lisbon.", told=False)
    await life.consolidate()
    assert await life.facts() == {"I live in Porto.": False, "I moved to Lisbon.": True}


@pytest.mark.parametrize("kind", ["turn", "fact"])
async def test_what_is_told_now_ends_what_was_said_before_whatever_the_clock_says(life: Life, kind: str) -> None:
    await life.say("I live in Porto.")
    await life.consolidate()
    life.clock.moment -= YEAR
    if kind == "turn":
        await life.say("No, I moved to Lisbon.")
    else:
        await life.store.remember(NewMemory("I moved to Lisbon", speaker="user"), told=True)
    await life.consolidate()
    assert list((await life.facts()).values()) == [False, True]


async def test_what_was_taken_back_is_believed_when_it_is_said_again(life: Life) -> None:
    await life.say("I live in Porto.")
    await life.consolidate()
    await life.say("No, I moved to Lisbon.")
    newest = (await history.list_runs(life.database))[0]
    await history.undo_run(life.database, newest.id, life.clock.moment)
    await life.consolidate()
    assert await life.facts() == {"I live in Porto.": True}
    await life.say("I moved to Lisbon, really.")
    await life.consolidate()
    assert list((await life.facts()).values()) == [False, True]


async def test_what_is_told_to_keep_settles_though_the_same_was_taken_back(life: Life) -> None:
    await life.say("I live in Porto.")
    await life.consolidate()
    await life.say("No, I moved to Lisbon.")
    newest = (await history.list_runs(life.database))[0]
    await history.undo_run(life.database, newest.id, life.clock.moment)
    await life.store.remember(NewMemory("I moved to Lisbon", speaker="user"), told=True)
    await life.consolidate()
    assert await life.facts() == {"I live in Porto.": False, "I moved to Lisbon": True}
