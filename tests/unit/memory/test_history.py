"""What was done to memories is shown and taken back, whole or not at all."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.memory import editing, history
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.storage.database import Database, fetch

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "m.db")
    yield opened
    await opened.close()


async def rows(database: Database) -> list[Any]:
    """Return all of the table but the places in it, and what was made of what."""
    columns = """m.id, m.text, m.tier, m.kind, m.speaker, m.neighbours, m.importance, m.valid_to, m.pinned, m.integrity,
        m.turn_id, (select id from memories s where s.rowid = m.superseded_by)"""
    links = """select a.id, b.id from memory_sources s join memories a on a.rowid = s.memory_rowid
        join memories b on b.rowid = s.source_rowid order by a.id, b.id"""
    return [*await database.rows(f"select {columns} from memories m order by m.id"), *await database.rows(links)]


async def changed(database: Database, memory_id: str, **columns: Any) -> int:
    """Change columns of a memory in a run of its own."""

    def change(connection: apsw.Connection) -> int:
        run = history.begin_run(connection, "edit", NOW)
        history.change_columns(connection, run, memory_id, "edited", columns)
        history.finish_run(connection, run, NOW)
        return run

    return await database.write(change)


async def removed(database: Database, memory_id: str) -> int:
    """Remove a memory, as consolidation drops a fact."""

    def remove(connection: apsw.Connection) -> int:
        run = history.begin_run(connection, "consolidation", NOW)
        history.note_change(connection, run, memory_id, "dropped", history.snapshot(connection, memory_id), None)
        connection.execute("delete from memories where id = ?", (memory_id,))
        history.finish_run(connection, run, NOW)
        return run

    return await database.write(remove)


async def test_an_edit_is_shown_and_taken_back(database: Database) -> None:
    memory_id = await MemoryStore(database, None).remember(NewMemory("my car is blue"))
    before = await rows(database)
    run = await changed(database, memory_id, text="my car is red", importance=0.9)
    shown, (change,) = await history.show_run(database, run)
    assert (shown.kind, shown.changes, shown.undone_at) == ("edit", 1, None)
    assert change.before == {"text": "my car is blue", "importance": 0.5}
    assert change.after == {"text": "my car is red", "importance": 0.9}
    assert await history.changes_of(database, memory_id) == (change,)
    assert [hit.text for hit in await MemoryStore(database, None).recall("red car")] == ["my car is red"]

    assert await history.undo_run(database, run, NOW) == 1
    assert await rows(database) == before
    assert (await history.show_run(database, run))[0].undone_at is not None
    assert [hit.text for hit in await MemoryStore(database, None).recall("blue car")] == ["my car is blue"]
    with pytest.raises(UserError, match="taken back already"):
        await history.undo_run(database, run, NOW)


async def test_what_was_added_goes_with_the_text_beside_its_neighbours(database: Database) -> None:
    memories = MemoryStore(database, None)
    await memories.remember(NewMemory("first", kind="turn", session_id="s"))
    before = await rows(database)
    added = await memories.remember(NewMemory("second", kind="turn", session_id="s"))
    await memories.remember(NewMemory("third", kind="turn", session_id="s"))

    def note(connection: apsw.Connection) -> int:
        run = history.begin_run(connection, "import", NOW)
        history.note_change(connection, run, added, "imported", None, {})
        return run

    run = await database.write(note)
    await history.undo_run(database, run, NOW)
    found = await database.rows("select text, neighbours from memories order by rowid")
    assert found == [("first", "third"), ("third", "first")]
    assert len(before) == 1


async def test_a_removed_fact_comes_back_with_all_that_hung_on_it(database: Database) -> None:
    memories = MemoryStore(database, None)
    said = await memories.remember(NewMemory("I moved to Lisbon", kind="turn", session_id="s", turn_id="turn_1"))
    fact = await memories.remember(NewMemory("lives in Lisbon", derived_from=(said,), tier="medium"))
    older = await memories.remember(NewMemory("lives in Porto"))
    await memories.remember(NewMemory("a summary", kind="summary", derived_from=(fact,)))
    await changed(database, older, superseded_by=fact, valid_to="2026-11-01T00:00:00+00:00")
    before = await rows(database)
    run = await removed(database, fact)
    assert len(await rows(database)) == len(before) - 3, "the fact and both of its links"
    assert await history.undo_run(database, run, NOW) == 1
    assert await rows(database) == before


async def test_a_run_that_a_later_one_builds_on_is_not_taken_back(database: Database) -> None:
    memory_id = await MemoryStore(database, None).remember(NewMemory("one"))
    first = await changed(database, memory_id, text="two")
    second = await changed(database, memory_id, text="three")
    with pytest.raises(UserError, match=f"run {second} changed the same"):
        await history.undo_run(database, first, NOW)
    assert await history.undo_run(database, second, NOW) == 1
    assert await history.undo_run(database, first, NOW) == 1
    assert [row[1] for row in await rows(database)] == ["one"]


async def test_what_later_ended_another_is_not_taken_back_under_it(database: Database) -> None:
    memories = MemoryStore(database, None)
    older = await memories.remember(NewMemory("lives in Porto"))
    newer = await memories.remember(NewMemory("lives in Lisbon"))

    def note(connection: apsw.Connection) -> int:
        run = history.begin_run(connection, "import", NOW)
        history.note_change(connection, run, newer, "imported", None, {})
        return run

    imported = await database.write(note)
    ended = await changed(database, older, superseded_by=newer, valid_to="2026-11-01T00:00:00+00:00")
    with pytest.raises(UserError, match=f"run {ended} changed the same"):
        await history.undo_run(database, imported, NOW)
    await history.undo_run(database, ended, NOW)
    await history.undo_run(database, imported, NOW)
    assert await database.rows("select text, valid_to from memories") == [("lives in Porto", None)]


async def test_a_fact_made_of_what_was_imported_keeps_the_import(database: Database) -> None:
    memories = MemoryStore(database, None)
    said = await memories.remember(NewMemory("said elsewhere", kind="turn"))

    def note(connection: apsw.Connection, kind: history.RunKind, memory_id: str) -> int:
        run = history.begin_run(connection, kind, NOW)
        history.note_change(connection, run, memory_id, "added", None, {})
        return run

    imported = await database.write(lambda c: note(c, "import", said))
    fact = await memories.remember(NewMemory("learnt", derived_from=(said,)))
    learnt = await database.write(lambda c: note(c, "consolidation", fact))
    with pytest.raises(UserError, match=f"run {learnt}"):
        await history.undo_run(database, imported, NOW)
    await history.undo_run(database, learnt, NOW)
    await history.undo_run(database, imported, NOW)
    assert await rows(database) == []


async def test_an_unknown_run_is_a_sentence(database: Database) -> None:
    for look in (history.show_run(database, 7), history.undo_run(database, 7, NOW)):
        with pytest.raises(UserError, match="no run 7"):
            await look
    assert await history.last_run(database) is None


async def test_runs_are_listed_newest_first_and_go_after_90_days(database: Database) -> None:
    memory_id = await MemoryStore(database, None).remember(NewMemory("one"))
    first = await changed(database, memory_id, text="two")
    second = await changed(database, memory_id, importance=0.1)
    assert [run.id for run in await history.list_runs(database)] == [second, first]
    assert (await history.list_runs(database, 1))[0].id == second

    def later(connection: apsw.Connection) -> int:
        run = history.begin_run(connection, "consolidation", NOW + timedelta(days=90, seconds=1))
        history.finish_run(connection, run, NOW)
        return run

    await database.write(later)
    assert await history.list_runs(database) == (), "the old ones are too old, and the new one changed nothing"
    assert await database.rows("select count(*) from memory_changes") == [(0,)]


async def test_what_was_erased_does_not_come_back(database: Database) -> None:
    memories = MemoryStore(database, None)
    fact = await memories.remember(NewMemory("the canary sings"))
    run = await removed(database, fact)
    await database.write(
        lambda c: c.execute("insert into erased_memories values (?, '2026-11-24')", (fact,)).fetchall()
    )
    await history.undo_run(database, run, NOW)
    assert await rows(database) == []


STEPS = st.lists(
    st.tuples(st.sampled_from(["edit", "drop", "replace", "pin"]), st.integers(0, 3), st.text("abc ", min_size=1)),
    min_size=1, max_size=8,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(steps=STEPS)
async def test_any_run_taken_back_leaves_the_file_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, str]]
) -> None:
    database = await Database.open(tmp_path_factory.mktemp("m") / "m.db")
    try:
        memories = MemoryStore(database, None)
        ids = await memories.remember_many(
            [NewMemory(f"turn {n}", kind="turn", session_id="s", turn_id=f"turn_{n}") for n in range(2)]
        )
        ids += [await memories.remember(NewMemory(f"fact {n}", derived_from=(ids[n],))) for n in range(2)]
        before = await rows(database)

        def take(connection: apsw.Connection) -> int:
            run = history.begin_run(connection, "consolidation", NOW)
            for action, number, text in steps:
                memory_id = ids[number]
                if not fetch(connection, "select 1 from memories where id = ?", (memory_id,)):
                    continue
                if action == "drop":
                    whole = history.snapshot(connection, memory_id)
                    history.note_change(connection, run, memory_id, action, whole, None)
                    connection.execute("delete from memories where id = ?", (memory_id,))
                else:
                    there = fetch(connection, "select id from memories where id <> ? limit 1", (memory_id,))
                    by = there[0][0] if there else None
                    replaced: dict[str, Any] = {"superseded_by": by}
                    columns = {"edit": {"text": text}, "pin": {"pinned": 1}, "replace": replaced}[action]
                    history.change_columns(connection, run, memory_id, action, columns)
            return run

        run = await database.write(take)
        await history.undo_run(database, run, NOW)
        assert sorted(map(_plain, await rows(database))) == sorted(map(_plain, before))
    finally:
        await database.close()


def _plain(row: tuple[Any, ...]) -> str:
    # A turn that came back stands at the end of its session: the text beside it is of those it stands by now.
    return str([value for place, value in enumerate(row) if place != 5 or len(row) < 6])


async def test_a_clock_that_jumps_takes_no_more_than_a_few_runs(database: Database) -> None:
    memory_id = await MemoryStore(database, None).remember(NewMemory("I like tea"))
    runs = [await changed(database, memory_id, text=f"I like tea number {number}") for number in range(9)]
    jumped = NOW + timedelta(days=3650)
    await database.write(lambda c: history.begin_run(c, "edit", jumped))
    kept = {run.id for run in await history.list_runs(database)}
    assert set(runs[history.MOST_DROPPED :]) <= kept and not kept & set(runs[: history.MOST_DROPPED])


async def test_a_memory_with_odd_times_of_its_own_can_be_pinned(database: Database) -> None:
    odd = NewMemory("I like tea", valid_from="2026-02-01", valid_to="2026-01-01")
    memory_id = await MemoryStore(database, None).remember(odd)
    assert await database.write(lambda c: editing.edit(c, memory_id, {"pinned": True}, NOW))
    with pytest.raises(UserError, match="before it begins"):
        await database.write(lambda c: editing.edit(c, memory_id, {"valid_to": "2026-01-02"}, NOW))
