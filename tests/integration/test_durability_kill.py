"""kill -9 at random moments, while it remembers, forgets, changes facts and backs up: nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from agent_process import DEADLINE_S
from counts import count

from openclaw_desktop.storage.backup import clear_partials, is_good, list_backups
from openclaw_desktop.storage.database import Database

KILLS = count("kill -9 while it remembers, forgets, changes facts and backs up", 200)

# One process that has imported all forks a worker for each line it reads, so that a round costs a fork and no start.
NURSERY = """
import asyncio, os, random, signal, sys
from pathlib import Path
from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.storage.backup import back_up, rewrite_backups
from openclaw_desktop.storage.database import Database, fetch

folder = Path(sys.argv[1])
key = bytes.fromhex(sys.argv[2]) or None

def tell(*words):
    os.write(1, (" ".join(words) + "\\n").encode())

async def work(seed):
    chance = random.Random(seed)
    database = await Database.open(folder / "m.db", key=key, backups=folder / "b")
    store = MemoryStore(database, None)
    tell("open")
    kept = [one for (one,) in await database.rows("select id from memories where source = 'test'")]

    def text():
        return "fact " + " ".join(f"w{chance.randrange(500)}" for _ in range(chance.choice([5, 30, 900])))

    def pair(connection):
        value = str(chance.random())
        connection.execute("delete from memory_state").fetchall()
        fetch(connection, "insert into memory_state values ('left', ?), ('right', ?)", (value, value))

    def change(connection):
        connection.execute("update memory_state set value = 'rewritten'").fetchall()
        return connection.changes() > 0

    async def remember():
        for _ in range(10_000):
            ids = await store.remember_many([NewMemory(text(), source="test") for _ in range(chance.choice([1, 1, 5]))])
            kept.extend(ids)
            tell("kept", *ids)
            if kept and chance.random() < 0.2:
                gone = kept.pop(chance.randrange(len(kept)))
                tell("going", gone)
                await store.forget([gone])
                tell("gone", gone)
            if chance.random() < 0.3:
                await database.write(pair)
            if chance.random() < 0.1:
                await database.checkpoint()

    async def back_up_often():
        while True:
            copy = await database.beside(lambda c: back_up(c, folder / "b", "hourly"))
            tell("copied", copy.name)
            await asyncio.to_thread(rewrite_backups, folder / "b", key, change)

    await asyncio.gather(remember(), remember(), back_up_often())

for line in sys.stdin:
    if (pid := os.fork()) == 0:
        asyncio.run(work(int(line)))
    tell("pid", str(pid))
    _, status = os.waitpid(pid, 0)
    tell("ended", str(os.waitstatus_to_exitcode(status)))
"""


class Nursery:
    def __init__(self, folder: Path, key: bytes | None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY, str(folder), (key or b"").hex()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        self._lines: list[str] = []
        self._rest = b""

    def begin(self, seed: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seed}\n".encode())

    def next(self) -> list[str]:
        """Return the words of the next line."""
        assert self._process.stdout is not None
        while not self._lines:
            ready, _, _ = select.select([self._process.stdout], [], [], DEADLINE_S)
            chunk = self._process.stdout.read(1 << 16) if ready else b""
            assert chunk, "the nursery says no more"
            *whole, self._rest = (self._rest + chunk).split(b"\n")
            self._lines += [line.decode() for line in whole]
        return self._lines.pop(0).split()

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(DEADLINE_S)
        assert self._process.stdout is not None
        self._process.stdout.close()


def run_and_kill(nursery: Nursery, chance: random.Random, seed: int, told: dict[str, set[str]]) -> None:
    """Let a worker tell so much that it was done, kill it, and hear what else it had told."""
    enough, heard, pid, was_open = chance.randint(1, 60), 0, 0, False
    nursery.begin(seed)
    while True:
        what, *about = nursery.next()
        if what == "ended":
            assert about == [str(-signal.SIGKILL)], "it was killed, and did not fail"
            return
        if what == "pid":
            pid = int(about[0])
        elif what == "open":
            was_open = True
        else:
            told[what].update(about)
            heard += 1
        if pid and heard >= enough and was_open:
            os.kill(pid, signal.SIGKILL)
            enough = 1 << 30


async def look_into(path: Path, key: bytes | None, told: dict[str, set[str]]) -> None:
    database = await Database.open(path, key=key)
    try:
        assert await database.read(lambda c: c.pragma("integrity_check", 5)) == "ok"
        ids = {row[0] for row in await database.rows("select id from memories where source = 'test'")}
        words = await database.rows("select count(*) from memories_fts where memories_fts match 'fact'")
        pair = await database.rows("select count(*), count(distinct value) from memory_state")
    finally:
        await database.close()
    assert told["kept"] - told["going"] <= ids, "what was acknowledged is there"
    assert not told["gone"] & ids, "what was erased is not"
    assert words == [(len(ids),)], "the words are those of the rows"
    assert pair in ([(0, 0)], [(2, 1)]), "a transaction is there whole or not at all"


async def rounds(folder: Path, key: bytes | None, number: int, first_seed: int) -> dict[str, set[str]]:
    chance = random.Random(first_seed)
    told: dict[str, set[str]] = {"kept": set(), "going": set(), "gone": set(), "copied": set()}
    nursery = Nursery(folder, key)
    try:
        for seed in range(first_seed, first_seed + number):
            run_and_kill(nursery, chance, seed, told)
            await look_into(folder / "m.db", key, told)
            copies = list_backups(folder / "b")
            assert told["copied"] <= {copy.name for copy in copies}
            for copy in copies:
                assert is_good(copy, key), "old or new, and whole"
                copy.unlink()
            told["copied"].clear()
    finally:
        nursery.end()
    return told


@pytest.mark.parametrize("first_seed", [0, 1000, 2000])
async def test_nothing_acknowledged_is_lost(tmp_path: Path, first_seed: int) -> None:
    told = await rounds(tmp_path, None, KILLS // 4, first_seed)
    assert len(told["kept"]) > KILLS // 4 and told["gone"]


async def test_nor_in_an_encrypted_file(tmp_path: Path) -> None:
    told = await rounds(tmp_path, b"k" * 32, KILLS // 4, 3000)
    assert told["kept"]
    head = (tmp_path / "m.db").read_bytes()
    assert b"SQLite format 3" not in head


def test_half_a_copy_left_by_a_kill_is_no_copy_and_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "openclaw-20261124T120000Z-hourly.123.partial").write_bytes(b"half")
    (tmp_path / "openclaw-20261124T120000Z-hourly.123.partial-journal").write_bytes(b"half")
    whole = tmp_path / "openclaw-20261124T120000Z-hourly.db"
    connection = apsw.Connection(str(whole))
    connection.execute("create table t (x)")
    connection.close()
    assert list_backups(tmp_path) == [whole]
    clear_partials(tmp_path)
    assert [*tmp_path.iterdir()] == [whole]
