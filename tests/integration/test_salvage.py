"""A damaged file and an older copy: what can be read comes along, what can't is counted, nothing erased is back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from agent_process import Program
from counts import count

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.memory.erased_rows import replay_erasures
from openclaw_desktop.memory.sessions import SessionStore, SpokenMessage
from openclaw_desktop.storage.backup import back_up
from openclaw_desktop.storage.connection import connect
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.migrations import schema_files
from openclaw_desktop.storage.recovery import Restored, files_aside, find_copy, restore
from openclaw_desktop.storage.repair import MADE_ANEW
from openclaw_desktop.storage.salvage import salvage

PAGE = 4096
BAD_PAGES = count("pages overwritten after a copy", 24)
CANARY = "zanzibar-canary"
LABEL = Label("untrusted", "private", ("mail",))
KEYS = pytest.mark.parametrize("key", [None, b"k" * 32], ids=["plain", "encrypted"])
# Every table that is made of nothing else, each with rows on several pages.
FILLERS = {
    "conversations": "insert into conversations select 'ses_' || value, 'once', 'once', null from range",
    "messages": """insert into messages (conversation_id, turn_id, role, text, integrity, confidentiality, created_at)
        select 'ses_' || value, 'turn_' || value, 'user', printf('%.90c', 'm'), 'user', 'private', 'then' from range""",
    "working_memory": """insert into working_memory (conversation_id, turn_id, key, value, integrity, confidentiality,
        created_at, expires_at) select 'ses_' || value, 't', 'k', printf('%.90c', 'w'), 'user', 'private', 'then', '9'
        from range""",
    "session_summaries": "insert into session_summaries select id, printf('%.90c', 's') from messages",
    "memories": """insert into memories (id, tier, kind, text, created_at, created_s, observed_at, integrity,
        confidentiality) select 'mem_f' || value, 'long', 'fact', printf('%.90c', 'f') || value, 'then', 1, 'then',
        'user', 'private' from range""",
    "memory_sources": """insert into memory_sources select a.rowid, b.rowid from memories a, memories b
        where a.rowid % 9 = 0 and b.rowid % 60 = 7""",
    "memory_runs": """insert into memory_runs (kind, started_at, note)
        select 'edit', 'then', printf('%.90c', 'r') from range""",
    "memory_changes": """insert into memory_changes (run_id, memory_id, action, before)
        select id, 'mem_f' || id, 'edit', json_object('text', printf('%.90c', 'c')) from memory_runs""",
    "memory_deeds": "insert into memory_deeds select randomblob(40), null from range",
    "memory_state": "insert into memory_state select 'state' || value, printf('%.90c', 'v') from range",
    "erased_memories": "insert into erased_memories select 'mem_' || printf('%.90c', 'e') || value, 'then' from range",
    "erasures": "insert into erasures select value from range a, (select 0 union select 0)",
    "grants": "insert into grants select 'gra_' || value, 'files:read', '/' || value, 'then' from range",
    "ledger": """insert into ledger
        select 'day' || value, '', '', 'chat', printf('%.90c', 'l'), 1, 1, 1, 1, 1.0, 1.0, 1.0 from range""",
    "answer_feedback": "insert into answer_feedback select rowid, 1, printf('%.90c', 'g'), 'then' from memories",
    "audit_log": """insert into audit_log (at, call_ref, turn_id, tool, capability, event, value, reason, integrity,
        confidentiality, sandbox, call_seal, target_seal, previous, hash) select 'then', 'ref' || value, 't', 'read',
        'file:read', 'decision', 'allow', '', 'user', 'private', '3', 's', 's', 'p', printf('%.60c', 'h') from range""",
    "audit_targets": "insert into audit_targets select id, x'00', printf('%.90c', 't') from audit_log",
    "inbox": """insert into inbox select 'inb_' || value, null, 't', 'write', 'file:write', '{}', '{}', 'h', 'a file',
        printf('%.90c', 'p'), 'r', null, 'user', 'private', '[]', 'then', 'later', null, 'open', '' from range""",
    "written_files": """insert into written_files select '/' || printf('%.60c', 'f') || value, 'hash', 'user',
        'private', '[]', 'then' from range""",
    "undo_tokens": """insert into undo_tokens select 'und_' || value, 's', 't', 'write', printf('%.90c', 'u'), 'k',
        'user', 'private', '[]', 'then', null from range""",
    "notes": """insert into notes (id, text, created_at, changed_at, integrity, confidentiality)
        select 'not_' || value, printf('%.90c', 'n'), 'then', 'then', 'user', 'private' from range""",
    "todos": """insert into todos (id, text, created_at, integrity, confidentiality)
        select 'tod_' || value, printf('%.90c', 'd'), 'then', 'user', 'private' from range""",
    "habits": """insert into habits (id, name, created_at, integrity, confidentiality)
        select 'hab_' || value, printf('%.60c', 'h') || value, 'then', 'user', 'private' from range""",
    "notices": """insert into notices (id, topic, title, body, why, asked, priority, priority_why, integrity,
        confidentiality, created_at, state) select 'ntc_' || value, 't', 'n', printf('%.90c', 'n'), '', 'low', 'low',
        '', 'system', 'public', 'then', 'shown' from range""",
    "notice_topics": "insert into notice_topics select printf('%.90c', 't') || value, 0, 'od' from range",
    "notice_toasts": "insert into notice_toasts select printf('%.90c', 't') || value, 'then' from range",
    "notice_marks": "insert into notice_marks select 'mark' || value, printf('%.90c', 'v') from range",
    "habit_days": """insert into habit_days select id, '2026-01-0' || value from habits,
        (select 1 as value union select 2 union select 3)""",
    "jobs": """insert into jobs select 'job_' || value, 'job ' || value, '{}', 'UTC', printf('%.90c', 'w'), '{}', 1,
        'then', 'then', 'then', 'then', null, 'user', 'private', '[]', null from range""",
    "job_runs": """insert into job_runs (id, job_id, slot, due_at, last_due_at, state, key, ready_at, claimed_at, said,
        integrity, confidentiality) select 'run_' || id, id, 's', 'then', 'then', 'done', 'k', 'then', 'then',
        printf('%.60c', 's'), 'user', 'private' from jobs""",
    "metrics": """insert into metrics select printf('%.60c', 'm') || value, 600, value, 1, 1.0, 1.0, 1.0 from range""",
    "presence_hours": """insert into presence_hours select a.value, b.value, 1, 1.0, 1.0 from range a, range b
        limit 900""",
}
# What has no second page to lose.
OF_ONE_ROW = {"audit_head"}


async def make(path: Path, key: bytes | None, copies: Path) -> tuple[list[str], list[str]]:
    """Make a file with 40 memories and messages, a copy of it, and 40 more; return the ids of both."""
    database = await Database.open(path, key=key)
    store, sessions = MemoryStore(database, None), SessionStore(database)
    session = await sessions.begin()
    ids: list[list[str]] = []
    for part in ("before", "since"):
        said = [f"{part} {n} " + f"word{n} " * 30 for n in range(40)]
        ids.append(await store.remember_many([NewMemory(text, label=LABEL) for text in said]))
        for n, text in enumerate(said):
            await sessions.add_message(session, SpokenMessage(f"turn_{part}{n}", "user", text, USER))
        if part == "before":
            await database.beside(lambda connection: back_up(connection, copies, "daily"))
    await database.close()
    return ids[0], ids[1]


def damage(path: Path, key: bytes | None, tree: str, *, which: float = 0.5) -> None:
    """Overwrite one page of a tree, not its root where it has more."""
    connection = connect(path, key)
    sql = "select pageno from dbstat where name = ? and pagetype = 'leaf' order by path"
    pages = [int(page) for (page,) in connection.execute(sql, (tree,))]
    connection.close()
    place, whole = (pages[int(which * len(pages))] - 1) * PAGE, path.read_bytes()
    path.write_bytes(whole[:place] + random.Random(place).randbytes(PAGE) + whole[place + PAGE :])
    path.with_name(path.name + ".suspect").touch()


async def set_aside(path: Path, key: bytes | None, copies: Path) -> bytes:
    with pytest.raises(UserError, match="is damaged"):
        await Database.open(path, key=key, backups=copies)
    (aside,) = files_aside(path)
    return aside.read_bytes()


def bring_back(path: Path, key: bytes | None, copies: Path) -> Restored:
    return restore(path, find_copy(copies, "latest", key), copies, key, replay_erasures, salvage=salvage)


async def ids_of(path: Path, key: bytes | None) -> list[str]:
    database = await Database.open(path, key=key)
    try:
        assert await database.rows("pragma integrity_check") == [("ok",)]
        assert await database.rows("pragma foreign_key_check") == []
        return [str(one) for (one,) in await database.rows("select id from memories order by rowid")]
    finally:
        await database.close()


@KEYS
async def test_what_was_said_since_the_copy_comes_from_the_damaged_file(tmp_path: Path, key: bytes | None) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    before, since = await make(path, key, copies)
    damage(path, key, "memories", which=0.75)
    kept = await set_aside(path, key, copies)
    done = bring_back(path, key, copies)
    found = await ids_of(path, key)
    assert found[:40] == before, "the copy has them"
    lost = [one for one in since if one not in found]
    assert 0 < len(lost) < 20 and done.salvaged is not None and done.salvaged.readable
    assert done.salvaged.unread == len(lost), "as many as the page held"
    assert (done.salvaged.memories, done.salvaged.messages) == (40 - len(lost), 40)
    (aside,) = files_aside(path)
    assert aside.read_bytes() == kept, "it stays as it was"
    database = await Database.open(path, key=key)
    labels = await database.rows("select distinct integrity, confidentiality, origins from memories")
    assert labels == [("untrusted", "private", '["mail"]')]
    words = await database.rows("select count(*) from memories_fts where memories_fts match 'since OR before'")
    assert words == [(len(found),)]
    unready = "select count(*) from memories where rowid not in (select memory_rowid from vector_queue)"
    assert await database.rows(unready) == [(0,)], "each gets a vector again"
    await database.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> dict[bytes | None, Path]:
    """A plain and an encrypted file with rows on several pages of every table, and an older copy beside each."""
    numbers = "with recursive range (value) as (select 1000 union all select value + 1 from range where value < 1600) "
    folders = {}
    for key in (None, b"k" * 32):
        folder = folders[key] = tmp_path_factory.mktemp("filled")
        asyncio.run(make(folder / "m.db", key, folder / "b"))
        with contextlib.closing(connect(folder / "m.db", key)) as connection, connection:
            for sql in FILLERS.values():
                connection.execute(numbers + sql)
    return folders


@KEYS
@pytest.mark.parametrize("table", FILLERS)
async def test_damage_in_one_table_costs_the_page_and_nothing_else(
    tmp_path: Path, table: str, key: bytes | None, filled: dict[bytes | None, Path]
) -> None:
    shutil.copytree(filled[key], tmp_path, dirs_exist_ok=True)
    path, copies = tmp_path / "m.db", tmp_path / "b"
    connection = connect(path, key)
    tables = {name: set(connection.execute(f"select * from {name}")) for name in FILLERS}
    connection.close()
    damage(path, key, table)
    await set_aside(path, key, copies)
    done = bring_back(path, key, copies)
    assert done.salvaged is not None and done.salvaged.unread > 0
    connection = connect(path, key)
    left = {name: set(connection.execute(f"select * from {name}")) for name in FILLERS}
    assert connection.execute("pragma integrity_check").get == "ok"
    assert connection.execute("pragma foreign_key_check").get is None
    connection.close()
    gone = tables[table] - left[table]
    assert 0 < len(gone) < len(tables[table]) / 2, "the bad page"
    for name in FILLERS.keys() - {table, *BELONGING.get(table, ())}:
        assert tables[name] <= left[name], f"{name} was whole"


# What can't be without a row of a table, and goes with those that are lost of it.
BELONGING = {
    "messages": ("session_summaries",),
    "memories": ("memory_sources", "answer_feedback"),
    "audit_log": ("audit_targets",),
    "habits": ("habit_days",),
    "jobs": ("job_runs",),
}


def test_every_table_that_is_made_of_nothing_else_is_damaged_above() -> None:
    connection = apsw.Connection(":memory:")
    for file in schema_files():
        connection.execute(file.read_text(encoding="utf-8"))
    found = list(connection.execute("select name, sql from sqlite_schema where type = 'table'"))
    indexes = tuple(f"{name}_" for name, sql in found if "create virtual table" in str(sql).lower())
    real = {
        str(name)
        for name, sql in found
        if "create virtual table" not in str(sql).lower() and not name.startswith(("sqlite_", *indexes))
    }
    assert real - MADE_ANEW.keys() == FILLERS.keys() | OF_ONE_ROW, (
        "a table that is new needs rows in FILLERS here, or in MADE_ANEW what makes it again"
    )


@KEYS
async def test_a_file_of_before_an_update_is_read_and_brought_up_to_date(tmp_path: Path, key: bytes | None) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    path.touch()
    connection = connect(path, key)
    for file in schema_files()[:-1]:
        connection.execute(file.read_text(encoding="utf-8"))
    connection.pragma("user_version", len(schema_files()) - 1)
    numbers = "with recursive range (value) as (select 1000 union all select value + 1 from range where value < %d) "
    connection.execute(numbers % 1100 + FILLERS["memories"])
    back_up(connection, copies, "daily")
    connection.execute(numbers.replace("1000", "1101") % 1300 + FILLERS["memories"])
    connection.close()
    damage(path, key, "memories", which=0.75)
    await set_aside(path, key, copies)
    done = bring_back(path, key, copies)
    assert done.salvaged is not None and done.salvaged.unread > 0 < done.salvaged.memories
    assert len(await ids_of(path, key)) == 101 + done.salvaged.memories == 301 - done.salvaged.unread
    connection = connect(path, key)
    assert connection.pragma("user_version") == len(schema_files())
    connection.close()


@KEYS
async def test_what_was_erased_since_the_copy_comes_back_neither_from_it_nor_from_the_damaged_file(
    tmp_path: Path, key: bytes | None
) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    before, _ = await make(path, key, copies)
    database = await Database.open(path, key=key)
    store = MemoryStore(database, None)
    await store.erasing.erase([before[3]])
    since = await store.remember(NewMemory(f"the code is {CANARY}"))
    await store.erasing.erase([since])
    await database.close()
    damage(path, key, "memories", which=0.75)
    await set_aside(path, key, copies)
    bring_back(path, key, copies)
    found = await ids_of(path, key)
    assert before[3] not in found and since not in found and before[4] in found
    connection = connect(path, key)
    assert connection.execute("select count(*) from erased_memories").get == 2
    connection.close()


@KEYS
async def test_whatever_pages_are_bad_the_copy_is_there_and_what_is_said_is_true(
    tmp_path: Path, key: bytes | None
) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    before, since = await make(path, key, copies)
    whole, chance, came = path.read_bytes(), random.Random(5), 0
    for number in range(BAD_PAGES):
        spoilt = bytearray(whole)
        for _ in range(1 + number % 12):
            place = PAGE * chance.randrange(number % 2, len(whole) // PAGE)
            spoilt[place : place + PAGE] = chance.randbytes(PAGE)
        path.write_bytes(spoilt)
        done = bring_back(path, key, copies)
        found = await ids_of(path, key)
        assert found[:40] == before
        assert set(found) <= {*before, *since}
        if done.salvaged is not None:
            assert len(found) - 40 == done.salvaged.memories
            assert done.salvaged.readable or len(found) == 40
            came += done.salvaged.memories
        for aside in files_aside(path):
            aside.unlink()
    assert came > 0


async def test_a_whole_file_is_no_source_and_neither_is_an_older_damaged_one(tmp_path: Path) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    before, _ = await make(path, None, copies)
    path.with_name("m.db.damaged-20260101T000000Z").write_bytes(path.read_bytes())
    done = bring_back(path, None, copies)
    assert done.salvaged is None and done.kept is not None and "before-restore" in done.kept.name
    assert await ids_of(path, None) == before, "going back is going back"


async def test_an_older_damaged_file_undoes_nothing_that_a_newer_copy_has(tmp_path: Path) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    before, since = await make(path, None, copies)
    path.rename(path.with_name("m.db.damaged-20260101T000000Z"))
    (older,) = copies.iterdir()
    shutil.copyfile(older, path)
    store = MemoryStore(database := await Database.open(path), None)
    newest = await store.remember(NewMemory("said after the damaged file was set aside"))
    await database.beside(lambda connection: back_up(connection, copies, "by-hand"))
    await database.close()
    path.unlink()
    (copy,) = [one for one in copies.iterdir() if one != older and one.suffix == ".db"]
    done = restore(path, copy, copies, None, replay_erasures, salvage=salvage)
    assert done.salvaged is None and await ids_of(path, None) == [*before, newest] and since


KILLED = """
import os, signal, sys
from pathlib import Path
from openclaw_desktop.storage.recovery import find_copy, restore
from openclaw_desktop.storage.salvage import salvage

path, copies, place = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
count = 0

def counted(real):
    def call(*words, **named):
        global count
        count += 1
        if count == place:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*words, **named)
    return call

os.fsync, Path.rename, Path.replace, Path.unlink = map(counted, (os.fsync, Path.rename, Path.replace, Path.unlink))
restore(path, find_copy(copies, "latest", None), copies, None, lambda connection, ids: None, salvage=salvage)
"""


async def test_a_kill_while_it_is_read_leaves_nothing_half(tmp_path: Path) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    await make(path, None, copies)
    damage(path, None, "messages", which=0.75)
    await set_aside(path, None, copies)
    for place in range(1, 60):
        words = [sys.executable, "-c", KILLED, str(path), str(copies), str(place)]
        ended = subprocess.run(words, timeout=60, check=False)
        if ended.returncode == 0:
            break
        if path.exists() or path.with_name("m.db.restoring").exists():
            assert len(await ids_of(path, None)) == 80
            path.unlink()
    assert place > 5 and len(await ids_of(path, None)) == 80
    assert not [one for one in tmp_path.iterdir() if "restoring" in one.name]


async def test_a_disk_without_room_for_it_is_told_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    await make(path, None, copies)
    damage(path, None, "messages")
    await set_aside(path, None, copies)

    def full(*_: object) -> None:
        raise apsw.FullError("no room")

    with monkeypatch.context() as patched:
        patched.setattr("openclaw_desktop.storage.repair._copy", full)
        with pytest.raises(apsw.FullError):
            bring_back(path, None, copies)
    assert not path.exists() and len(files_aside(path)) == 1
    bring_back(path, None, copies)
    assert len(await ids_of(path, None)) == 80


@KEYS
def test_of_a_file_whose_end_is_missing_all_that_is_there_comes_along(
    program: Program, tmp_path: Path, key: bytes | None
) -> None:
    if key is not None:
        (tmp_path / "key").write_text(key.hex())
        (tmp_path / "key").chmod(0o600)
        program.environ["OPENCLAW_KEY_FILE"] = str(tmp_path / "key")
    program.run("remember", "the cat is called Miau").done()
    program.run("backup", "create").done()
    path = program.home / "data" / "openclaw.db"
    numbers = "with recursive range (value) as (select 1 union all select value + 1 from range where value < 1500) "
    with contextlib.closing(connect(path, key)) as connection, connection:
        connection.execute(numbers + FILLERS["memories"])
    whole = path.read_bytes()
    kept = whole[: len(whole) // PAGE * 9 // 10 * PAGE]
    path.write_bytes(kept)
    program.run("recall", "cat").failed("is damaged", "backup restore latest")
    said = program.run("backup", "restore", "latest", "--yes").done().out
    found = re.search(r"came ([\d,]+) memories and .*?([\d,]+) entries .*could not be read", said)
    assert found is not None, said
    came, unread = (int(number.replace(",", "")) for number in found.groups())
    assert 1200 < came < 1500 <= came + unread
    with contextlib.closing(connect(path, key)) as connection:
        assert connection.execute("select count(*) from memories").get == 1 + came
        assert connection.pragma("integrity_check") == "ok"
    (aside,) = files_aside(path)
    assert aside.read_bytes() == kept, "it stays as it was"


def test_the_verb_says_what_came_and_what_did_not(program: Program) -> None:
    program.run("remember", "the cat is called Miau").done()
    program.run("backup", "create").done()
    program.run("remember", "the dog is called Wuff").done()
    path = program.home / "data" / "openclaw.db"
    damage(path, None, "memory_state")
    program.run("recall", "dog").failed("is damaged", "backup restore latest")
    said = program.run("backup", "restore", "latest", "--yes").done().out
    assert "From the damaged file came 1 memories" in said and "could not be read" in said
    assert "Wuff" in program.run("recall", "dog").done().out
    path.write_bytes(os.urandom(path.stat().st_size))
    program.run("recall", "dog").failed("damaged")
    assert "Nothing could be read" in program.run("backup", "restore", "latest", "--yes").done().out
