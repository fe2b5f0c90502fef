"""A restore and a list of copies where keys differ, are lost, or were never there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import apsw
import pytest
from agent_process import Program
from key_changes import CANARY

from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.storage.backup import DAILY, back_up, is_good, list_backups
from openclaw_desktop.storage.database import Database, fetch
from openclaw_desktop.storage.encryption import file_state, rewrite_copy
from openclaw_desktop.storage.recovery import files_aside, find_copy, restore

FACT = f"The spare key lies under {CANARY}"
PLAIN_NAME = "openclaw-20990101T000000Z-by-hand.db"


@pytest.fixture
def code(program: Program, tmp_path: Path) -> str:
    """Make an encrypted home with a fact and a copy of it, beside which a newer copy lies that is plain."""
    program.run("remember", FACT).done()
    program.run("backup", "create").done()
    (plain,) = list_backups(program.home / "backups")
    shutil.copyfile(plain, tmp_path / PLAIN_NAME)
    change = program.run("memory", "encrypt", "--to", "file", str(tmp_path / "key"), "--json").done().document
    shutil.copyfile(tmp_path / PLAIN_NAME, program.home / "backups" / PLAIN_NAME)
    return str(change["recovery_code"])


def recalls(program: Program) -> bool:
    return FACT in program.run("recall", "spare key").done().out


def test_latest_is_the_newest_that_the_key_opens_and_a_plain_copy_is_encrypted(program: Program, code: str) -> None:
    copies, file = program.home / "backups", program.home / "data" / "openclaw.db"
    sealed = next(copy for copy in list_backups(copies) if copy.name != PLAIN_NAME)
    assert program.run("backup", "restore", "latest", "--yes", "--json").done().document["name"] == sealed.name
    assert recalls(program)
    ended = program.run("backup", "restore", PLAIN_NAME, "--yes").done()
    assert "not encrypted; the memory is" in ended.out
    assert file_state(file) == "sealed" and CANARY.encode() not in file.read_bytes() and recalls(program)
    notes = {copy["name"]: copy["note"] for copy in program.run("backup", "list", "--json").done().document["backups"]}
    assert notes[PLAIN_NAME] == "not encrypted" and notes[sealed.name] == ""
    for copy in list_backups(copies):
        if copy.name != PLAIN_NAME:
            copy.unlink()
    program.run("backup", "restore", "latest", "--yes").failed("are not encrypted, but the memory was", "name it")
    assert recalls(program)


@pytest.mark.parametrize("lost", ["file gone", "file replaced", "key lost"])
def test_the_copies_are_listed_whatever_is_lost(program: Program, code: str, tmp_path: Path, lost: str) -> None:
    file = program.home / "data" / "openclaw.db"
    if lost == "file gone":
        file.unlink()
    elif lost == "file replaced":
        shutil.copyfile(tmp_path / PLAIN_NAME, file)
    else:
        (tmp_path / "key").unlink()
    why = program.run("recall", "spare").failed()
    listed = program.run("backup", "list").done()
    assert listed.err.strip() == why and len(listed.out.splitlines()) == 2
    sealed = next(line for line in listed.out.splitlines() if PLAIN_NAME not in line)
    assert ("can't be opened" in sealed) == (lost == "key lost") and " MB " in sealed
    if lost != "key lost":
        program.run("backup", "restore", "latest", "--yes").done()
        assert recalls(program)


def test_a_damaged_memory_whose_key_is_lost_comes_back_by_the_code(program: Program, code: str, tmp_path: Path) -> None:
    file = program.home / "data" / "openclaw.db"
    (tmp_path / "key").unlink()
    file.write_bytes(os.urandom(file.stat().st_size))
    before = file.read_bytes()
    program.run("backup", "restore", "latest", "--yes").failed("Nothing was changed", "backup restore latest --code")
    program.run("backup", "restore", "latest", "--yes", "--code", stdin="nonsense").failed("no recovery code", code=2)
    assert file.read_bytes() == before
    ended = program.run("backup", "restore", "latest", "--yes", "--code", stdin=code).done()
    assert "memory recover" in ended.err and files_aside(file)[0].read_bytes() == before
    program.run("memory", "recover", "--to", "file", str(tmp_path / "other"), stdin=code).done()
    assert recalls(program)


async def test_a_present_file_under_another_key_than_the_copy_is_kept_and_its_erasures_stay(tmp_path: Path) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    old, new = b"o" * 32, b"n" * 32
    database = await Database.open(path, key=old)
    gone, kept = await MemoryStore(database, None).remember_many([NewMemory("to be forgotten"), NewMemory("stays")])
    await database.maintain(lambda connection: back_up(connection, copies, DAILY))
    await database.close()
    rewrite_copy(path, old, new)
    database = await Database.open(path, key=new)
    note = "insert or ignore into erased_memories (memory_id, erased_at) values (?, '')"
    await database.write(lambda connection: fetch(connection, note, (gone,)))
    await database.close()

    def replay(connection: apsw.Connection, ids: list[str]) -> None:
        for one in ids:
            fetch(connection, "delete from memories where id = ?", (one,))

    done = restore(path, find_copy(copies, "latest", new, old), copies, new, replay, others=(old,))
    assert done.kept is not None and "before-restore" in done.kept.name and is_good(done.kept, new)
    assert done.erased == 1 and files_aside(path) == []
    database = await Database.open(path, key=new)
    assert await database.rows("select id from memories") == [(kept,)]
    await database.close()
