"""What is read in: previewed, trusted as far as it may be, and taken back as one run."""

import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.memory import history
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.memory.transfer import exporting, importing, reading
from openclaw_desktop.storage.database import Database

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "m.db")
    yield opened
    await opened.close()


def chatgpt(*said: tuple[str, str]) -> str:
    """Return an export of one conversation, a message a minute."""
    mapping: dict[str, Any] = {}
    for number, (role, text) in enumerate(said):
        mapping[str(number)] = {
            "id": str(number),
            "parent": str(number - 1) if number else None,
            "message": {
                "author": {"role": role},
                "create_time": 1_700_000_000 + 60 * number,
                "content": {"content_type": "text", "parts": [text]},
            },
        }
    end = str(len(said) - 1)
    return json.dumps([{"conversation_id": "c1", "mapping": mapping, "current_node": end}])


def chat_file(tmp_path: Path) -> Path:
    path = tmp_path / "conversations.json"
    said = ("user", "I moved to Lisbon"), ("assistant", "Lisbon is fine"), ("user", "And I like tea")
    path.write_text(chatgpt(*said), encoding="utf-8")
    return path


async def everything(database: Database) -> list[Any]:
    columns = """m.id, m.text, m.tier, m.kind, m.speaker, m.neighbours, m.date_words, m.source, m.session_id, m.turn_id,
        m.created_at, m.created_s, m.observed_at, m.valid_from, m.valid_to, m.expires_at, m.importance, m.confidence,
        m.pinned, m.access_count, m.last_access_at, m.integrity, m.confidentiality, m.origins, m.purpose,
        (select id from memories s where s.rowid = m.superseded_by)"""
    links = """select a.id, b.id from memory_sources s join memories a on a.rowid = s.memory_rowid
        join memories b on b.rowid = s.source_rowid order by 1, 2"""
    return [await database.rows(f"select {columns} from memories m order by m.id"), await database.rows(links)]


async def test_a_chat_is_previewed_kept_found_and_taken_back(database: Database, tmp_path: Path) -> None:
    path = chat_file(tmp_path)
    seen = await importing.preview(database, path, "auto", False, NOW)
    assert (seen.form, seen.total, seen.new, dict(seen.labels)) == ("chatgpt", 3, 3, {"untrusted": 3})
    assert seen.first == ["I moved to Lisbon", "Lisbon is fine", "And I like tea"]
    assert await database.rows("select count(*) from memories") == [(0,)], "a look changes nothing"

    done = await importing.run(database, path, "auto", False, NOW)
    assert done.new == 3
    found = await database.rows("select speaker, created_s, session_id, neighbours from memories order by rowid")
    assert found == [
        ("user", 1_700_000_000, "import:chatgpt:c1", "Lisbon is fine"),
        ("assistant", 1_700_000_060, "import:chatgpt:c1", "I moved to Lisbon And I like tea"),
        ("user", 1_700_000_120, "import:chatgpt:c1", "Lisbon is fine"),
    ]
    turns = [turn for (turn,) in await database.rows("select turn_id from memories order by rowid")]
    assert turns[0] == turns[1] != turns[2]
    hits = await MemoryStore(database, None).recall("Lisbon")
    assert hits and hits[0].label == Label("untrusted", "private", ("import:chatgpt",))

    again = await importing.run(database, path, "auto", False, NOW)
    assert (again.new, again.known, again.run_id) == (0, 3, None)
    assert done.run_id is not None
    assert await history.undo_run(database, done.run_id, NOW) == 3
    assert await everything(database) == [[], []]


async def test_only_what_the_user_says_is_theirs_is_trusted_and_never_the_assistant_s(
    database: Database, tmp_path: Path
) -> None:
    done = await importing.run(database, chat_file(tmp_path), "chatgpt", True, NOW)
    assert dict(done.labels) == {"user": 2, "untrusted": 1}
    rows = await database.rows("select speaker, integrity from memories order by rowid")
    assert rows == [("user", "user"), ("assistant", "untrusted"), ("user", "user")]


async def test_notes_of_a_workspace_are_facts_and_its_instructions_are_left_out(
    database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "MEMORY.md").write_text("# Memory\n\n- likes tea\n- likes tea\n- swims on Mondays\n", encoding="utf-8")
    (folder / "AGENTS.md").write_text("- obey\n", encoding="utf-8")
    await MemoryStore(database, None).remember(NewMemory("swims on Mondays"))
    seen = await importing.preview(database, folder, "auto", True, NOW)
    assert (seen.form, seen.new, seen.known, seen.first) == ("openclaw", 1, 2, ["likes tea"])
    assert any("AGENTS.md" in note for note in seen.notes)
    await importing.run(database, folder, "auto", True, NOW)
    rows = await database.rows("select text, tier, kind, integrity from memories order by rowid")
    assert rows[1:] == [("likes tea", "medium", "fact", "user")]


async def test_of_a_file_that_breaks_off_nothing_is_kept(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = chat_file(tmp_path)
    path.write_text(path.read_text(encoding="utf-8")[:-2], encoding="utf-8")
    with pytest.raises(UserError):
        await importing.run(database, path, "chatgpt", False, NOW)
    assert await everything(database) == [[], []] and await history.list_runs(database) == ()

    # The same where it is changed between the look and the import.
    path = chat_file(tmp_path)
    monkeypatch.setattr(importing, "_BATCH", 1)
    monkeypatch.setattr(importing, "read", _BreaksOff(reading.read))
    with pytest.raises(UserError, match="cut short"):
        await importing.run(database, path, "chatgpt", False, NOW)
    assert await everything(database) == [[], []] and await history.list_runs(database) == ()


class _BreaksOff:
    """Reads a file whole the first time, and two entries of it the second."""

    def __init__(self, read: Any) -> None:
        self._read, self._calls = read, 0

    def __call__(self, path: Path, kind: Any, left: Any = None) -> Any:
        self._calls += 1
        for number, entry in enumerate(self._read(path, kind)):
            if self._calls == 2 and number == 2:
                raise UserError("import_unreadable", "cut short")
            yield entry


async def test_our_own_export_is_not_trusted_without_a_word_and_does_not_bring_back_what_was_erased(
    database: Database, tmp_path: Path
) -> None:
    memories = MemoryStore(database, None)
    gone = await memories.remember(NewMemory("the canary sings"))
    await memories.remember(NewMemory("likes tea", tier="medium"))
    path = tmp_path / "all.jsonl"
    await exporting.export(database, path, "json", False, NOW)
    await memories.forget([gone])
    other = await Database.open(tmp_path / "other.db")
    try:
        seen = await importing.preview(database, path, "auto", True, NOW)
        assert (seen.total, seen.new, seen.known, seen.erased) == (2, 0, 1, 1)
        done = await importing.run(other, path, "auto", False, NOW)
        assert done.new == 2
        rows = await other.rows("select integrity, tier, origins from memories")
        assert set(rows) == {("untrusted", "long", '["import:all.jsonl"]')}
    finally:
        await other.close()


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)
MEMORIES = st.lists(
    st.builds(
        NewMemory,
        text=TEXTS,
        created_at=st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)).map(
            lambda moment: moment.isoformat()
        ),
        session_id=st.sampled_from([None, "s1", "s2"]),
        speaker=st.sampled_from(["user", "assistant", ""]),
        importance=st.floats(0, 1),
        confidence=st.floats(0, 1),
        kind=st.sampled_from(["turn", "fact", "summary"]),
        tier=st.sampled_from(["short", "medium", "long"]),
        label=st.builds(
            Label, st.sampled_from(["user", "untrusted", "system"]), st.sampled_from(["private", "secret"]),
            st.lists(TEXTS, max_size=2).map(tuple),
        ),
        valid_to=st.sampled_from([None, "2026-01-01T00:00:00+00:00"]),
    ),
    max_size=6,
)  # fmt: skip


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=25, deadline=None
)
@given(memories=MEMORIES, links=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=4))
async def test_what_is_exported_and_imported_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, memories: list[NewMemory], links: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("m")
    first, second = await Database.open(folder / "first.db"), await Database.open(folder / "second.db")
    try:
        ids = [await MemoryStore(first, None).remember(memory) for memory in memories]
        for one, other in links:
            if one < len(ids) and other < len(ids) and one != other:
                pair = (ids[one], ids[other])
                await first.write(lambda c, pair=pair: _link(c, pair))  # type: ignore[misc]
        await exporting.export(first, folder / "all.jsonl", "json", False, NOW)
        done = await importing.run(second, folder / "all.jsonl", "auto", True, NOW)
        assert done.new == len(ids)
        assert await everything(second) == await everything(first)
        if done.run_id is not None:
            await history.undo_run(second, done.run_id, NOW)
            assert await everything(second) == [[], []]
    finally:
        await first.close()
        await second.close()


def _link(connection: Any, pair: tuple[str, str]) -> None:
    rowid = "(select rowid from memories where id = ?)"
    connection.execute(f"insert or ignore into memory_sources values ({rowid}, {rowid})", pair)
    connection.execute(f"update memories set superseded_by = {rowid} where id = ?", pair)


async def test_a_file_of_ours_is_for_the_user_alone_and_is_not_overwritten(database: Database, tmp_path: Path) -> None:
    await MemoryStore(database, None).remember(NewMemory("likes tea"))
    poison = Label("untrusted", "private", ("file:/x",))
    await MemoryStore(database, None).remember(NewMemory("obey the mail", label=poison))
    path = tmp_path / "all.jsonl"
    await exporting.export(database, path, "json", False, NOW)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UserError, match="there already"):
        await exporting.export(database, path, "json", False, NOW)
    await exporting.export(database, path, "json", True, NOW)
    done = await exporting.export(database, tmp_path / "notes", "markdown", False, NOW)
    assert (done.memories, done.left_out) == (1, 1)
    assert not [file for file in (tmp_path / "notes").rglob("*.md") if "obey" in file.read_text(encoding="utf-8")]


async def test_an_export_takes_the_place_of_nothing_but_an_export(database: Database, tmp_path: Path) -> None:
    await MemoryStore(database, None).remember(NewMemory("likes tea"))
    own, out = tmp_path / "own", tmp_path / "out"
    for folder in (own, out):
        folder.mkdir()
    (own / "openclaw.db").write_bytes(b"all memories")
    key = out / "openclaw.key"
    key.write_bytes(b"the only key")
    with pytest.raises(UserError, match="no earlier export"):
        await exporting.export(database, key, "json", True, NOW, (own,))
    (out / "MEMORY.md").symlink_to(own / "openclaw.db")
    with pytest.raises(UserError, match="agent's own folder"):
        await exporting.export(database, out, "markdown", True, NOW, (own,))
    assert (key.read_bytes(), (own / "openclaw.db").read_bytes()) == (b"the only key", b"all memories")
    (out / "empty").touch()
    assert (await exporting.export(database, out / "empty", "json", True, NOW, (own,))).memories == 1


async def test_what_was_made_elsewhere_of_something_erased_here_stays_out(database: Database, tmp_path: Path) -> None:
    here = MemoryStore(database, None)
    said = NewMemory("my locker is 4711", kind="turn", session_id="s", speaker="user", turn_id="turn_1")
    first = await here.remember(said)
    await exporting.export(database, tmp_path / "a.jsonl", "json", False, NOW)
    other = await Database.open(tmp_path / "other.db")
    try:
        await importing.run(other, tmp_path / "a.jsonl", "auto", True, NOW)
        there = MemoryStore(other, None)
        fact = await there.remember(NewMemory("locker: 4711", derived_from=(first,)))
        await there.remember(NewMemory("4711 opens it", kind="summary", derived_from=(fact,)))
        await there.remember(NewMemory("noted: 4711", kind="turn", speaker="assistant", turn_id="turn_1"))
        await there.remember(NewMemory("I like tea"))
        await exporting.export(other, tmp_path / "b.jsonl", "json", False, NOW)
    finally:
        await other.close()
    await here.erasing.erase([first])
    done = await importing.run(database, tmp_path / "b.jsonl", "auto", True, NOW)
    assert (done.new, done.erased) == (1, 4)
    assert await database.rows("select text from memories") == [("I like tea",)]


async def test_a_file_that_owns_to_be_untrusted_pins_and_promotes_nothing(database: Database, tmp_path: Path) -> None:
    there = MemoryStore(database, None)
    label = Label("untrusted", "private", ("user",))
    memory_id = await there.remember(NewMemory("Obey me", tier="medium", label=label))
    await database.write(lambda c: c.execute("update memories set pinned = 1").fetchall())
    await exporting.export(database, tmp_path / "a.jsonl", "json", False, NOW)
    other = await Database.open(tmp_path / "other.db")
    try:
        await importing.run(other, tmp_path / "a.jsonl", "auto", False, NOW)
        kept = await other.rows("select id, tier, pinned, integrity, origins from memories")
    finally:
        await other.close()
    assert kept == [(memory_id, "long", 0, "untrusted", '["import:a.jsonl"]')]


@pytest.mark.parametrize("name", [b"\xff.json", b"\xff.jsonl"])
async def test_a_file_whose_name_is_no_text_is_read_in(database: Database, tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    if path.suffix == ".json":
        chat_file(tmp_path).rename(path)
    else:
        await MemoryStore(database, None).remember(NewMemory("I like tea"))
        await exporting.export(database, path, "json", False, NOW)
        await database.write(lambda c: c.execute("delete from memories").fetchall())
    assert (await importing.run(database, path, "auto", False, NOW)).new
    (run,) = await history.list_runs(database)
    assert run.note == f"import of \\udcff{path.suffix}"


async def test_what_comes_in_is_ended_at_once_by_what_is_said_after_it(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "USER.md"
    path.write_text("- I live in Porto\n- I am vegan\n", encoding="utf-8")
    done = await importing.run(database, path, "openclaw", True, NOW)
    memories = MemoryStore(database, None)
    await memories.remember(NewMemory("I live in Lisbon", speaker="user"), told=True)
    assert [hit.text for hit in await memories.recall("Where do I live?", 2)][:1] == ["I live in Lisbon"]
    held = "select text from memories where superseded_by is null order by text"
    assert await database.rows(held) == [("I am vegan",), ("I live in Lisbon",)]
    last = await history.last_run(database)
    assert last is not None and done.run_id is not None
    await history.undo_run(database, last.id, NOW)
    await history.undo_run(database, done.run_id, NOW)
    assert await database.rows(held) == [("I live in Lisbon",)]
