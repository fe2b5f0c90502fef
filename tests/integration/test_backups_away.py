"""Copies on a disk that is not plugged in while something is forgotten or the key changed: told, and made good."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from agent_process import Program
from key_changes import CANARY, KeyHome, add

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.memory.erasures import unfinished
from openclaw_desktop.service.memory import file_key as file_key_desk
from openclaw_desktop.storage.backup import BY_HAND, back_up, is_good, list_backups
from openclaw_desktop.storage.copy_folders import note_folder
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.recovery import discard_aside, set_aside


def holding(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]


async def test_a_disk_that_was_away_at_a_forget_is_told_of_and_made_good_when_it_is_back(tmp_path: Path) -> None:
    disk, home, away = tmp_path / "disk", tmp_path / "home", tmp_path / "away"
    home.mkdir()
    database = await Database.open(tmp_path / "m.db")
    memories = MemoryStore(database, None)
    memories.erasing.backups = (disk, home)
    gone, _ = await memories.remember_many([NewMemory(f"the key is under {CANARY}"), NewMemory("the cat is Miau")])
    await database.maintain(lambda connection: back_up(connection, disk, BY_HAND))
    disk.rename(away)
    receipt = await memories.erasing.erase([gone])
    assert str(disk) in receipt.pending and "could not be reached" in receipt.pending
    assert CANARY not in receipt.pending and holding(away)
    assert await unfinished(database) == () and await memories.erasing.finish(), "nothing to do until it is back"
    away.rename(disk)
    assert await memories.erasing.finish(patient=True)
    assert holding(tmp_path) == [] and [is_good(copy, None) for copy in list_backups(disk)] == [True]
    assert await unfinished(database) == ()
    times = [copy.stat().st_ino for copy in list_backups(disk)]
    assert await memories.erasing.finish(patient=True)
    assert [copy.stat().st_ino for copy in list_backups(disk)] == times, "once"
    await database.close()


async def test_a_damaged_file_that_was_kept_is_named_by_a_forget_and_goes_when_the_user_says(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    database = await Database.open(path)
    await MemoryStore(database, None).remember(NewMemory(f"the key is under {CANARY}"))
    await database.close()
    (tmp_path / "m.db-wal").write_bytes(b"what a crash leaves")
    kept = set_aside(path)
    with pytest.raises(UserError, match="Nothing is in the place"):
        discard_aside(path)
    path.touch()
    database = await Database.open(path)
    memories = MemoryStore(database, None)
    gone = await memories.remember(NewMemory(f"the key is under {CANARY} again"))
    receipt = await memories.erasing.erase([gone])
    assert str(kept) in receipt.pending and "backup discard" in receipt.pending
    assert await unfinished(database) == () and holding(tmp_path) == [kept]
    assert discard_aside(path) == [kept]
    assert holding(tmp_path) == [] and not any("damaged" in one.name for one in tmp_path.iterdir())
    await database.close()


def test_the_verb_that_discards_asks_first(program: Program) -> None:
    program.run("remember", "the cat is called Miau").done()
    assert program.run("backup", "discard", "--yes").done().err == "No damaged file was kept aside here.\n"
    aside = program.home / "data" / "openclaw.db.damaged-20260101T000000Z"
    aside.write_bytes(b"damaged")
    program.run("backup", "discard").failed("Nothing was deleted", "--yes", code=4)
    assert program.run("backup", "discard", "--yes", "--json").done().document == {"removed": [str(aside)]}
    assert not aside.exists()


async def test_a_disk_that_missed_a_change_of_the_key_gets_it_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, away = tmp_path / "disk", tmp_path / "away"
    disk.mkdir()
    home = KeyHome(tmp_path / "home", (disk,))
    async with home.open() as (database, desk):
        await desk.change("on", None, None)
        await database.write(add)
        await database.maintain(lambda connection: back_up(connection, disk, BY_HAND))
        first = database.key
        disk.rename(away)
        assert (await desk.change("new_key", None, None)).left == (str(disk),)
        assert set(home.ring.kept()) == {first, database.key}, "the copies there still need the first"

        def fail(name: str) -> None:
            if name == "copy written":
                raise OSError(28, "No space left on device")

        with monkeypatch.context() as full:
            full.setattr(file_key_desk.encryption, "step", fail)
            with pytest.raises(UserError, match="is full"):
                await desk.change("new_key", None, None)
        assert set(home.ring.kept()) == {first, database.key}, "nor does a change that fails take it away"
        away.rename(disk)
        await desk.catch_up()
        (copy,) = list_backups(disk)
        assert is_good(copy, database.key) and home.ring.kept() == [database.key]
        disk.rename(away)
        await desk.change("new_code", None, None)
        away.rename(disk)
        before = disk.joinpath("openclaw.key.json").read_bytes()
    with monkeypatch.context() as large:
        large.setattr(file_key_desk, "AT_ONCE_BYTES", 0)
        async with home.open():
            assert disk.joinpath("openclaw.key.json").read_bytes() == before, "no start waits for much"
    async with home.open():
        records = {place.joinpath("openclaw.key.json").read_bytes() for place in (home.file.parent, disk)}
        assert len(records) == 1, "a start brings the record up to date"


async def test_a_bare_mount_point_does_not_pass_for_the_disk_when_the_key_changes(tmp_path: Path) -> None:
    disk, away = tmp_path / "disk", tmp_path / "away"
    disk.mkdir()
    home = KeyHome(tmp_path / "home", (disk,))
    async with home.open() as (database, desk):
        await desk.change("on", None, None)
        note_folder(database.path.parent, disk)
        await database.maintain(lambda connection: back_up(connection, disk, BY_HAND))
        first = database.key
        disk.rename(away)
        disk.mkdir()
        assert (await desk.change("new_key", None, None)).left == (str(disk),)
        assert set(home.ring.kept()) == {first, database.key}, "the copies on the disk still need the first"


def test_a_folder_that_was_named_before_is_followed(program: Program, tmp_path: Path) -> None:
    disk, key_file = tmp_path / "disk", tmp_path / "key"
    disk.mkdir()
    settings = program.home / "config" / "settings.toml"
    kept = program.run("remember", f"the code is {CANARY}", "--json").done().document["id"]
    settings.write_text(f"[backup]\nfolder = {json.dumps(str(disk))}\n")
    program.run("backup", "create").done()
    program.run("memory", "encrypt", "--to", "file", str(disk / "key")).failed("would lie beside", code=2)
    settings.write_text("")
    assert holding(disk)
    program.run("memory", "encrypt", "--to", "file", str(disk / "key")).failed("would lie beside", code=2)
    program.run("memory", "encrypt", "--to", "file", str(key_file)).done()
    assert holding(tmp_path) == []
    disk.rename(tmp_path / "away")
    assert str(disk) in program.run("forget", kept, "--yes").done().err
    (tmp_path / "away").rename(disk)
    program.run("status").done()
    copies = list_backups(disk)
    assert len(copies) == 1 and all(is_good(copy, bytes.fromhex(key_file.read_text())) for copy in copies)
    program.run("memory", "decrypt").done()
    assert holding(tmp_path) == []
