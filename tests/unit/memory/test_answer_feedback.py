"""What the user thinks of an answer: kept with it, gone with it, and read for the importance of what it was made of."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.memory.consolidation.importance import Signs, weigh
from openclaw_desktop.memory.feedback import find_feedback, give_feedback, weigh_feedback
from openclaw_desktop.storage.database import Database

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC).isoformat()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "m.db", key=None)
    yield database
    await database.close()


async def answer_of(store: MemoryStore, fact_id: str, turn_id: str) -> str:
    turn = NewMemory(
        f"You told me so ({turn_id}).", kind="turn", speaker="assistant", turn_id=turn_id, session_id="s",
        derived_from=(fact_id,),
    )  # fmt: skip
    return await store.remember(turn)


async def test_marks_speak_for_and_against_what_the_answers_were_made_of(database: Database) -> None:
    store = MemoryStore(database, None)
    fact_id = await store.remember(NewMemory("I live in Porto.", speaker="user"))
    other_id = await store.remember(NewMemory("I like tea.", speaker="user"))
    for turn_id, mark in (("t1", 1), ("t2", 1), ("t3", -1)):
        await answer_of(store, fact_id, turn_id)
        await database.write(lambda c, turn=turn_id, value=mark: give_feedback(c, turn, NOON, value))
    praise, blame = await database.read(lambda c: weigh_feedback(c, fact_id))
    assert (praise, blame) == (pytest.approx(1 / 2), pytest.approx(1 / 3))
    assert await database.read(lambda c: weigh_feedback(c, other_id)) == (0, 0)
    assert weigh(Signs(0.5, praise=praise)) > weigh(Signs(0.5)) > weigh(Signs(0.5, blame=blame))


async def test_an_answer_has_one_mark_and_words_beside_it_and_both_can_change(database: Database) -> None:
    store = MemoryStore(database, None)
    await answer_of(store, await store.remember(NewMemory("I live in Porto.", speaker="user")), "t1")
    await database.write(lambda c: give_feedback(c, "t1", NOON, 1))
    await database.write(lambda c: give_feedback(c, None, NOON, note="Too long"))
    found = await database.read(lambda c: find_feedback(c, "t1"))
    assert found is not None and (found.mark, found.note) == (1, "Too long")
    await database.write(lambda c: give_feedback(c, "t1", NOON, 0))
    assert await database.rows("select mark, note from answer_feedback") == [(0, "Too long")]


async def test_feedback_of_no_answer_is_not_kept(database: Database) -> None:
    store = MemoryStore(database, None)
    await store.remember(NewMemory("Hello", kind="turn", speaker="user", turn_id="t1", session_id="s"))
    assert await database.write(lambda c: give_feedback(c, "t1", NOON, 1)) is None
    assert await database.write(lambda c: give_feedback(c, None, NOON, 1)) is None
    assert await database.rows("select * from answer_feedback") == []


async def test_what_was_written_about_an_answer_goes_with_it(database: Database) -> None:
    store = MemoryStore(database, None)
    answer = await answer_of(store, await store.remember(NewMemory("I live in Porto.", speaker="user")), "t1")
    await database.write(lambda c: give_feedback(c, "t1", NOON, -1, "quetzal"))
    await store.forget([answer])
    assert await database.rows("select * from answer_feedback") == []
    assert b"quetzal" not in b"".join(path.read_bytes() for path in database.path.parent.iterdir() if path.is_file())
