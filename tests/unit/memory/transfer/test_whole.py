"""The whole of a memory in one file: nothing lost on the way, nothing wrong taken in."""

import asyncio
import json
import stat
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from counts import count
from hypothesis import given, settings
from hypothesis import strategies as st

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.memory.transfer.reading import detect, read
from openclaw_desktop.memory.transfer.table import insert_whole, whole_memories
from openclaw_desktop.memory.transfer.whole import WholeMemory, read_header, read_whole, write_whole
from openclaw_desktop.storage.database import Database

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
AT = NOW.isoformat()
PLAIN: dict[str, Any] = dict(
    id="mem_1", tier="medium", kind="fact", text="I like tea", speaker="user", source="user", session_id=None,
    turn_id=None, created_at=AT, observed_at=AT, valid_from=None, valid_to=None, expires_at=None, importance=0.5,
    confidence=1.0, pinned=False, access_count=0, last_access_at=None, integrity="user", confidentiality="private",
    origins=("user",), purpose="assist", superseded_by=None, sources=(),
)  # fmt: skip


def memory(**fields: Any) -> WholeMemory:
    return WholeMemory(**PLAIN | fields)


def refusal(path: Path) -> tuple[str, str]:
    with pytest.raises(UserError) as refused:
        list(read_whole(path))
    return refused.value.failure.sentence, refused.value.failure.advice


async def export(database: Database, path: Path) -> bytes:
    await database.read(lambda c: write_whole(path, whole_memories(c), AT))
    return path.read_bytes()


async def test_a_real_memory_comes_back_whole(tmp_path: Path) -> None:
    first = await Database.open(tmp_path / "first.db")
    store = MemoryStore(first, None)
    turns = await store.remember_many(
        [
            NewMemory("I moved to Porto", kind="turn", session_id="s", speaker="user", turn_id="t"),
            NewMemory("Lovely!", kind="turn", session_id="s", speaker="assistant", turn_id="t"),
            NewMemory("Hello", kind="turn", session_id="s", label=Label("untrusted", "secret", ("a", "b"))),
        ]
    )
    new = NewMemory(
        "I live in Porto", derived_from=tuple(turns), valid_from="2026-11-01", confidence=1 / 3, tier="medium"
    )
    old, new_id = await store.remember_many([NewMemory("I live in Lisbon"), new])
    link = "update memories set superseded_by = (select rowid from memories where id = ?), pinned = 1 where id = ?"
    await first.write(lambda c: c.execute(link, (new_id, old)))
    exported = await export(first, tmp_path / "first.jsonl")
    columns = "id, text, neighbours, date_words, created_s from memories order by rowid"
    before = await first.rows(f"select {columns}")
    await store.vectors.close()
    await first.close()

    second = await Database.open(tmp_path / "second.db")
    memories = list(read_whole(tmp_path / "first.jsonl"))
    assert await second.write(lambda c: insert_whole(c, memories, NOW)) == [*turns, old, new_id]
    assert await export(second, tmp_path / "second.jsonl") == exported
    assert await second.rows(f"select {columns}") == before
    # What is there already is left alone.
    assert await second.write(lambda c: insert_whole(c, memories, NOW)) == []
    assert [hit.text for hit in await MemoryStore(second, None).recall("Porto")][:1] == ["I live in Porto"]
    await second.close()


def test_a_turn_that_joins_a_chat_gets_its_neighbours(tmp_path: Path) -> None:
    async def join() -> list[Any]:
        database = await Database.open(tmp_path / "m.db")
        turns = [memory(id=str(n), kind="turn", session_id="s", text=f"word{n}") for n in range(3)]
        await database.write(lambda c: insert_whole(c, turns[:1], NOW))
        await database.write(lambda c: insert_whole(c, turns[1:], NOW))
        rows = await database.rows("select neighbours from memories order by rowid")
        await database.close()
        return rows

    assert asyncio.run(join()) == [("word1",), ("word0 word2",), ("word1",)]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
NAMES = [f"m{n}" for n in range(5)]
TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.none() | st.just(UTC)).map(
    datetime.isoformat
)
SHARES = st.floats(0, 1)
MEMORIES = st.builds(
    WholeMemory, id=st.just("m"), tier=st.sampled_from(["short", "medium", "long"]),
    kind=st.sampled_from(["turn", "fact", "summary"]), text=TEXT.filter(str.strip), speaker=TEXT, source=TEXT,
    session_id=st.none() | st.sampled_from("st"), turn_id=st.none() | TEXT, created_at=TIMES, observed_at=TIMES,
    valid_from=st.none() | TIMES, valid_to=st.none() | TIMES, expires_at=st.none() | TIMES, importance=SHARES,
    confidence=SHARES, pinned=st.booleans(), access_count=st.integers(0, 2**62), last_access_at=st.none() | TIMES,
    integrity=st.sampled_from(["user", "system", "untrusted"]),
    confidentiality=st.sampled_from(["public", "private", "secret"]), origins=st.lists(TEXT, max_size=3).map(tuple),
    purpose=TEXT, superseded_by=st.none() | st.integers(0, 4).map(str),
    sources=st.sets(st.integers(0, 4).map(str), max_size=3).map(sorted).map(tuple),
)  # fmt: skip


def linked(memories: list[WholeMemory]) -> list[WholeMemory]:
    """Give each an id of its own, and keep the links that lead to one of them."""
    ids = {str(number) for number in range(len(memories))}
    return [
        msgspec.structs.replace(
            one, id=str(number), superseded_by=one.superseded_by if one.superseded_by in ids else None,
            sources=tuple(source for source in one.sources if source in ids),
        )
        for number, one in enumerate(memories)
    ]  # fmt: skip


@settings(max_examples=count("Memories exported whole, imported and exported", 200), deadline=None)
@given(st.lists(MEMORIES, max_size=5).map(linked))
def test_an_export_imported_elsewhere_exports_the_same_bytes(memories: list[WholeMemory]) -> None:
    async def pass_through(folder: Path) -> tuple[bytes, bytes]:
        write_whole(folder / "a.jsonl", memories, AT)
        assert list(read_whole(folder / "a.jsonl")) == memories
        database = await Database.open(folder / "m.db")
        await database.write(lambda c: insert_whole(c, read_whole(folder / "a.jsonl"), NOW))
        exported = await export(database, folder / "b.jsonl")
        await database.close()
        return (folder / "a.jsonl").read_bytes(), exported

    with tempfile.TemporaryDirectory() as folder:
        before, after = asyncio.run(pass_through(Path(folder)))
    assert after == before


def test_the_file_is_the_users_alone_and_says_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    assert write_whole(path, [memory(), memory(id="mem_2")], AT) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    header = read_header(path)
    assert (header.openclaw_memory, header.exported_at, header.memories) == (1, AT, 2)
    assert [json.loads(line).get("id") for line in path.read_text().splitlines()] == [None, "mem_1", "mem_2"]
    assert detect(path) == "jsonl"
    assert [(entry.text, entry.by_user) for entry in read(path, "jsonl")] == [("I like tea", True)] * 2


def test_a_file_that_is_there_is_kept_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text("mine")
    with pytest.raises(UserError, match="is there already"):
        write_whole(path, [memory()], AT)

    def failing() -> Any:
        yield memory()
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="No space left on device"):
        write_whole(path, failing(), AT, overwrite=True)
    assert path.read_text() == "mine"
    assert write_whole(path, [memory()], AT, overwrite=True) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["m.jsonl"]
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is there already"):
        write_whole(tmp_path / "link", [], AT)
    with pytest.raises(UserError, match="can't be written"):
        write_whole(tmp_path / "none" / "m.jsonl", [], AT)


WRONG: list[dict[str, Any]] = [
    {"tier": "hot"}, {"kind": "lie"}, {"text": ""}, {"text": " \n"}, {"text": 7}, {"id": ""}, {"id": "x" * 201},
    {"importance": 1.5}, {"importance": "1"}, {"confidence": -0.1}, {"pinned": 1}, {"access_count": -1},
    {"access_count": 2**63}, {"created_at": "yesterday"}, {"created_at": None}, {"valid_to": "2026-02-30"},
    {"last_access_at": ""}, {"integrity": "trusted"}, {"confidentiality": "none"}, {"origins": "user"},
    {"origins": [1]}, {"sources": None}, {"superseded_by": ""}, {"rowid": 1},
]  # fmt: skip


@pytest.mark.parametrize("fields", WRONG, ids=str)
def test_a_wrong_field_is_refused_with_its_line(tmp_path: Path, fields: dict[str, Any]) -> None:
    path = tmp_path / "m.jsonl"
    header = {"openclaw_memory": 1, "exported_at": AT, "memories": 2}
    path.write_text("\n".join(json.dumps(line) for line in (header, PLAIN, PLAIN | fields)))
    assert refusal(path)[0] == "m.jsonl: line 3 is wrong."


@pytest.mark.parametrize("missing", list(PLAIN))
def test_a_missing_field_is_refused(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "m.jsonl"
    header = {"openclaw_memory": 1, "exported_at": AT, "memories": 1}
    less = {name: value for name, value in PLAIN.items() if name != missing}
    path.write_text(f"{json.dumps(header)}\n{json.dumps(less)}\n")
    sentence, advice = refusal(path)
    assert sentence == "m.jsonl: line 2 is wrong." and missing in advice


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "line 1 is wrong."),
        (b"{}", "line 1 is wrong."),
        (b'{"openclaw_memory": 0, "exported_at": "2026-01-01", "memories": 0}', "line 1 is wrong."),
        (b'{"openclaw_memory": true, "exported_at": "2026-01-01", "memories": 0}', "line 1 is wrong."),
        (b'{"openclaw_memory": 1, "exported_at": "now", "memories": 0}', "line 1 is wrong."),
        (b'{"openclaw_memory": 1, "exported_at": "2026-01-01", "memories": -1}', "line 1 is wrong."),
        (b'{"openclaw_memory": 2}', "was written by a newer version of this program."),
        (b'{"openclaw_memory": 1, "exported_at": "2026-01-01", "memories": 1}', "should hold 1 memories and holds 0."),
        (b'{"openclaw_memory": 1, "exported_at": "2026-01-01", "memories": 0}\n\n', "line 2 is wrong."),
        (b'{"openclaw_memory": 1, "exported_at": "2026-01-01", "memories": 1}\n\xff', "line 2 is wrong."),
        (b'{"openclaw_memory": 1, "exported_at": "2026-01-01", "memories": 1}\n' + b"[" * 10**6, "line 2 is wrong."),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused(tmp_path: Path, line: bytes, said: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(line)
    assert refusal(path)[0].endswith(said)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    write_whole(path, [memory(), memory(id="mem_2", text="größe")], AT)
    whole = path.read_bytes()
    for end in range(len(whole) - 1):
        path.write_bytes(whole[:end])
        refusal(path)


@pytest.mark.parametrize(
    "fields", [{"id": "--yes"}, {"id": "mem_1\n"}, {"id": "\x1b[2J"}, {"source": "x" * 2001}, {"origins": ("x",) * 101}]
)
def test_what_no_front_end_could_show_or_name_is_refused(tmp_path: Path, fields: dict[str, Any]) -> None:
    write_whole(tmp_path / "m.jsonl", [memory(**fields)], AT)
    assert refusal(tmp_path / "m.jsonl")[0].endswith("line 2 is wrong.")
