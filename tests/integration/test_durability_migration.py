"""A migration killed, or failing, at each of its statements: the next start migrates again, and nothing is lost."""

from __future__ import annotations

import shutil
import signal
import struct
import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from counts import FULL

from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.storage.backup import is_good, list_backups
from openclaw_desktop.storage.connection import connect
from openclaw_desktop.storage.database import Database, fetch
from openclaw_desktop.storage.migrations import schema_files

NEWEST = len(schema_files())
ROWS = 25
# Forks a process for each place; it migrates its own copy of the file and ends at that statement, one way or the other.
KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from openclaw_desktop.storage.connection import connect
from openclaw_desktop.storage.migrations import migrate

base, folder, key = Path(sys.argv[1]), Path(sys.argv[2]), bytes.fromhex(sys.argv[3]) or None
how, first, step = sys.argv[4:]

def attempt(path, place):
    count = 0

    def trace(cursor, sql, bindings):
        nonlocal count
        count += 1
        if count > place:
            if how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("stopped")
        return True

    connection = connect(path, key)
    connection.pragma("journal_mode", "wal")
    connection.exec_trace = trace
    try:
        migrate(connection, path, path.parent / "b")
    except RuntimeError:
        os._exit(1)
    os._exit(0)

place = int(first)
while True:
    work = folder / f"{place:04d}"
    work.mkdir(parents=True)
    shutil.copyfile(base, work / "m.db")
    if (pid := os.fork()) == 0:
        attempt(work / "m.db", place)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(place, code, flush=True)
    if code == 0:
        break
    place += int(step)
"""


def old_file(path: Path, key: bytes | None, version: int) -> None:
    """Make a file as an earlier version left it, with rows in every table that matters, words and vectors."""
    path.touch()
    connection = connect(path, key)
    for number, file in enumerate(schema_files()[:version], start=1):
        with connection:
            connection.execute(file.read_text(encoding="utf-8"))
            connection.pragma("user_version", number)
    if version == 3:
        with connection:
            fill(connection)
    connection.close()


def fill(connection: apsw.Connection) -> None:
    for number in range(ROWS):
        turn, moment = f"turn_{number}", f"2026-05-{number + 1:02d}T10:00:00.000+00:00"
        fetch(connection, "insert into conversations values (?, ?, ?)", (f"ses_{number}", moment, moment))
        fetch(
            connection,
            "insert into messages (conversation_id, turn_id, role, text, integrity, confidentiality, created_at)"
            " values (?, ?, 'user', ?, 'user', 'private', ?)",
            (f"ses_{number}", turn, f"message {number}", moment),
        )
        fetch(
            connection,
            "insert into memories (id, tier, kind, text, date_words, turn_id, importance, integrity, confidentiality,"
            " created_at, access_count) values (?, 'medium', 'fact', ?, 'may 2026', ?, 0.8, 'user', 'private', ?, ?)",
            (f"mem_{number}", f"fact {number} about zanzibar", turn, moment, number),
        )
        fetch(connection, "insert into grants values (?, 'file:read', ?, ?)", (str(number), f"/{number}", moment))
    fetch(connection, "delete from memories where id = 'mem_7'")
    fetch(connection, "insert into vector_engines (id, name, version, dimension) values (1, 'old', '1', 8)")
    fetch(connection, "create virtual table vectors_1 using vec0 (vector float[8] distance_metric=cosine)")
    for (rowid,) in fetch(connection, "select rowid from memories"):
        values = (rowid, struct.pack("8f", *range(rowid, rowid + 8)))
        fetch(connection, "insert into vectors_1 (rowid, vector) values (?, ?)", values)


def end_at_each(base: Path, folder: Path, key: bytes | None, how: str, step: int) -> list[Path]:
    """Return the folders of the attempts, each ended one statement later; the last one came through."""
    command = [sys.executable, "-c", KILLED, str(base), str(folder), (key or b"").hex(), how, "0", str(step)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    codes = [int(line.split()[1]) for line in ended.stdout.splitlines()]
    assert set(codes[:-1]) == {-signal.SIGKILL if how == "kill" else 1} and codes[-1] == 0
    return sorted(folder.iterdir())


async def look_into(work: Path, key: bytes | None, rows: int) -> None:
    database = await Database.open(work / "m.db", key=key, backups=work / "b")
    try:
        assert await database.read(lambda c: c.pragma("user_version")) == NEWEST
        assert await database.read(lambda c: c.pragma("integrity_check", 5)) == "ok"
        kept = await database.rows("select id, text, importance, access_count, tier, kind from memories order by rowid")
        expected = [(f"mem_{n}", f"fact {n} about zanzibar", 0.8, n, "medium", "fact") for n in range(rows) if n != 7]
        assert kept == expected
        for table in ("conversations", "messages", "grants"):
            assert await database.rows(f"select count(*) from {table}") == [(rows,)]
        found = await database.rows("select count(*) from memories_fts where memories_fts match 'zanzibar may'")
        assert found == [(len(expected),)], "the words are found as before"
        memories = MemoryStore(database, None)
        new = await memories.remember(NewMemory("a fact after the update"))
        assert any(hit.id == new for hit in await memories.recall("fact after update"))
    finally:
        await database.close()


@pytest.mark.parametrize("how", ["kill", "error"])
@pytest.mark.parametrize("key", [None, b"k" * 32], ids=["plain", "encrypted"])
async def test_from_version_3_with_all_its_rows(tmp_path: Path, key: bytes | None, how: str) -> None:
    base = tmp_path / "base.db"
    old_file(base, key, 3)
    attempts = end_at_each(base, tmp_path / "w", key, how, 1 if FULL else 5)
    assert len(attempts) > (40 if FULL else 8)
    for work in attempts:
        await look_into(work, key, ROWS)
        copy = list_backups(work / "b")[0]
        assert "before-0004" in copy.name and is_good(copy, key)
        old = connect(copy, key, apsw.SQLITE_OPEN_READONLY)
        assert old.pragma("user_version") == 3
        assert fetch(old, "select count(*) from memories") == [(ROWS - 1,)]
        assert fetch(old, "select count(*) from vectors_1") == [(ROWS - 1,)]
        old.close()
        shutil.rmtree(work)


@pytest.mark.parametrize("version", [0, 1, 2])
async def test_from_the_versions_before(tmp_path: Path, version: int) -> None:
    base = tmp_path / "base.db"
    old_file(base, None, version)
    for work in end_at_each(base, tmp_path / "w", None, "kill", 1 if FULL else 10):
        await look_into(work, None, 0)
        assert list_backups(work / "b") or version == 0, "only a file without tables needs no copy"
        shutil.rmtree(work)


async def test_a_copy_that_cannot_be_made_stops_the_migration_before_it_begins(tmp_path: Path) -> None:
    path, blocked = tmp_path / "m.db", tmp_path / "b"
    old_file(path, None, 3)
    blocked.write_text("a file where the folder should be")
    with pytest.raises(Exception, match=r"disk|cannot be written"):
        await Database.open(path, backups=blocked)
    connection = connect(path, None)
    assert connection.pragma("user_version") == 3
    connection.close()
