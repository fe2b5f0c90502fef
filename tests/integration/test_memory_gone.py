"""A memory file that is missing or empty while copies lie beside it: nothing is begun in its place without a word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from agent_process import Program

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.memory.erased_rows import replay_erasures
from openclaw_desktop.storage.backup import back_up, list_backups
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.recovery import begin_anew, files_aside, find_copy, prepare_place, restore

GONE = "is gone. Nothing was begun in its place."


def empty(path: Path) -> None:
    path.write_bytes(b"")


WAYS = pytest.mark.parametrize("lose", [empty, Path.unlink], ids=["empty", "missing"])
Lose = Callable[[Path], None]


async def make(path: Path, copies: Path) -> str:
    """Make a file with one memory and a copy of it, and return the memory's id."""
    database = await Database.open(path, backups=copies)
    one = await MemoryStore(database, None).remember(NewMemory("the cat is called Miau"))
    await database.beside(lambda connection: back_up(connection, copies, "daily"))
    await database.close()
    return one


async def ids_of(path: Path, copies: Path) -> list[str]:
    database = await Database.open(path, backups=copies)
    try:
        return [str(one) for (one,) in await database.rows("select id from memories")]
    finally:
        await database.close()


@WAYS
def test_the_verb_says_so_and_brings_the_copy_back(program: Program, lose: Lose) -> None:
    program.run("remember", "the cat is called Miau").done()
    program.run("backup", "create").done()
    path = program.home / "data" / "openclaw.db"
    lose(path)
    for words in (("recall", "cat"), ("remember", "more"), ("serve",)):
        program.run(*words).failed(GONE, "openclaw-agent backup restore latest", str(program.home / "backups"))
    assert not path.exists() or not path.read_bytes()
    doctor = program.run("doctor")
    assert doctor.code == 1 and GONE in doctor.out
    program.run("backup", "list").done()
    said = program.run("backup", "restore", "latest", "--yes").done().out
    assert "damaged" not in said and files_aside(path) == [], "an empty file is nothing to keep"
    assert "Miau" in program.run("recall", "cat").done().out
    lose(path)
    program.run("doctor", "--fix").done()
    assert "Miau" in program.run("recall", "cat").done().out
    lose(path)
    (program.home / "backups").rename(program.home.with_name("elsewhere"))
    assert "Miau" not in program.run("recall", "cat").done().out, "begun anew on the user's word"


@WAYS
async def test_an_empty_memory_is_begun_on_the_users_word(tmp_path: Path, lose: Lose) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    await make(path, copies)
    lose(path)
    begin_anew(path, None)
    assert await ids_of(path, copies) == []


async def test_without_copies_a_first_start_that_was_cut_short_begins_again(tmp_path: Path) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    assert await ids_of(path, copies) == []
    copies.mkdir()
    (copies / "erased.list").touch()
    empty(path)
    assert await ids_of(path, copies) == []


@WAYS
async def test_a_log_beside_it_is_kept_and_gets_into_no_other_file(tmp_path: Path, lose: Lose) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    one = await make(path, copies)
    database = await Database.open(path)
    await database.write(lambda connection: connection.execute("delete from memories").fetchall())
    log = path.with_name("m.db-wal").read_bytes()
    await database.close()
    lose(path)
    path.with_name("m.db-wal").write_bytes(log)
    with pytest.raises(UserError, match="is gone"):
        await ids_of(path, copies)
    assert path.with_name("m.db-wal").read_bytes() == log
    restore(path, find_copy(copies, "latest", None), copies, None, replay_erasures)
    (kept,) = tmp_path.glob("m.db.damaged-*-wal")
    assert kept.read_bytes() == log and await ids_of(path, copies) == [one]


@WAYS
async def test_a_restore_that_was_cut_short_is_finished(tmp_path: Path, lose: Lose) -> None:
    path, copies = tmp_path / "m.db", tmp_path / "b"
    one = await make(path, copies)
    lose(path)
    path.with_name("m.db.restoring").write_bytes(list_backups(copies)[-1].read_bytes())
    prepare_place(path, copies)
    assert await ids_of(path, copies) == [one]
