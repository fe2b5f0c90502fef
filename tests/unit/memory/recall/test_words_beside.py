"""What is said beside a turn: found by it, though the index of words holds each text once alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.memory.recall.candidates import Found, find_by_words
from openclaw_desktop.memory.recall.counts import COUNTED_KEY
from openclaw_desktop.memory.recall.words import stemmer
from openclaw_desktop.storage.connection import connect
from openclaw_desktop.storage.database import Database, fetch
from openclaw_desktop.storage.migrations import schema_files


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "m.db")
    yield opened
    await opened.close()


async def say(store: MemoryStore, text: str, session: str | None = "one", **columns: str) -> int:
    memory = NewMemory(text, session_id=session, **{"kind": "turn", **columns})  # type: ignore[arg-type]
    kept = await store.remember(memory)
    rows = await store._database.rows("select rowid from memories where id = ?", (kept,))
    return int(rows[0][0])


async def found(database: Database, *words: str) -> Found:
    return await database.read(lambda c: find_by_words(c, words, stemmer(c)))


async def test_turns_beside_one_that_says_a_word_are_found_whatever_lies_between(database: Database) -> None:
    store = MemoryStore(database, None)
    before = await say(store, "Which animal do you like?")
    await say(store, "Something quite different.", session="two")
    said = await say(store, "Zebras, of all.")
    await say(store, "They like striped animals.", session=None, kind="fact")
    after = await say(store, "I see.")
    await say(store, "Something else.")
    rowids = (await found(database, "zebras")).rowids
    assert rowids[0] == said and set(rowids[1:]) == {before, after}


async def test_a_new_turn_leaves_the_index_of_the_turn_before_as_it_is(database: Database) -> None:
    store = MemoryStore(database, None)
    await say(store, "Which animal do you like?")
    changed: list[str] = []

    def watch(connection: apsw.Connection) -> None:
        connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: changed.append(event["sql"]))

    await database.maintain(watch)
    await say(store, "Zebras, of all.")
    assert sum("insert into memories_fts" in sql.lower() for sql in changed) == 1
    assert not any("'delete'" in sql for sql in changed)
    ((beside,),) = await database.rows("select neighbours from memories where text like 'Which%'")
    assert beside == "Zebras, of all."


async def test_the_index_is_that_of_the_rows_after_every_change(database: Database) -> None:
    store = MemoryStore(database, None)
    rowids = [await say(store, f"word{number} said") for number in range(4)]
    fact = await say(store, "Vera lives in Porto.", session=None, kind="fact")

    def change(connection: apsw.Connection) -> None:
        fetch(connection, "update memories set neighbours = 'where home' where rowid = ?", (fact,))
        fetch(connection, "update memories set text = 'word9 put' where rowid = ?", (rowids[1],))
        fetch(connection, "update memories set neighbours = 'other beside' where rowid = ?", (rowids[2],))
        fetch(connection, "delete from memories where rowid = ?", (rowids[0],))
        fetch(connection, "insert into memories_fts (memories_fts, rank) values ('integrity-check', 1)")

    await database.write(change)
    assert (await found(database, "home")).rowids == (fact,)
    assert (await found(database, "word9")).rowids[0] == rowids[1]
    assert not await database.rows("select 1 from memories_fts where memories_fts match 'word1 OR beside'")


async def test_an_earlier_file_has_its_words_counted_again(tmp_path: Path) -> None:
    connection = connect_new(tmp_path / "old.db", 5)
    connection.execute("insert into memory_state (key, value) values (?, '4000')", (COUNTED_KEY,))
    connection.close()
    opened = await Database.open(tmp_path / "old.db", backups=tmp_path / "backups")
    try:
        assert not await opened.rows("select 1 from memory_state where key = ?", (COUNTED_KEY,))
    finally:
        await opened.close()


def connect_new(path: Path, version: int) -> apsw.Connection:
    path.touch()
    connection = connect(path, None)
    for number, file in enumerate(schema_files()[:version], start=1):
        connection.execute(file.read_text(encoding="utf-8"))
        connection.pragma("user_version", number)
    return connection
