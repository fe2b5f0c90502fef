"""What goes with a memory: shown first, then nothing of it left in any file, and a receipt without a word of it."""

import asyncio
import errno
import json
import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest

from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.labels import USER
from openclaw_desktop.memory import history
from openclaw_desktop.memory.erased_rows import replay_erasures
from openclaw_desktop.memory.erasing import Erasing
from openclaw_desktop.memory.erasures import unfinished
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.sessions import QUESTION_KEY, Scratch, SessionStore, SpokenMessage
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.memory.vectors.embedder import WORDLLAMA, Embedder
from openclaw_desktop.memory.vectors.wordllama import WordLlama
from openclaw_desktop.storage.backup import back_up, list_backups
from openclaw_desktop.storage.database import Database, fetch

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CANARY = "zanzibar-canary"


def turn(text: str, turn_id: str, speaker: str = "user", **more: object) -> NewMemory:
    return NewMemory(text, kind="turn", session_id="s", speaker=speaker, turn_id=turn_id, **more)  # type: ignore[arg-type]


def traces(folder: Path, *needles: bytes) -> list[str]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return [file.name for file in files for needle in needles if needle in file.read_bytes()]


async def texts(database: Database) -> list[str]:
    return [text for (text,) in await database.rows("select text from memories order by rowid")]


async def test_a_fact_goes_with_the_turn_that_told_it_and_what_was_made_of_that(
    database: Database, memories: MemoryStore
) -> None:
    said, answered = await memories.remember_many(
        [turn(f"my locker is {CANARY}", "turn_1"), turn("noted", "turn_1", "assistant")]
    )
    other = await memories.remember(turn("I swim on Mondays", "turn_2"))
    fact = await memories.remember(NewMemory(f"locker: {CANARY}", derived_from=(said, other)))
    summary = await memories.remember(NewMemory(f"swims; {CANARY}", kind="summary", derived_from=(fact, other)))
    again = await memories.remember(turn(f"it is {CANARY}", "turn_3", "assistant", derived_from=(fact,)))
    await memories.remember(turn("what is my locker?", "turn_3"))

    seen = await memories.erasing.preview([fact, "mem_none"])
    assert {memory.id for memory in seen.asked} == {said, other, fact}
    assert {memory.id for memory in seen.said_with} == {answered}
    assert {memory.id for memory in seen.derived} == {summary, again}
    assert seen.unknown == ("mem_none",)
    assert len(await texts(database)) == 7, "a look changes nothing"

    receipt = await memories.erasing.erase([fact])
    assert receipt.asked == 1 and receipt.pending == "" and receipt.counts == seen.counts
    assert receipt.counts | {"neighbours": 0} == {"facts": 1, "neighbours": 0, "summaries": 1, "turns": 4}
    assert await texts(database) == ["what is my locker?"]


async def test_of_an_erased_turn_the_facts_go_and_their_other_sources_are_read_again(
    database: Database, memories: MemoryStore
) -> None:
    one = await memories.remember(turn(f"tea, {CANARY}", "turn_1"))
    two = await memories.remember(turn("tea, please", "turn_2"))
    await memories.remember(NewMemory(f"likes tea {CANARY}", derived_from=(one, two)))
    await database.write(lambda c: c.execute("delete from reading_queue").fetchall())
    assert (await memories.erasing.preview([one])).read_again == 1
    await memories.forget([one])
    assert await texts(database) == ["tea, please"]
    (queued,) = await database.rows("select id from reading_queue join memories on rowid = memory_rowid")
    assert queued == (two,)


async def test_an_answer_that_quotes_goes_and_the_question_before_it_stays(database: Database) -> None:
    sessions, memories = SessionStore(database), MemoryStore(database, None)
    session = await sessions.begin()
    fact = await memories.remember(NewMemory(f"the code is {CANARY}"))
    await sessions.add_message(session, SpokenMessage("turn_9", "user", "I move to Lisbon. The code?", USER))
    await sessions.add_message(session, SpokenMessage("turn_9", "assistant", f"It is {CANARY}", USER))
    await memories.remember_many(
        [
            turn("I move to Lisbon. The code?", "turn_9"),
            turn(f"It is {CANARY}", "turn_9", "assistant", derived_from=(fact,)),
        ]
    )
    await sessions.add_scratch(session, [Scratch("turn_9", QUESTION_KEY, f"read with {CANARY}", USER)])
    seen = await memories.erasing.preview([fact])
    receipt = await memories.erasing.erase([fact])
    assert receipt.counts == seen.counts
    assert [message.text for message in await sessions.messages(session)] == ["I move to Lisbon. The code?"]
    assert await texts(database) == ["I move to Lisbon. The code?"]
    assert await sessions.scratch(session) == ()
    assert receipt.counts["messages"] == 1 and receipt.counts["scratch"] == 1


async def test_the_text_beside_its_neighbours_is_written_anew(database: Database, memories: MemoryStore) -> None:
    first, gone, last = await memories.remember_many(
        [turn("first", "turn_1"), turn(CANARY, "turn_2"), turn("last", "turn_3")]
    )
    assert CANARY in (await database.rows("select neighbours from memories where id = ?", (first,)))[0][0]
    await memories.forget([gone])
    found = await database.rows("select id, neighbours from memories order by rowid")
    assert found == [(first, "last"), (last, "first")]
    assert not await memories.recall(CANARY)


async def test_the_history_of_changes_keeps_nothing_of_it(
    database: Database, memories: MemoryStore, tmp_path: Path
) -> None:
    said = await memories.remember(turn(f"my locker is {CANARY}", "turn_1"))
    dropped = await memories.remember(NewMemory(f"dropped {CANARY} fact", derived_from=(said,)))
    merged = await memories.remember(NewMemory("swims"))

    def change(connection: apsw.Connection) -> None:
        run = history.begin_run(connection, "consolidation", NOW, f"about {CANARY}")
        history.note_change(connection, run, dropped, "dropped", history.snapshot(connection, dropped), None)
        connection.execute("delete from memories where id = ?", (dropped,))
        history.change_columns(connection, run, merged, "merged", {"text": f"swims; my locker is {CANARY}"})
        history.change_columns(connection, run, merged, "split", {"text": "swims on Mondays"})
        other = history.begin_run(connection, "edit", NOW)
        history.change_columns(connection, other, merged, "edited", {"importance": 0.9})

    await database.write(change)
    await memories.forget([said])
    assert traces(tmp_path, CANARY.encode()) == []
    assert [change.action for change in await history.changes_of(database, merged)] == ["edited"]


async def test_what_it_had_replaced_holds_again_as_if_it_had_not_been_said(
    database: Database, memories: MemoryStore
) -> None:
    old = await memories.remember(NewMemory("the code is 1111"))
    new = await memories.remember(NewMemory("the code is 2222"))
    await database.write(
        lambda c: c.execute(
            "update memories set superseded_by = (select rowid from memories where id = ?) where id = ?", (new, old)
        ).fetchall()
    )
    seen = await memories.erasing.preview([new])
    assert [(mention.id, mention.why) for mention in seen.mentions] == [(old, ())]
    await memories.forget([new])
    assert await database.rows("select superseded_by, valid_to from memories") == [(None, None)]


async def test_who_else_speaks_of_it_is_named_and_stays(database: Database) -> None:
    sessions, memories = SessionStore(database), MemoryStore(database, None)
    session = await sessions.begin()
    fact = await memories.remember(NewMemory("my locker code is 4711"))
    quoting = await memories.remember(turn("So I typed 4711 and it opened", "turn_1"))
    await memories.remember(turn("The locker room smells", "turn_2"))
    await memories.remember_many([NewMemory(f"the code of day {n} is dull") for n in range(40)])
    await sessions.add_message(session, SpokenMessage("turn_old", "user", "4711 is my lucky number", USER))
    mentions = (await memories.erasing.preview([fact])).mentions
    assert {mention.id for mention in mentions} >= {quoting, "turn_old"}
    assert next(mention for mention in mentions if mention.id == quoting).why == ("4711",)
    await memories.forget([fact])
    assert "So I typed 4711 and it opened" in await texts(database)
    receipt = await memories.erasing.erase([quoting, "turn_old"])
    assert receipt.asked == 2
    assert await sessions.messages(session) == ()


async def test_an_end_that_has_come_takes_a_memory_alone(database: Database, memories: MemoryStore) -> None:
    said = await memories.remember(turn("I park on level 3 today", "turn_1"))
    fact = await memories.remember(NewMemory("parks on level 3", derived_from=(said,)))
    assert await memories.erasing.let_go([fact]) == 1
    assert await texts(database) == ["I park on level 3 today"]
    fact = await memories.remember(NewMemory("parks on level 3", derived_from=(said,)))
    assert await memories.erasing.let_go([said]) == 1
    assert await texts(database) == ["parks on level 3"]
    assert await unfinished(database) == ()


async def test_unknown_ids_cost_nothing(database: Database, memories: MemoryStore) -> None:
    called: list[str] = []

    async def erase_derived() -> None:
        called.append("derived")

    memories.erasing.when_erased(erase_derived)
    receipt = await memories.erasing.erase(["mem_none", "turn_none"])
    assert receipt.asked == 0 and receipt.counts == {} and called == [] and memories.erasures == 0


async def test_the_question_that_asked_for_it_goes_in_the_same_transaction(database: Database) -> None:
    sessions, memories = SessionStore(database), MemoryStore(database, None)
    session = await sessions.begin()
    fact = await memories.remember(NewMemory(f"my PIN is {CANARY}"))
    await sessions.add_message(session, SpokenMessage("turn_ask", "user", f"forget my PIN {CANARY}", USER))
    await memories.forget([fact], asked_in="turn_ask")
    assert [message.text for message in await sessions.messages(session)] == ["[asked to forget something]"]


async def test_a_copy_made_between_the_request_and_the_erasure_keeps_no_word_of_it(
    database: Database, tmp_path: Path
) -> None:
    sessions, memories = SessionStore(database), MemoryStore(database, None)
    folder, away = tmp_path / "backups", tmp_path / "away"
    memories.erasing.backups = (folder,)
    session = await sessions.begin()
    fact = await memories.remember(NewMemory("my PIN is a secret"))
    await sessions.add_message(session, SpokenMessage("turn_ask", "user", f"forget my PIN {CANARY}", USER))
    await memories.remember(NewMemory("my new PIN is at home", turn_id="turn_ask"))
    await database.maintain(lambda c: back_up(c, folder, "by-hand"))
    assert traces(folder, CANARY.encode())
    folder.rename(away)
    await memories.forget([fact], asked_in="turn_ask")
    away.rename(folder)
    assert await memories.erasing.finish(patient=True)
    assert traces(tmp_path, CANARY.encode()) == []
    (copy,) = list_backups(folder)
    connection = apsw.Connection(str(copy))
    assert connection.execute("select text from messages").get == "[asked to forget something]"
    assert connection.execute("select text from memories").get == "my new PIN is at home", "the rest of that turn stays"
    connection.close()


def everything(connection: apsw.Connection) -> dict[str, list[object]]:
    """Return every row of every real table."""
    names = fetch(connection, "select name from sqlite_schema where type = 'table' and sql not like '%virtual%'")
    return {name: list(fetch(connection, f"select * from {name}")) for (name,) in names}


async def test_no_byte_is_left_of_its_words_or_of_its_vector(database: Database, tmp_path: Path) -> None:
    engine = Embedder(WORDLLAMA, WordLlama.load, idle_s=600)
    memories = MemoryStore(database, engine)
    memories.erasing.backups = (tmp_path / "backups",)
    ids = await memories.remember_many([turn(f"number {n} of {CANARY} lines", f"turn_{n}") for n in range(40)])
    await memories.remember_many([NewMemory(f"something else {n}") for n in range(40)])
    await memories.recall("something")
    mine = """select vector from vectors join memories m on m.rowid = memory_rowid where m.id = ?"""
    vectors = [bytes((await database.rows(mine, (id_,)))[0][0]) for id_ in ids]
    await database.maintain(lambda c: back_up(c, tmp_path / "backups", "by-hand"))
    await database.checkpoint()
    assert traces(tmp_path, CANARY.encode()) and traces(tmp_path, vectors[0])
    whole = await database.maintain(everything)
    seen = await memories.erasing.preview(ids)
    assert await database.maintain(everything) == whole, "a look changes nothing"
    assert len(await memories.recall(CANARY)) == 10
    receipt = await memories.erasing.erase(ids)
    assert receipt.counts == {**seen.counts, "copies": 1} and receipt.counts["vectors"] >= 40
    assert traces(tmp_path, CANARY.encode(), *vectors) == []
    assert CANARY not in json.dumps(receipt.counts)
    await memories.vectors.close()
    engine.close()


async def test_a_copy_from_before_is_written_anew_and_others_stay_as_they_are(
    database: Database, memories: MemoryStore, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    await memories.remember(NewMemory("kept"))
    before = await database.maintain(lambda c: back_up(c, folder, "daily"))
    bytes_before = before.read_bytes()
    gone = await memories.remember(turn(CANARY, "turn_1"))
    await database.maintain(lambda c: back_up(c, folder, "by-hand"))
    receipt = await memories.erasing.erase([gone])
    assert receipt.counts["copies"] == 1
    assert before.read_bytes() == bytes_before
    assert len(list_backups(folder)) == 2 and traces(tmp_path, CANARY.encode()) == []


async def test_erasures_are_replayed_on_an_older_copy(database: Database, memories: MemoryStore) -> None:
    said = await memories.remember(turn(f"I said {CANARY}", "turn_1"))
    await memories.remember(turn("and kept this", "turn_2"))
    marks = [said, "turn_1"]
    assert await database.write(lambda c: replay_erasures(c, marks)) is True
    assert await texts(database) == ["and kept this"]
    assert await database.write(lambda c: replay_erasures(c, marks)) is False
    assert {id_ for (id_,) in await database.rows("select memory_id from erased_memories")} == set(marks)


async def test_it_works_on_a_copy_from_before_the_tiers(tmp_path: Path) -> None:
    schema = Path("openclaw_desktop/storage/schema")
    connection = apsw.Connection(str(tmp_path / "old.db"))
    connection.enable_load_extension(True)
    for number in ("0001", "0002", "0003"):
        (script,) = schema.glob(f"{number}_*.sql")
        connection.execute(script.read_text(encoding="utf-8"))
    fixed = "'user', 'private', '2026-01-01T00:00:00+00:00'"
    memory = f"""insert into memories (id, text, turn_id, tier, kind, integrity, confidentiality, created_at)
        values (?, ?, ?, 'long', 'fact', {fixed})"""
    message = f"""insert into messages (text, turn_id, conversation_id, role, integrity, confidentiality, created_at)
        values (?, ?, 's', 'user', {fixed})"""
    for id_ in ("mem_1", "mem_2"):
        connection.execute(memory, (id_, f"words of {id_}", f"turn_{id_}"))
        connection.execute(message, (f"words of {id_}", f"turn_{id_}"))
    with connection:
        assert replay_erasures(connection, ["mem_1", "turn_mem_1"])
    assert connection.execute("select text from memories").fetchall() == [("words of mem_2",)]
    assert connection.execute("select text from messages").fetchall() == [("words of mem_2",)]
    connection.close()


async def test_a_file_too_large_to_wait_for_is_written_anew_later(
    database: Database, memories: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openclaw_desktop.memory.erasing.AT_ONCE_BYTES", 0)
    gone = await memories.remember(NewMemory(CANARY))
    receipt = await memories.erasing.erase([gone])
    assert "idle" in receipt.pending
    assert traces(tmp_path, CANARY.encode()) == [], "what is deleted is written over at once"
    assert await unfinished(database)
    assert not await memories.erasing.finish(), "a start does not wait for it"
    assert await memories.erasing.finish(patient=True)
    assert await unfinished(database) == ()
    assert traces(tmp_path, CANARY.encode()) == []


async def scatter(memories: MemoryStore) -> list[str]:
    """Keep canaries among other turns, so that rows are moved about where they go; return their ids."""
    chance, gone = random.Random(1), []
    for n in range(300):
        told = f"{CANARY} {n} " + "w" * 600 if n % 5 == 2 else "v" * chance.randint(5, 600)
        said = NewMemory(told, kind="turn", session_id=f"s{n % 7}", turn_id=f"turn_{n}", speaker="user")
        (memory_id,) = await memories.remember_many([said])
        gone += [memory_id] if CANARY in told else []
    return gone


async def test_who_forgets_through_the_store_gets_no_answer_before_a_large_file_is_written_anew(
    database: Database, memories: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openclaw_desktop.memory.erasing.AT_ONCE_BYTES", 0)
    gone = await scatter(memories)
    assert await memories.forget(gone) == len(gone)
    assert traces(tmp_path, CANARY.encode()) == []
    assert await unfinished(database) == ()


async def test_where_rows_were_moved_about_pieces_of_it_are_left_until_the_file_is_written_anew(
    database: Database, memories: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openclaw_desktop.memory.erasing.AT_ONCE_BYTES", 0)
    gone = await scatter(memories)
    await memories.erasing.erase(gone)
    assert traces(tmp_path, CANARY.encode()), "the row of the turn before grows, and others move for it"
    assert await memories.erasing.finish(patient=True)
    assert traces(tmp_path, CANARY.encode()) == []


async def test_what_a_merge_that_was_taken_back_had_quoted_goes_with_its_source(
    database: Database, memories: MemoryStore, tmp_path: Path
) -> None:
    first, second = await memories.remember_many(
        [turn("I live in Porto by now", "turn_1"), turn(f"Well, I live in Porto at {CANARY}. Bye", "turn_2")]
    )
    fact = await memories.remember(NewMemory("I live in Porto", derived_from=(first,)))

    def merge(connection: apsw.Connection) -> int:
        run = history.begin_run(connection, "consolidation", NOW)
        history.note_change(connection, run, fact, "merged", {"sources": [first]}, {"sources": [first, second]})
        history.change_columns(connection, run, fact, "merged", {"text": f"I live in Porto at {CANARY}"})
        history.finish_run(connection, run, NOW)
        return run

    await history.undo_run(database, await database.write(merge), NOW)
    await memories.erasing.erase([second])
    assert await texts(database) == ["I live in Porto by now", "I live in Porto"]
    assert traces(tmp_path, CANARY.encode()) == []


async def test_an_id_that_is_given_twice_counts_once(memories: MemoryStore) -> None:
    memory_id = await memories.remember(NewMemory("I like tea"))
    assert (await memories.erasing.erase([memory_id, memory_id])).asked == 1


async def test_a_common_word_that_nobody_says_any_more_goes(
    database: Database, memories: MemoryStore, tmp_path: Path
) -> None:
    gone = await memories.remember_many([turn(f"{CANARY} and tea {n}", f"turn_{n}") for n in range(4)])
    await memories.remember_many([NewMemory("zanzibar and tea")])
    words = [("canari", 4), ("tea", 5), ("zanzibar", 5)]
    await database.write(lambda c: c.executemany("insert into term_counts values (?, ?)", words).fetchall())
    await memories.forget(gone[:-1])
    assert len(await database.rows("select * from term_counts")) == 3
    await memories.forget(gone[-1:])
    assert await database.rows("select term from term_counts order by term") == [("tea",), ("zanzibar",)]
    assert traces(tmp_path, b"canari") == []


async def test_of_however_many_a_change_that_quotes_one_goes(database: Database, memories: MemoryStore) -> None:
    said = [turn(f"line {n} of\n“{CANARY}”", f"turn_{n}") for n in range(500)]
    ids = await memories.remember_many(said)
    other = await memories.remember(NewMemory("swims"))

    def change(connection: apsw.Connection) -> None:
        run = history.begin_run(connection, "edit", NOW)
        history.change_columns(connection, run, other, "edited", {"text": f"swims; {said[499].text}"})
        history.change_columns(connection, run, other, "edited", {"text": "swims on Mondays"})
        history.change_columns(connection, run, other, "edited", {"text": "line 7 of nothing"})

    await database.write(change)
    await memories.forget(ids)
    assert [change.after for change in await history.changes_of(database, other)] == [{"text": "line 7 of nothing"}]


async def test_all_that_quotes_it_is_named_however_much_and_however_common_its_words(
    database: Database, memories: MemoryStore
) -> None:
    await memories.remember_many([NewMemory(f"I like that, and green tea {n}") for n in range(60)])
    fact = await memories.remember(NewMemory("I like green tea"))
    quoting = await memories.remember_many([turn(f"You said: “I like green tea”! {n}", f"turn_{n}") for n in range(70)])
    mentions = (await memories.erasing.preview([fact])).mentions
    assert {mention.id for mention in mentions} == set(quoting)
    assert {mention.why for mention in mentions} == {("I like green tea",)}


async def test_what_stands_in_the_history_of_changes_alone_goes_by_its_id(
    database: Database, memories: MemoryStore, tmp_path: Path
) -> None:
    """As after an import that was taken back, once one of its memories had been put right and that taken back too."""
    other = await memories.remember(NewMemory("swims"))
    memory_id = await memories.remember(NewMemory(f"my locker is {CANARY}"))

    def change(connection: apsw.Connection) -> None:
        run = history.begin_run(connection, "edit", NOW)
        history.change_columns(connection, run, memory_id, "edited", {"text": "my locker is shut"})
        history.change_columns(connection, run, other, "edited", {"text": f"swims; my locker is {CANARY}"})
        history.change_columns(connection, run, other, "edited", {"text": "swims"})
        connection.execute("delete from memories where id = ?", (memory_id,))

    await database.write(change)
    await database.maintain(lambda c: back_up(c, tmp_path / "backups", "by-hand"))
    await database.checkpoint()
    assert len(traces(tmp_path, CANARY.encode())) >= 2
    seen = await memories.erasing.preview([memory_id])
    assert (seen.removed, seen.unknown, seen.asked) == (1, (), ())
    receipt = await memories.erasing.erase([memory_id])
    assert (receipt.asked, receipt.counts["changes"], receipt.counts["copies"]) == (1, 3, 1)
    assert traces(tmp_path, CANARY.encode()) == []
    assert (await memories.erasing.erase([memory_id])).asked == 0


async def test_an_erasure_whose_asker_goes_is_counted_before_they_are_told(database: Database) -> None:
    entered, gate = threading.Event(), threading.Event()

    class HeldClock(SystemClock):
        def now(self) -> datetime:
            entered.set()
            assert gate.wait(60)
            return NOW

    memories = MemoryStore(database, None)
    gone = await memories.remember(NewMemory(CANARY))
    erasing = Erasing(database, HeldClock())
    asked = asyncio.ensure_future(erasing.erase([gone]))
    assert await asyncio.to_thread(entered.wait, 60), "the rows are being taken out"
    asked.cancel()
    asyncio.get_running_loop().call_soon(gate.set)
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert erasing.count == 1 and await memories.get(gone) is None
    assert await unfinished(database) != ()


async def test_a_folder_of_copies_that_fails_is_told_and_stops_no_erasure(
    memories: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = await memories.remember(NewMemory(CANARY))
    listed = Path.iterdir

    def fail(folder: Path) -> Iterator[Path]:
        if folder == tmp_path / "backups":
            raise OSError(errno.EIO, "Input/output error")
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", fail)
    receipt = await memories.erasing.erase([gone])
    assert "Input/output error" in receipt.pending and await memories.get(gone) is None
    monkeypatch.undo()
    assert await memories.erasing.finish(patient=True)


async def test_a_folder_without_copies_that_cannot_be_written_leaves_nothing_to_do(
    memories: MemoryStore, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "backups" / "erased.list").mkdir()
    receipt = await memories.erasing.erase([await memories.remember(NewMemory(CANARY))])
    assert receipt.pending == "" and await unfinished(database) == ()
    await database.maintain(lambda connection: back_up(connection, tmp_path / "backups", "by-hand"))
    receipt = await memories.erasing.erase([await memories.remember(NewMemory(CANARY))])
    assert receipt.pending and await unfinished(database) != ()
