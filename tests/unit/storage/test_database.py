"""The one file: durable, backed up before each migration, and never half changed."""

import sqlite3
from pathlib import Path

import apsw
import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.storage import database as database_module
from openclaw_desktop.storage.backup import back_up, list_backups
from openclaw_desktop.storage.connection import PAGE_CACHE_KIB
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.migrations import migrate, schema_files


async def test_commits_are_flushed_and_foreign_keys_hold(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")

    def settings(connection: apsw.Connection) -> list[object]:
        return [connection.pragma(name) for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")]

    assert await database.maintain(settings) == ["wal", 2, 1, 1]
    with pytest.raises(apsw.ConstraintError):
        await database.write(
            lambda c: c.execute("insert into working_memory values ('x','t','k','v','user','public','[]','','',0)").get
        )
    await database.close()
    assert (tmp_path / "a.db").stat().st_mode & 0o777 == 0o600


async def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")

    def half(connection: apsw.Connection) -> None:
        connection.execute("insert into grants values ('1', 'file:read', '/a', '')")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        await database.write(half)
    assert await database.rows("select * from grants") == []
    await database.close()


async def test_a_reader_cannot_write(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")
    with pytest.raises(UserError, match="cannot be written"):
        await database.read(lambda c: c.execute("delete from grants").fetchall())
    await database.close()


def schema(folder: Path, *statements: str) -> Path:
    folder.mkdir(exist_ok=True)
    for number, statement in enumerate(statements, start=1):
        (folder / f"{number:04d}_step.sql").write_text(statement)
    return folder


def test_migrations_run_once_in_order_with_a_backup_first(tmp_path: Path) -> None:
    folder, backups = tmp_path / "schema", tmp_path / "backups"
    connection = apsw.Connection(str(tmp_path / "a.db"))
    assert migrate(connection, tmp_path / "a.db", backups, schema(folder, "create table a (x)")) == 1
    assert list_backups(backups) == []
    connection.execute("insert into a values (1)")
    schema(folder, "create table a (x)", "create table b (y)")
    assert migrate(connection, tmp_path / "a.db", backups, folder) == 2
    assert migrate(connection, tmp_path / "a.db", backups, folder) == 2
    (copy,) = list_backups(backups)
    assert "before-0002" in copy.name
    with sqlite3.connect(copy) as old:
        assert old.execute("select x from a").fetchall() == [(1,)]
        assert old.execute("select count(*) from sqlite_master where name = 'b'").fetchall() == [(0,)]
    old.close()
    connection.close()


def test_a_migration_that_fails_leaves_the_version_before(tmp_path: Path) -> None:
    folder = schema(tmp_path / "schema", "create table a (x)", "create table b (y); insert into nowhere values (1)")
    connection = apsw.Connection(str(tmp_path / "a.db"))
    with pytest.raises(apsw.SQLError):
        migrate(connection, tmp_path / "a.db", tmp_path / "backups", folder)
    assert connection.pragma("user_version") == 1
    assert connection.execute("select count(*) from sqlite_master where name = 'b'").get == 0
    connection.close()


def test_a_file_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "a.db"))
    connection.pragma("user_version", len(schema_files()) + 1)
    with pytest.raises(UserError, match="newer version"):
        migrate(connection, tmp_path / "a.db", None)
    connection.close()


async def test_a_damaged_file_is_named_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"this is no database" * 500)
    with pytest.raises(UserError, match="damaged"):
        await Database.open(path)
    (aside,) = tmp_path.iterdir()
    assert aside.read_bytes() == b"this is no database" * 500
    with pytest.raises(UserError, match="nothing is in its place"):
        await Database.open(path)
    assert [*tmp_path.iterdir()] == [aside], "no empty file was begun in its place"


async def test_a_locked_file_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_MS", 10)
    database = await Database.open(tmp_path / "a.db")
    other = apsw.Connection(str(tmp_path / "a.db"))
    other.execute("begin immediate")
    with pytest.raises(UserError, match="locked"):
        await database.write(lambda c: c.execute("delete from grants").fetchall())
    other.execute("rollback")
    other.close()
    await database.close()


@pytest.mark.parametrize("key", [None, b"k" * 32])
async def test_a_backup_is_whole_and_as_secret_as_the_file(tmp_path: Path, key: bytes | None) -> None:
    database = await Database.open(tmp_path / "a.db", key=key)
    await database.write(lambda c: c.execute("insert into grants values ('1', 'file:read', '/canary', '')").fetchall())
    copy = await database.maintain(lambda c: back_up(c, tmp_path / "b", "daily"))
    await database.close()
    assert copy.stat().st_mode & 0o777 == 0o600
    assert (b"/canary" in copy.read_bytes()) is (key is None)
    restored = await Database.open(copy, key=key)
    assert await restored.rows("select scope from grants") == [("/canary",)]
    await restored.close()


async def test_a_small_file_is_kept_in_memory(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")
    assert await database.read(lambda c: c.pragma("cache_size")) == -PAGE_CACHE_KIB
    assert await database.maintain(lambda c: c.pragma("cache_size")) == -PAGE_CACHE_KIB
    await database.close()
