"""A damaged page: the file is kept aside, the newest good copy is offered, and one command brings it back."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from agent_process import Program
from counts import count

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.storage.backup import back_up, note_erased
from openclaw_desktop.storage.connection import connect
from openclaw_desktop.storage.database import Database, explain, fetch
from openclaw_desktop.storage.recovery import files_aside, find_copy, restore
from openclaw_desktop.storage.upkeep import Upkeep

PAGES = count("a page of the file overwritten", 100)
PAGE = 4096


async def make(path: Path, key: bytes | None, copies: Path) -> dict[str, str]:
    """Make a file with memories and one copy of it, and return the memories."""
    database = await Database.open(path, key=key)
    store = MemoryStore(database, None)
    texts = [f"fact {n} " + f"word{n} " * (900 if n % 10 == 0 else 30) for n in range(120)]
    ids = await store.remember_many([NewMemory(text) for text in texts])
    await database.beside(lambda connection: back_up(connection, copies, "daily"))
    await database.close()
    return dict(zip(ids, texts, strict=True))


async def read(path: Path, key: bytes | None, copies: Path | None = None) -> dict[str, str]:
    database = await Database.open(path, key=key, backups=copies)
    try:
        return {str(one): str(text) for one, text in await database.rows("select id, text from memories")}
    finally:
        await database.close()


def nothing(connection: apsw.Connection, ids: list[str]) -> None:
    raise AssertionError("nothing was erased")


@pytest.mark.parametrize("key", [None, b"k" * 32], ids=["plain", "encrypted"])
async def test_any_damaged_page_is_found_after_an_unclean_end_and_the_copy_gives_all_back(
    tmp_path: Path, key: bytes | None
) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    memories = await make(path, key, copies)
    whole, chance, found, mended = path.read_bytes(), random.Random(11), 0, 0
    for _ in range(PAGES // 2):
        page = chance.randrange(1, len(whole) // PAGE)
        damage = whole[: page * PAGE] + chance.randbytes(PAGE) + whole[(page + 1) * PAGE :]
        path.write_bytes(damage)
        path.with_name("m.db-wal").touch()  # as a crash leaves it
        try:
            assert await read(path, key, copies) == memories, "only what nobody needs may be damaged unseen"
            for aside in files_aside(path):
                assert aside.read_bytes() == damage, "kept as it was"
                aside.unlink()
                found, mended = found + 1, mended + 1
            continue
        except UserError as error:
            found += 1
            assert error.failure.code == "database_damaged"
            assert "-daily.db: openclaw-agent backup restore latest" in error.failure.advice
        (aside,) = files_aside(path)
        assert aside.read_bytes() == damage, "kept as it was"
        with pytest.raises(UserError, match="nothing is in its place"):
            await read(path, key, copies)
        done = restore(path, find_copy(copies, "latest", key), copies, key, nothing)
        assert done.kept is None and await read(path, key) == memories
        aside.unlink()
    assert found > PAGES // 4
    assert 0 < mended < found


DERIVED = (
    "memories_by_time", "sqlite_autoindex_memories_1", "memory_sources_by_source", "memories_fts_data",
    "memories_fts_docsize", "memories_fts_config", "vectors", "vectors_by_memory", "vector_lists", "vector_engines",
    "vector_codes", "vector_queue", "term_counts", "speakers", "reading_queue", "memory_claims", "upkeep",
)  # fmt: skip


def overwrite_page(path: Path, key: bytes | None, tree: str) -> bytes:
    """Damage a page in the middle of a tree of a closed file, and return the bytes that the file has then."""
    connection = connect(path, key)
    pages = [int(page) for (page,) in connection.execute("select pageno from dbstat where name = ?", (tree,))]
    connection.close()
    place, whole = (pages[len(pages) // 2] - 1) * PAGE, path.read_bytes()
    damage = whole[:place] + random.Random(place).randbytes(PAGE) + whole[place + PAGE :]
    path.write_bytes(damage)
    return damage


@pytest.mark.parametrize("key", [None, b"k" * 32], ids=["plain", "encrypted"])
async def test_damage_in_what_is_made_from_the_memories_costs_none_of_them(tmp_path: Path, key: bytes | None) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    memories = await make(path, key, copies)
    database = await Database.open(path, key=key)
    since = await MemoryStore(database, None).remember(NewMemory("said since the copy", speaker="Ana"))

    def add_vectors(connection: apsw.Connection) -> None:
        for sql in (
            "insert into vector_engines (name, version, dimension) values ('any', '1', 256)",
            "insert into vector_lists (engine_id, generation, list, centroid) values (1, 0, 1, x'00')",
            "insert into vectors select 1, 1, rowid, randomblob(256) from memories",
            "insert into vector_codes (engine_id, list, entries) values (1, 1, x'00')",
            "delete from vector_queue",
        ):
            connection.execute(sql)

    await database.write(add_vectors)
    await database.close()
    memories[since] = "said since the copy"
    whole = path.read_bytes()
    for tree in DERIVED:
        path.write_bytes(whole)
        damage = overwrite_page(path, key, tree)
        path.with_name("m.db.suspect").touch()
        database = await Database.open(path, key=key, backups=copies)
        assert dict(await database.rows("select id, text from memories")) == memories, tree
        (aside,) = files_aside(path)
        assert aside.read_bytes() == damage, "kept as it was"
        aside.unlink()
        found = await database.rows("select rowid from memories_fts where memories_fts match 'fact OR since'")
        assert len(found) == len(memories), tree
        lacking = (
            "select count(*) from memories m where not exists (select 1 from vectors v where v.memory_rowid = m.rowid)"
        )
        queued = "select count(*) from vector_queue"
        assert (await database.rows(lacking))[0][0] <= (await database.rows(queued))[0][0], tree
        assert await database.rows("select name, memories from speakers") == [("Ana", 1)]
        secret = await database.rows("select v from memories_fts_config where k = 'secure-delete'")
        assert secret == [(1,)], "erased words leave the index for good"
        assert await database.rows("pragma integrity_check") == [("ok",)]
        assert await database.rows("pragma foreign_key_check") == []
        await MemoryStore(database, None).remember(NewMemory("the triggers are there", speaker="Ana"))
        assert await database.rows("select name, memories from speakers") == [("Ana", 2)]
        await database.close()


async def test_a_file_found_damaged_is_not_written_to_until_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.db"
    memories = await make(path, None, tmp_path / "b")
    overwrite_page(path, None, "memories_by_tier")
    database = await Database.open(path)
    with pytest.raises(UserError, match="damaged") as told:
        await Upkeep(database, lambda: True).check()
    assert "doctor --fix" in told.value.failure.advice
    with pytest.raises(UserError, match="nothing was changed"):
        await MemoryStore(database, None).remember(NewMemory("said into a damaged file"))
    await database.close()

    monkeypatch.setattr("openclaw_desktop.storage.database.READ_AT_ONCE_BYTES", 0)  # however large it is
    assert await read(path, None) == memories
    database = await Database.open(path)
    await MemoryStore(database, None).remember(NewMemory("said into the mended one"))
    await Upkeep(database, lambda: True).check()
    await database.close()


async def test_a_copy_that_came_out_wrong_says_nothing_about_the_file(tmp_path: Path) -> None:
    def fail(_: apsw.Connection) -> None:
        raise apsw.CorruptError("the copy is not like the original")

    database = await Database.open(tmp_path / "m.db")
    with pytest.raises(UserError, match="not like the original"):
        await database.beside(fail)
    await MemoryStore(database, None).remember(NewMemory("still written"))
    await database.close()
    assert [one.name for one in tmp_path.iterdir()] == ["m.db"]


async def test_an_erasure_on_a_disk_that_is_full_says_what_is_left_to_do(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "m.db")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database, "maintain", refuse_for_room)
        with pytest.raises(UserError, match="deleted, but not yet erased"):
            await database.erase_traces()
    await database.close()


async def refuse_for_room(_: object) -> None:
    raise explain(apsw.FullError("no room"), Path("m.db"))


async def test_what_can_be_made_anew_is_not_set_aside_for_want_of_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.db"
    memories = await make(path, None, tmp_path / "b")
    damage = overwrite_page(path, None, "memories_by_time")
    path.with_name("m.db.suspect").touch()
    with monkeypatch.context() as patched:
        patched.setattr("openclaw_desktop.storage.repair._copy", raise_full)
        with pytest.raises(UserError, match="disk is full") as told:
            await read(path, None)
    assert told.value.failure.code == "disk_full"
    assert path.read_bytes() == damage and files_aside(path) == []
    assert await read(path, None) == memories


def raise_full(*_: object) -> None:
    raise apsw.FullError("no room")


async def test_a_wrong_key_a_lock_or_no_right_to_read_moves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, encrypted = tmp_path / "p.db", tmp_path / "e.db"
    await make(plain, None, tmp_path / "b")
    await make(encrypted, b"k" * 32, tmp_path / "b")
    for path, key in ((plain, b"x" * 32), (encrypted, None), (encrypted, b"x" * 32)):
        before = path.read_bytes()
        with pytest.raises(UserError):
            await read(path, key)
        assert path.read_bytes() == before
    monkeypatch.setattr("openclaw_desktop.storage.database.BUSY_TIMEOUT_MS", 10)
    other = apsw.Connection(str(plain))
    other.pragma("locking_mode", "exclusive")
    other.execute("begin exclusive")
    plain.with_name("p.db.suspect").touch()
    with pytest.raises(UserError, match="locked"):
        await read(plain, None)
    other.close()
    assert files_aside(plain) == files_aside(encrypted) == []


async def test_a_damaged_index_of_words_is_built_anew(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    memories = await make(path, None, tmp_path / "b")
    database = await Database.open(path)
    await database.write(lambda c: fetch(c, "delete from memories_fts_data where id > 100"))
    with pytest.raises(UserError, match="damaged"):
        await database.rows("select rowid from memories_fts where memories_fts match 'fact'")
    await database.close()
    assert await read(path, None) == memories
    database = await Database.open(path)
    assert len(await database.rows("select rowid from memories_fts where memories_fts match 'fact'")) == len(memories)
    await database.close()
    assert files_aside(path) == []


async def test_what_was_erased_stays_erased_after_a_restore(tmp_path: Path) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    memories = await make(path, None, copies)
    first, second, *rest = memories
    database = await Database.open(path)
    sql = "insert or ignore into erased_memories (memory_id, erased_at) values (?, '')"
    await database.write(lambda c: fetch(c, sql, (first,)))
    await database.close()
    note_erased(copies, [second])

    def replay(connection: apsw.Connection, ids: list[str]) -> None:
        for one in ids:
            fetch(connection, "delete from memories where id = ?", (one,))

    done = restore(path, find_copy(copies, "latest", None), copies, None, replay)
    assert done.erased == 2 and done.kept is not None and "before-restore" in done.kept.name
    assert set(await read(path, None)) == set(rest)
    assert memories[first].encode() not in path.read_bytes(), "no byte of it comes back"


# Ends the process by kill -9 at its n-th flush or rename.
KILLED = """
import os, signal, sys
from pathlib import Path
from openclaw_desktop.storage.recovery import find_copy, restore

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

copy = find_copy(copies, sys.argv[4], None)
os.fsync, Path.rename, Path.replace = counted(os.fsync), counted(Path.rename), counted(Path.replace)
restore(path, copy, copies, None, lambda connection, ids: None)
"""


async def test_a_restore_that_is_killed_leaves_the_old_memory_or_the_copy(tmp_path: Path) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    old = await make(path, None, copies)
    name = find_copy(copies, "latest", None).name
    database = await Database.open(path)
    await MemoryStore(database, None).remember(NewMemory("said since"))
    await database.close()
    new, present = path.read_bytes(), len(old) + 1
    sizes = set()
    for place in range(1, 100):
        path.write_bytes(new)
        ended = subprocess.run(
            [sys.executable, "-c", KILLED, str(path), str(copies), str(place), name], timeout=60, check=False
        )
        sizes.add(len(await read(path, None)))
        assert sizes <= {present, len(old)}
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
    assert place > 6 and sizes == {present, len(old)}
    assert {one.name for one in tmp_path.iterdir()} <= {"m.db", "m.db.restoring-partial", "b"}


def test_by_hand_with_the_sentences_that_a_person_reads(program: Program) -> None:
    kept = json.loads(program.run("remember", "the cat is called Miau", "--json").done().out)["id"]
    program.run("backup", "restore", "latest", "--yes").failed("no good copy", "backup list")
    program.run("backup", "create").done()
    path = program.home / "data" / "openclaw.db"
    whole = path.read_bytes()
    path.write_bytes(whole[: 5 * PAGE] + os.urandom(len(whole) - 5 * PAGE))
    path.with_name("openclaw.db-wal").touch()
    program.run("recall", "cat").failed("is damaged", "kept as openclaw.db.damaged-", "backup restore latest")
    program.run("serve").failed("nothing is in its place", "backup restore latest")
    listed = program.run("backup", "list", "--json").done().document["backups"]
    assert [backup["ok"] for backup in listed] == [True], "that is when the list is needed"
    program.run("backup", "restore", "latest").failed("Nothing was changed", "--yes", code=4)
    fixed = program.run("doctor", "--fix").done()
    assert "Miau" not in fixed.out and "openclaw.db.damaged-" in fixed.out
    assert [hit["id"] for hit in program.run("recall", "cat", "--json").done().document["hits"]] == [kept]

    agent = program.serve()
    program.run("backup", "create").done()
    program.run("backup", "restore", "latest", "--yes").failed("agent is running", "End it")
    agent.stop()
    program.run("backup", "restore", "nonsense", "--yes").failed("no backup nonsense", "backup list")
    restored = program.run("backup", "restore", "latest", "--yes", "--json").done().document
    assert restored["kept"].endswith("before-restore.db") and Path(restored["kept"]).exists()
    assert program.run("recall", "cat", "--json").done().document["hits"]


def test_the_doctor_mends_what_is_made_from_the_memories(program: Program) -> None:
    program.run("remember", "the cat is called Miau").done()
    program.run("backup", "create").done()
    program.run("remember", "the dog is called Wuff").done()
    overwrite_page(program.home / "data" / "openclaw.db", None, "memories_by_tier")
    doctor = program.run("doctor")
    assert doctor.code == 1 and "is damaged" in doctor.out and "doctor --fix" in doctor.out
    doctor = program.run("doctor", "--fix")
    assert "is whole; a damaged one from before is kept as openclaw.db.damaged-" in doctor.out, doctor
    assert "Wuff" in program.run("recall", "dog").done().out


def test_a_forgotten_memory_does_not_come_back_with_a_copy_from_before(program: Program, tmp_path: Path) -> None:
    canary = "zanzibar-canary"
    kept = program.run("remember", f"the code is {canary}", "--json").done().document["id"]
    program.run("remember", "the cat is called Miau").done()
    name = program.run("backup", "create", "--json").done().document["name"]
    copy = program.home / "backups" / name
    shutil.copyfile(copy, tmp_path / name)
    program.run("forget", kept).done()
    shutil.copyfile(tmp_path / name, copy)  # as from a disk that was not there when it was forgotten
    program.run("backup", "restore", name, "--yes").done()
    assert program.run("recall", "cat", "--json").done().document["hits"]
    hits = program.run("recall", "code", "--json").done().document["hits"]
    assert canary not in json.dumps(hits)
    assert canary.encode() not in (program.home / "data" / "openclaw.db").read_bytes()


async def test_a_copy_under_another_key_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    await make(path, b"k" * 32, copies)
    with pytest.raises(UserError, match="no good copy"):
        find_copy(copies, "latest", b"x" * 32)
    name = find_copy(copies, "latest", b"k" * 32).stem
    with pytest.raises(UserError, match="another key"):
        find_copy(copies, name, None)
    connection = connect(copies / f"{name}.db", b"k" * 32)
    assert connection.pragma("integrity_check", 1) == "ok"
    connection.close()


async def test_the_log_of_a_file_that_is_gone_does_not_get_into_the_restored_one(tmp_path: Path) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    memories = await make(path, None, copies)
    database = await Database.open(path)
    await database.write(lambda connection: fetch(connection, "delete from memories"))
    log = path.with_name("m.db-wal").read_bytes()
    await database.close()
    path.unlink()
    path.with_name("m.db-wal").write_bytes(log)
    restore(path, find_copy(copies, "latest", None), copies, None, nothing)
    assert not path.with_name("m.db-wal").exists()
    assert await read(path, None) == memories


async def test_a_restore_that_fails_leaves_nothing_of_what_was_erased(tmp_path: Path) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    await make(path, None, copies)
    note_erased(copies, ["mem_gone"])

    def fail(connection: apsw.Connection, ids: list[str]) -> None:
        raise apsw.FullError("no room")

    with pytest.raises(apsw.FullError):
        restore(path, find_copy(copies, "latest", None), copies, None, fail)
    assert {one.name for one in tmp_path.iterdir()} == {"m.db", "b"}
    left = [path.with_name(f"m.db.restoring-partial{suffix}") for suffix in ("", "-journal")]
    for one in left:  # of one that was killed
        one.write_bytes(b"canary")
    await read(path, None)
    assert not any(one.exists() for one in left)
