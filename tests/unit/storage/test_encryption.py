"""Another key for the one file: the old one is open and whole until the new one is, and no plain byte stays."""

import asyncio
import errno
import os
import shutil
import traceback
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.storage import encryption
from openclaw_desktop.storage.backup import DAILY, back_up, is_good
from openclaw_desktop.storage.connection import connect
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.encryption import change_key, clear, file_state, fresh_path, old_path, opens, rewrite_copy

CANARY = b"canary-5f0c81"
KEYS = {"plain": None, "one": bytes(range(32)), "two": os.urandom(32)}
CHANGES = [("plain", "one"), ("one", "two"), ("two", "plain"), ("one", "one")]


def path_of(folder: Path) -> Path:
    # An address in which the letters of a path would mean something else.
    (folder / "a b?c=%41#").mkdir(exist_ok=True)
    return folder / "a b?c=%41#" / "memory.db"


async def filled(path: Path, key: bytes | None) -> Database:
    database = await Database.open(path, key=key)
    await database.write(add)
    return database


def add(connection: apsw.Connection) -> None:
    number = os.urandom(8).hex()
    connection.execute("insert into grants values (?, 'file:read', ?, ?)", (number, number, CANARY.decode()))


async def grants(database: Database) -> int:
    return int((await database.rows("select count(*) from grants"))[0][0])


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(("before", "after"), CHANGES)
async def test_the_open_file_goes_on_under_its_new_key(tmp_path: Path, before: str, after: str) -> None:
    path = path_of(tmp_path)
    database = await filled(path, KEYS[before])
    assert await grants(database) == 1  # the reader has the old file open
    await change_key(database, KEYS[after])
    assert database.encrypted == (after != "plain") and await grants(database) == 1
    await database.write(add)
    assert await grants(database) == 2
    assert opens(old_path(path), KEYS[before]), "the old file stays until its owner says that all is done"
    clear(path)
    await database.close()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name] and path.stat().st_mode & 0o777 == 0o600
    assert file_state(path) == ("plain" if after == "plain" else "sealed")
    assert opens(path, KEYS[after]) and (before == after or not opens(path, KEYS[before]))
    assert (CANARY in bytes_of(tmp_path)) == (after == "plain")
    again = await Database.open(path, key=KEYS[after])
    assert await grants(again) == 2
    await again.close()


async def test_writes_wait_for_the_change_and_none_is_lost(tmp_path: Path) -> None:
    database = await filled(path_of(tmp_path), None)
    writes = [asyncio.create_task(database.write(add)) for _ in range(20)]
    change = asyncio.create_task(change_key(database, KEYS["one"]))
    await asyncio.sleep(0)
    writes += [asyncio.create_task(database.write(add)) for _ in range(20)]
    reads = [asyncio.create_task(grants(database)) for _ in range(20)]
    await asyncio.gather(*writes, *reads, change)
    assert database.encrypted and await grants(database) == 41
    await database.close()


@pytest.mark.parametrize("place", ["copy written", "copy checked", "old kept", "renamed"])
async def test_a_change_that_fails_leaves_the_old_file_open(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_of(tmp_path)
    database = await filled(path, KEYS["one"])

    def fail(name: str) -> None:
        if name == place:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(encryption, "step", fail)
    with pytest.raises(UserError, match="is full"):
        await change_key(database, KEYS["two"])
    assert database.key == KEYS["one"] and await grants(database) == 1
    await database.write(add)
    assert await grants(database) == 2
    await database.close()
    assert opens(path, KEYS["one"]) and not fresh_path(path).exists()


async def test_a_new_file_that_does_not_open_gives_way_to_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_of(tmp_path)
    database = await filled(path, None)

    def damage(name: str) -> None:
        if name == "renamed":
            path.write_bytes(b"x" * 8192)

    monkeypatch.setattr(encryption, "step", damage)
    with pytest.raises(UserError):
        await change_key(database, KEYS["one"])
    assert not database.encrypted and await grants(database) == 1
    await database.close()


def drop_a_row(target: Path, key: bytes | None) -> None:
    connection = connect(target, key)
    connection.execute("delete from grants")
    connection.close()


def tear(target: Path, _: bytes | None) -> None:
    with target.open("r+b") as file:
        file.seek(-4096, os.SEEK_END)
        file.write(os.urandom(4096))


@pytest.mark.parametrize("harm", [drop_a_row, tear])
async def test_a_copy_that_is_not_like_the_original_never_takes_its_place(
    tmp_path: Path, harm: Callable[[Path, bytes | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_of(tmp_path)
    database = await filled(path, None)
    monkeypatch.setattr(
        encryption, "step", lambda name: harm(fresh_path(path), KEYS["one"]) if name == "copy written" else None
    )
    with pytest.raises(UserError):
        await change_key(database, KEYS["one"])
    assert not database.encrypted and await grants(database) == 1
    await database.close()
    assert opens(path, None)


async def test_a_file_that_another_program_has_open_is_not_changed_under_it(tmp_path: Path) -> None:
    path = path_of(tmp_path)
    database = await filled(path, None)
    other = connect(path, None)
    other.execute("select * from grants").fetchall()
    with pytest.raises(UserError, match="Another program keeps"):
        await change_key(database, KEYS["one"])
    other.execute("insert into grants values ('other', 'file:read', '/other', '')")
    other.close()
    assert await grants(database) == 2
    await database.close()
    assert opens(path, None)


async def test_a_copy_in_the_backups_folder_takes_the_new_key_and_keeps_its_time(tmp_path: Path) -> None:
    path = path_of(tmp_path)
    database = await filled(path, None)
    copy = await database.maintain(lambda connection: back_up(connection, tmp_path / "backups", DAILY))
    os.utime(copy, (1_000_000_000, 1_000_000_000))
    rewrite_copy(copy, None, KEYS["one"])
    assert is_good(copy, KEYS["one"]) and copy.stat().st_mtime == 1_000_000_000
    assert copy.stat().st_mode & 0o777 == 0o600
    assert CANARY not in bytes_of(tmp_path / "backups") and [copy] == list((tmp_path / "backups").iterdir())
    await change_key(database, KEYS["one"])
    later = await database.maintain(lambda connection: back_up(connection, tmp_path / "later", DAILY))
    assert is_good(later, KEYS["one"]), "a copy has the key of its source"
    await database.close()


@pytest.mark.parametrize("key", [b"k", b"a passphrase", bytes(range(32)), bytes(range(200, 233))])
async def test_any_key_opens_what_it_made_and_nothing_else(tmp_path: Path, key: bytes) -> None:
    path = path_of(tmp_path)
    database = await filled(path, None)
    await change_key(database, key)
    assert await grants(database) == 1
    await database.close()
    assert opens(path, key) and not opens(path, key + b"x") and not opens(path, None)


async def test_a_file_whose_key_was_stretched_still_opens(tmp_path: Path) -> None:
    path, key = path_of(tmp_path), KEYS["one"]
    assert key is not None
    old = apsw.Connection(str(path))
    old.pragma("hexkey", key.hex())
    old.execute("create table kept(a); insert into kept values (7)")
    old.close()
    assert opens(path, key) and not opens(path, KEYS["two"])
    connection = connect(path, key)
    assert connection.execute("select a from kept").get == 7
    connection.close()


async def test_the_key_stands_in_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, key = path_of(tmp_path), os.urandom(32)
    database = await filled(path, None)
    monkeypatch.setattr(encryption, "quote", lambda text: "/no/such/folder")
    with pytest.raises(UserError) as caught:
        await change_key(database, key)
    told = "".join(traceback.format_exception(caught.value))
    assert "could not be written" in told and key.hex() not in told.lower()
    await database.close()


async def test_what_sqlite_puts_aside_stays_in_memory() -> None:
    # Sorts and VACUUM spill into temporary files otherwise, and those are not encrypted.
    assert "TEMP_STORE=2" in apsw.compile_options or "TEMP_STORE=3" in apsw.compile_options


def test_states_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert file_state(path) == "absent"
    path.touch()
    assert file_state(path) == "absent"
    path.write_bytes(b"SQLite format 3\0rest")
    assert file_state(path) == "plain"
    path.write_bytes(b"SQL")
    assert file_state(path) == "sealed" and not opens(path, os.urandom(32)) and not opens(path, None)


async def test_a_disk_that_fills_where_there_are_no_links_leaves_the_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    def half(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:5000])
        raise OSError(errno.ENOSPC, "full")

    path = path_of(tmp_path)
    database = await filled(path, None)
    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(shutil, "copyfile", half)
    with pytest.raises(UserError, match="is full"):
        await change_key(database, KEYS["one"])
    assert await grants(database) == 1
    await database.close()
    assert is_good(path, None) and not old_path(path).exists()
