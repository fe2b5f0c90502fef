"""Copies: dropped by number and size and never many at once, rewritten whole, and the list of what stays erased."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.storage import backup
from openclaw_desktop.storage.backup import (
    BEFORE,
    DAILY,
    HOURLY,
    BackupPlan,
    back_up,
    is_good,
    list_backups,
    list_copies,
    note_erased,
    noted_erasures,
    prune_backups,
    rewrite_backups,
)
from openclaw_desktop.storage.database import Database

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEEP = {HOURLY: 24, DAILY: 14, BEFORE: 3}


def put(folder: Path, age: timedelta, reason: str, size_bytes: int = 0) -> Path:
    path = folder / f"openclaw-{NOW - age:%Y%m%dT%H%M%SZ}-{reason}.db"
    with path.open("wb") as file:
        file.truncate(size_bytes)
    return path


def prune_to_the_end(folder: Path, keep: dict[str, int], budget_bytes: int) -> list[str]:
    while prune_backups(folder, keep, budget_bytes, NOW):
        pass
    return [copy.reason for copy in list_copies(folder)]


def test_the_oldest_go_beyond_their_number_and_half_ones_never_show(tmp_path: Path) -> None:
    for day in range(1, 6):
        put(tmp_path, timedelta(days=day), DAILY)
    mine = [put(tmp_path, timedelta(days=90), "by-hand"), put(tmp_path, timedelta(days=90), "before-restore")]
    (tmp_path / "openclaw-20261109T000000Z-daily.partial").touch()
    (tmp_path / "openclaw-20269999T000000Z-daily.db").touch()  # no such day: nothing of ours
    assert len(list_backups(tmp_path)) == 7
    prune_to_the_end(tmp_path, KEEP | {DAILY: 2}, 1 << 40)
    assert [NOW - copy.made_at for copy in list_copies(tmp_path) if copy.reason == DAILY] == [
        timedelta(days=2), timedelta(days=1),
    ]  # fmt: skip
    assert all(path.exists() for path in mine), "what the user made stays"


def test_the_budget_drops_from_the_larger_group_and_leaves_two(tmp_path: Path) -> None:
    size = 100 << 20
    for hour in range(6):
        put(tmp_path, timedelta(hours=hour), HOURLY, size)
    for day in range(1, 5):
        put(tmp_path, timedelta(days=day), DAILY, size)
    assert sorted(prune_to_the_end(tmp_path, KEEP, 5 * size)) == [DAILY, DAILY, DAILY, HOURLY, HOURLY]
    assert len(prune_to_the_end(tmp_path, KEEP, 1)) == backup.FEWEST
    small = tmp_path / "small"
    small.mkdir()
    for hour in range(20):
        put(small, timedelta(hours=hour), HOURLY, 1 << 20)
    assert len(prune_to_the_end(small, KEEP, 5 << 20)) == 20, "small files keep their hours"


@pytest.mark.parametrize("jump", [timedelta(days=-3650), timedelta(days=3650)])
def test_a_clock_that_jumps_drops_no_more_than_two_at_once_and_the_future_first(
    tmp_path: Path, jump: timedelta
) -> None:
    for hour in range(40):
        put(tmp_path, timedelta(hours=hour), HOURLY)
    dropped = prune_backups(tmp_path, KEEP, 1 << 40, NOW + jump)
    assert len(dropped) == backup.MOST_DROPPED
    future = put(tmp_path, timedelta(days=-3650), HOURLY)
    assert prune_backups(tmp_path, KEEP, 1 << 40, NOW)[0] == future


def test_a_missing_disk_is_a_sentence_and_no_folder_is_made_in_its_place(tmp_path: Path) -> None:
    plan = BackupPlan(tmp_path / "usb", chosen=True)
    with pytest.raises(UserError, match="is not there") as caught:
        plan.check_folder()
    assert caught.value.failure.code == "backups_missing"
    assert not plan.folder.exists()
    BackupPlan(tmp_path / "usb").check_folder()


def erase(word: str) -> Callable[[apsw.Connection], bool]:
    def change(connection: apsw.Connection) -> bool:
        connection.execute("delete from grants where scope = ?", (word,))
        return connection.changes() > 0

    return change


@pytest.mark.parametrize("key", [None, b"k" * 32])
async def test_copies_are_rewritten_under_their_names_and_times(tmp_path: Path, key: bytes | None) -> None:
    database = await Database.open(tmp_path / "a.db", key=key)
    folder = tmp_path / "b"
    await database.beside(lambda c: back_up(c, folder, "hourly"))
    await database.write(lambda c: c.execute("insert into grants values ('1', 'file:read', '/canary', '')").fetchall())
    await database.beside(lambda c: back_up(c, folder, "daily"))
    await database.close()
    without, with_it = (list_backups(folder, reason)[0] for reason in ("hourly", "daily"))
    os.utime(with_it, (1_000_000, 1_000_000))
    before = without.stat()
    assert rewrite_backups(folder, key, erase("/canary")) == 1
    assert rewrite_backups(folder, key, erase("/canary")) == 0, "again is no harm"
    assert (without.stat().st_ino, without.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert with_it.stat().st_mtime == 1_000_000 and with_it.stat().st_mode & 0o777 == 0o600
    assert b"/canary" not in with_it.read_bytes()
    assert is_good(with_it, key) and not is_good(with_it, b"x" * 32)
    assert {path.suffix for path in folder.iterdir()} == {".db"}, "nothing is left beside them"


async def test_a_copy_that_cannot_be_read_is_named_after_the_others_are_done(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")
    await database.write(lambda c: c.execute("insert into grants values ('1', 'file:read', '/canary', '')").fetchall())
    good = await database.beside(lambda c: back_up(c, tmp_path / "b", "daily"))
    await database.close()
    broken = put(tmp_path / "b", timedelta(days=400), HOURLY)
    broken.write_bytes(b"broken" * 1000)
    with pytest.raises(UserError, match=broken.name):
        rewrite_backups(tmp_path / "b", None, erase("/canary"))
    assert b"/canary" not in good.read_bytes()
    assert broken.read_bytes() == b"broken" * 1000


def test_the_list_of_erased_ids_survives_half_a_line(tmp_path: Path) -> None:
    assert noted_erasures(tmp_path) == set()
    note_erased(tmp_path, ["mem_1", "mem_2"])
    with (tmp_path / backup.ERASED).open("ab") as file:
        file.write(b"mem_ha")
    note_erased(tmp_path, ["mem_3"])
    assert {"mem_1", "mem_2", "mem_3"} <= noted_erasures(tmp_path)
    assert (tmp_path / backup.ERASED).stat().st_mode & 0o777 == 0o600
