"""The folders that ever held copies: kept while they may hold some, and told from what stands where a disk was."""

from pathlib import Path

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.storage.backup import BY_HAND, BackupPlan, list_backups, noted_erasures
from openclaw_desktop.storage.copy_folders import LIST, MARK, is_there, note_folder, noted_folders
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.housekeeping import Housekeeping

COPY = "openclaw-20260101T000000Z-daily.db"


def test_a_folder_stays_noted_until_it_is_seen_to_be_empty(tmp_path: Path) -> None:
    first, second, unplugged = tmp_path / "first", tmp_path / "second", tmp_path / "unplugged"
    note_folder(tmp_path, None)
    note_folder(tmp_path, first)
    assert noted_folders(tmp_path) == () and not (tmp_path / LIST).exists(), "it never was there"
    for folder in (first, second):
        folder.mkdir()
        note_folder(tmp_path, folder)
        (folder / COPY).touch()
    assert noted_folders(tmp_path) == (first, second)
    first.rename(unplugged)
    note_folder(tmp_path, second)
    assert noted_folders(tmp_path) == (first, second)
    first.mkdir()
    note_folder(tmp_path, None)
    assert noted_folders(tmp_path) == (first, second), "an empty folder where the disk was says nothing"
    first.rmdir()
    unplugged.rename(first)
    (first / COPY).unlink()
    note_folder(tmp_path, None)
    assert noted_folders(tmp_path) == (second,) and list(first.iterdir()) == []


def test_an_empty_folder_in_the_place_of_a_known_one_is_none(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    assert is_there(disk, tmp_path), "one that was never noted is the user's word"
    plan = BackupPlan(disk, chosen=True, data=tmp_path)
    plan.check_folder()
    note_folder(tmp_path, disk)
    assert is_there(disk, tmp_path)
    disk.rename(tmp_path / "unplugged")
    disk.mkdir()
    note_folder(tmp_path, disk)
    assert not is_there(disk, tmp_path) and list(disk.iterdir()) == [], "it gets no mark by being looked at"
    with pytest.raises(UserError, match="its disk may be missing") as told:
        plan.check_folder()
    assert MARK in told.value.failure.advice
    (disk / MARK).touch()
    plan.check_folder()


def test_copies_from_before_there_were_marks_are_a_mark(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / COPY).touch()
    (tmp_path / LIST).write_text(f'["{disk.as_posix()}"]')
    assert is_there(disk, tmp_path)
    note_folder(tmp_path, None)
    assert (disk / MARK).exists()


async def test_no_copy_is_made_on_a_bare_mount_point_and_what_is_forgotten_stays_owed(tmp_path: Path) -> None:
    data, disk, away = tmp_path / "data", tmp_path / "disk", tmp_path / "away"
    for folder in (data, disk):
        folder.mkdir()
    database = await Database.open(data / "m.db")
    plan = BackupPlan(disk, chosen=True, data=data)
    memories = MemoryStore(database, None)
    memories.erasing.backups = plan.folders

    async def on_return() -> None:
        await memories.erasing.finish(patient=True)

    keeper = Housekeeping(database, plan, lambda: False, on_return=on_return)
    gone = await memories.remember(NewMemory("the code is zanzibar-canary"))
    await keeper.copy_now(BY_HAND)
    disk.rename(away)
    disk.mkdir()
    receipt = await memories.erasing.erase([gone])
    assert str(disk) in receipt.pending and "could not be reached" in receipt.pending
    assert await memories.erasing.finish(patient=True)
    await keeper.do("backup")
    assert "its disk may be missing" in keeper.backup_problem and list(disk.iterdir()) == []
    disk.rmdir()
    away.rename(disk)
    await keeper.do("backup")
    assert keeper.backup_problem == "" and gone in noted_erasures(disk)
    assert not any(b"zanzibar-canary" in copy.read_bytes() for copy in list_backups(disk))
    await database.close()


@pytest.mark.parametrize("content", [b"", b"{", b"7", b"null", b"\xff", b'["a\\u0000b", 7]'])
def test_a_list_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / LIST).write_bytes(content)
    assert noted_folders(tmp_path) == ()
