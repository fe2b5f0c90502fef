"""Erased means erased: of a canary no file holds a byte, however it came in, and wherever kill -9 came between."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import apsw
import pytest
from counts import count

from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.labels import USER
from openclaw_desktop.memory import editing, history
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.memory.transfer import importing
from openclaw_desktop.memory.vectors import codes, lists
from openclaw_desktop.memory.vectors.embedder import WORDLLAMA, Embedder
from openclaw_desktop.memory.vectors.wordllama import WordLlama
from openclaw_desktop.scheduler.job_store import JobStore
from openclaw_desktop.scheduler.jobs import JobPlan, RunOutcome
from openclaw_desktop.scheduler.ledger import Ledger
from openclaw_desktop.scheduler.schedules import CronLine
from openclaw_desktop.storage.backup import back_up
from openclaw_desktop.storage.database import Database

CANARY = "zanzibar-canary"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
Make = Callable[[MemoryStore, Database, Path], Awaitable[str]]


def traces(folder: Path, *needles: bytes) -> list[str]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return sorted({file.name for file in files for needle in needles if needle in file.read_bytes()})


def turn(text: str, number: int, speaker: str = "user") -> NewMemory:
    return NewMemory(text, kind="turn", tier="short", session_id="s", turn_id=f"turn_{number}", speaker=speaker)


async def said(memories: MemoryStore, database: Database, folder: Path) -> str:
    return await memories.remember(turn(f"my locker is {CANARY}", 1))


async def edited(memories: MemoryStore, database: Database, folder: Path) -> str:
    """It stands in the history of changes alone: the text was put right twice."""
    memory_id = await memories.remember(turn("my locker is wrong", 1))
    for text in (f"my locker is {CANARY}", "my locker is right"):
        await database.write(lambda c, text=text: editing.edit(c, memory_id, {"text": text}, NOW))  # type: ignore[misc]
    return memory_id


async def consolidated(memories: MemoryStore, database: Database, folder: Path) -> str:
    """Facts were made of it, one of them was merged into another, and one was dropped."""
    source = await memories.remember(turn(f"my locker is {CANARY}", 1))
    other = await memories.remember(turn("I swim on Mondays", 2))
    fact = await memories.remember(NewMemory(f"locker: {CANARY}", derived_from=(source,)))
    dropped = await memories.remember(NewMemory(f"has a locker {CANARY}", derived_from=(source,)))
    merged = await memories.remember(NewMemory("swims", derived_from=(other,)))

    def change(connection: apsw.Connection) -> None:
        run = history.begin_run(connection, "consolidation", NOW, f"facts about {CANARY}")
        history.note_change(connection, run, dropped, "dropped", history.snapshot(connection, dropped), None)
        connection.execute("delete from memories where id = ?", (dropped,))
        history.change_columns(connection, run, merged, "merged", {"text": f"swims; locker: {CANARY}"})
        connection.execute(
            """insert into memory_sources select m.rowid, s.rowid from memories m, memories s
            where m.id = ? and s.id = ?""",
            (merged, fact),
        )
        history.finish_run(connection, run, NOW)

    await database.write(change)
    return source


async def imported(memories: MemoryStore, database: Database, folder: Path) -> str:
    notes = folder.parent / "notes"
    notes.mkdir()
    (notes / "MEMORY.md").write_text(f"- my locker is {CANARY}\n", encoding="utf-8")
    await importing.run(database, notes, "auto", True, NOW)
    rows = await database.rows("select id from memories where text like '%canary%'")
    return str(rows[0][0])


async def superseded(memories: MemoryStore, database: Database, folder: Path) -> str:
    old = await memories.remember(NewMemory(f"locker: {CANARY}"))
    new = await memories.remember(NewMemory("locker: 4711"))

    def change(connection: apsw.Connection) -> None:
        run = history.begin_run(connection, "correction", NOW)
        history.change_columns(connection, run, old, "superseded", {"superseded_by": new})

    await database.write(change)
    return old


async def told_by_a_job(memories: MemoryStore, database: Database, folder: Path) -> str:
    """A run of a job told it, in a turn of its own."""
    plan = JobPlan("locker", CronLine("0 9 * * *", ZoneInfo("UTC")), "UTC", {"do": "prompt"})
    job = await JobStore(database, SystemClock()).add(plan, USER)
    ledger = Ledger(database, SystemClock(), "test")
    run = await ledger.claim_by_hand(job.id)
    ((_, begun),) = await ledger.begin([(job, run)], {}, {})
    await ledger.finish(job, begun, RunOutcome("done", f"the locker is {CANARY}", USER, turn_id="turn_1"))
    return await memories.remember(turn("what is my locker", 1))


def listed_alone(connection: apsw.Connection) -> list[bytes]:
    """Put each vector of the canary, and of what was said after it, into a list of its own; return all made of them."""
    sql = """select v.engine_id, v.memory_rowid, v.vector from vectors v join memories m on m.rowid = v.memory_rowid
        where m.text like '%canary%' or (m.text = 'and then something' and m.neighbours like '%canary%')"""
    derived = list[bytes]()
    for engine, rowid, vector in connection.execute(sql).fetchall():
        (number,) = lists.add_lists(connection, engine, 1, [vector], coded=False)
        connection.execute("update vectors set list = ? where memory_rowid = ?", (number, rowid))
        codes.code_lists(connection, engine, [number])
        ((entries,),) = connection.execute("select entries from vector_codes where list = ?", (number,)).fetchall()
        derived += [vector, entries]
    return derived


@pytest.mark.parametrize("make", [said, edited, consolidated, imported, superseded, told_by_a_job])
async def test_however_it_came_in_no_byte_of_it_is_left(tmp_path: Path, make: Make) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    database = await Database.open(folder / "m.db")
    engine = Embedder(WORDLLAMA, WordLlama.load, idle_s=600)
    memories = MemoryStore(database, engine)
    memories.erasing.backups = (folder / "backups",)
    try:
        await memories.remember_many([turn(f"something else {n}", 100 + n) for n in range(30)])
        memory_id = await make(memories, database, folder)
        await memories.remember(turn("and then something", 99))
        await memories.recall("something")
        derived = await database.write(listed_alone)
        await database.maintain(lambda c: back_up(c, folder / "backups", "by-hand"))
        await database.checkpoint()
        needles = (CANARY.encode(), *derived)
        assert len(traces(folder, *needles)) >= 2, "the file and its copy hold it"
        receipt = await memories.erasing.erase([memory_id])
        assert receipt.counts["copies"] == 1 and receipt.pending == ""
        assert traces(folder, *needles) == []
        assert (await database.rows("select count(*) from memories where text like 'something%'")) == [(30,)]
    finally:
        await memories.vectors.close()
        engine.close()
        await database.close()
    assert traces(folder, *needles) == []


# An agent that keeps, copies and forgets until it is killed. What it has been told to forget it says before it does.
FORGETFUL = """
import asyncio, sys
from pathlib import Path
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.storage.backup import back_up
from openclaw_desktop.storage.database import Database

async def main(folder):
    database = await Database.open(folder / "m.db")
    memories = MemoryStore(database, None)
    memories.erasing.backups = (folder / "backups",)
    await memories.erasing.finish()
    for number in range(10**6):
        ids = await memories.remember_many(
            [NewMemory(f"locker zanzibar-canary {number} {n} " + "x" * 40 * n, kind="turn", session_id="s",
             turn_id=f"turn_{sys.argv[2]}_{number}_{n}") for n in range(20)]
            + [NewMemory(f"kept {number}", kind="turn", session_id="s", turn_id=f"turn_kept_{number}")])
        print("keep", flush=True)
        await database.beside(lambda c: back_up(c, folder / "backups", f"by-hand-{number}"))
        print("forget", flush=True)
        await memories.forget(ids[:-1])
        print("done", flush=True)

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_kill_9_at_any_moment_leaves_nothing_after_the_next_start(tmp_path: Path) -> None:
    chance = random.Random(20261124)
    for round_ in range(count("kill -9 while erasing", 200)):
        folder = tmp_path / f"round-{round_}"
        folder.mkdir()
        command = [sys.executable, "-c", FORGETFUL, str(folder), str(round_)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(chance.randrange(2, 10)):
            assert process.stdout.readline(), process.communicate()
        # A moment after a word of what it does: within that, or what follows.
        await asyncio.sleep(chance.random() * 0.04)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        await _no_trace_after_start(folder)


async def _no_trace_after_start(folder: Path) -> None:
    database = await Database.open(folder / "m.db")
    memories = MemoryStore(database, None)
    memories.erasing.backups = (folder / "backups",)
    try:
        assert await memories.erasing.finish()
        assert await database.rows("select count(*) from erasures") == [(0,)]
        left = await database.rows("select text from memories where text like 'locker%'")
        erased = await database.rows("select count(*) from erased_memories")
    finally:
        await database.close()
    alive = {text.split()[2] for (text,) in left}
    assert len(left) in (0, 20) and len(alive) <= 1, "an erasure is whole, or not begun"
    if not erased[0][0]:
        return  # killed before it forgot anything: a half-made backup may hold what is alive
    for file in folder.rglob("*"):
        raw = file.read_bytes() if file.is_file() else b""
        for number in alive:
            raw = raw.replace(f"zanzibar-canary {number} ".encode(), b"")
        assert b"canary" not in raw, (file, alive)
