"""When copies are made, what is looked after, and what a clock or a disk that is wrong does to both."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.storage import housekeeping as housekeeping_module
from openclaw_desktop.storage.backup import DAILY, HOURLY, BackupPlan, list_backups
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.housekeeping import TIDY_DELAY, Housekeeping
from openclaw_desktop.storage.upkeep import DAY, Upkeep


async def grow(database: Database, name: str) -> None:
    sql = "insert into grants values (?, 'file:read', ?, '')"
    await database.write(lambda c: c.execute(sql, (name, name)).fetchall())


def never() -> bool:
    return False


async def test_the_first_copy_of_a_day_is_daily_then_hourly_and_only_of_what_changed(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")
    keeper = Housekeeping(database, BackupPlan(tmp_path / "b"), never)
    assert (keeper.next_job() or ("", 0))[0] == "backup"
    await keeper.do("backup")
    (daily,) = list_backups(tmp_path / "b", DAILY)
    assert await keeper.back_up() is None, "nothing changed since"
    await database.checkpoint()
    assert await keeper.back_up() is None, "folding the log in changes nothing"
    again = Housekeeping(database, BackupPlan(tmp_path / "b"), never).next_job()
    assert again is not None
    assert again[1] > datetime.now().astimezone() + timedelta(minutes=10), "not two minutes after each start"
    await grow(database, "x")
    hourly = await keeper.back_up()
    assert hourly is not None and list_backups(tmp_path / "b", HOURLY) == [hourly]
    yesterday = f"openclaw-{datetime.now(UTC) - timedelta(hours=25):%Y%m%dT%H%M%SZ}-daily.db"
    daily.rename(daily.with_name(yesterday))
    await grow(database, "y")
    copy = await keeper.back_up()
    assert copy is not None and "daily" in copy.name
    await database.close()


async def test_on_battery_and_while_it_answers_a_copy_waits(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")
    states = {"battery": True, "busy": True}
    keeper = Housekeeping(
        database, BackupPlan(tmp_path / "b"), lambda: states["battery"], is_busy=lambda: states["busy"]
    )
    assert await keeper.back_up() is None
    states["battery"] = False
    assert await keeper.back_up() is None
    states["busy"] = False
    assert await keeper.back_up() is not None
    await database.close()


async def test_a_missing_disk_or_a_full_one_is_told_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = await Database.open(tmp_path / "a.db")
    keeper = Housekeeping(database, BackupPlan(tmp_path / "usb", chosen=True), never)
    await keeper.do("backup")
    assert "is not there" in keeper.backup_problem
    (tmp_path / "usb").mkdir()
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as full:
        full.setattr(housekeeping_module.shutil, "disk_usage", lambda _: usage._replace(free=1000))
        with pytest.raises(UserError, match="no room"):
            await keeper.back_up()
    assert [*(tmp_path / "usb").iterdir()] == []
    await keeper.do("backup")
    assert keeper.backup_problem == "" and len(list_backups(tmp_path / "usb")) == 1
    await database.close()


async def test_tidying_comes_soon_and_its_failure_ends_nothing(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")
    done: list[str] = []

    async def tidy() -> None:
        done.append("tidy")
        raise UserError("disk_full", "The disk is full.")

    await Housekeeping(database, BackupPlan(tmp_path / "b"), never).back_up()
    keeper = Housekeeping(database, BackupPlan(tmp_path / "b"), never, tidy)
    await keeper.do("tidy")
    await keeper.do("checkpoint")
    assert done == ["tidy"]
    following = keeper.next_job()
    assert following is not None and following[0] == "tidy"
    assert following[1] - datetime.now().astimezone() <= TIDY_DELAY
    await database.close()


@pytest.mark.parametrize("years", [-20, 20])
async def test_after_a_jump_of_the_clock_no_job_is_put_off_for_years_and_no_copy_goes(
    tmp_path: Path, years: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = await Database.open(tmp_path / "a.db")
    keeper = Housekeeping(database, BackupPlan(tmp_path / "b"), never, is_busy=never)
    for number in range(3):
        await grow(database, str(number))
        (await keeper.back_up() or tmp_path).rename(tmp_path / "b" / f"openclaw-20261101T00000{number}Z-hourly.db")

    class Jumped(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(days=365 * years)  # type: ignore[arg-type]

    monkeypatch.setattr(housekeeping_module, "datetime", Jumped)
    keeper.mend_plan()
    following = keeper.next_job()
    assert following is not None
    assert following[1].replace(tzinfo=None) <= Jumped.now() + timedelta(hours=24)
    await grow(database, "after")
    await keeper.do("backup")
    assert len(list_backups(tmp_path / "b")) == 4
    await database.close()


async def word_segments(database: Database) -> int:
    return int((await database.rows("select count(distinct segid) from memories_fts_idx"))[0][0])


async def fill(database: Database) -> None:
    sql = """insert into memories (id, tier, kind, text, created_at, created_s, observed_at, integrity, confidentiality)
             values (?, 'short', 'fact', ?, '', 0, '', 'user', 'private')"""
    for number in range(300):
        values = (f"mem_{number}", f"{number} " + "word " * 300)
        await database.write(lambda c, values=values: c.execute(sql, values).fetchall())


async def test_upkeep_gives_pages_back_and_goes_on_where_it_was_broken_off(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")
    await database.erase_traces()
    empty = (tmp_path / "a.db").stat().st_size
    await fill(database)
    await database.write(lambda c: c.execute("delete from memories where rowid > 20").fetchall())
    await database.erase_traces()
    before = (tmp_path / "a.db").stat().st_size
    allowed = iter([True] * 3 + [False] * 50)
    assert not await Upkeep(database, lambda: next(allowed)).run(), "somebody came back"
    upkeep = Upkeep(database, lambda: True)
    assert await upkeep.run()
    await database.erase_traces()
    assert (tmp_path / "a.db").stat().st_size - empty < (before - empty) / 2
    assert not await upkeep.is_due("check", DAY)
    rows = await database.rows("select count(*) from memories_fts where memories_fts match 'word'")
    assert rows == [(20,)]
    await database.close()


async def test_upkeep_merges_the_index_of_words_and_counts_for_the_plans(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")
    await fill(database)
    before = await word_segments(database)
    counted = "select stat from sqlite_stat1 where idx = 'memories_by_tier'"
    assert await database.rows("select count(*) from sqlite_schema where name = 'sqlite_stat1'") == [(0,)]
    assert await Upkeep(database, lambda: True).run()
    assert await word_segments(database) < before / 2
    assert (await database.rows(counted))[0][0].startswith("300 ")
    await database.close()


async def test_upkeep_reads_each_table_through_once_a_week(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = await Database.open(tmp_path / "a.db")
    upkeep, read = Upkeep(database, lambda: True), []

    async def check(table: str | None = None) -> None:
        read.append(table)

    monkeypatch.setattr(upkeep, "check", check)
    assert await upkeep.run()
    tables = await database.rows("select name from sqlite_schema where type = 'table' and rootpage > 0")
    assert {name for (name,) in tables} <= set(read) and len(read) == len(set(read)), "each, and none twice"
    read.clear()
    assert await upkeep.run()
    assert read == [], "not again on the same day"
    await database.close()


async def test_an_old_file_learns_to_give_pages_back(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")

    def as_before(connection: apsw.Connection) -> None:
        connection.pragma("auto_vacuum", "none")
        connection.execute("vacuum")

    await database.maintain(as_before)
    await fill(database)
    await database.write(lambda c: c.execute("delete from memories").fetchall())
    assert await Upkeep(database, lambda: True).run()
    assert await database.read(lambda c: c.pragma("auto_vacuum")) == 2
    await database.close()


async def test_a_mark_from_the_future_does_not_put_the_upkeep_off(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")
    future = int(datetime.now(UTC).timestamp()) + 10**9
    await database.write(lambda c: c.execute("insert into upkeep values ('check', ?)", (future,)).fetchall())
    assert await Upkeep(database, never).is_due("check", DAY)
    await database.close()


async def test_a_damaged_page_found_by_the_upkeep_is_looked_at_by_the_next_start(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")
    await fill(database)
    await database.erase_traces()
    path = tmp_path / "a.db"
    pages = path.stat().st_size // 4096
    with path.open("r+b") as file:
        for page in range(pages // 2, pages // 2 + 20):
            file.seek(page * 4096)
            file.write(os.urandom(4096))
    with pytest.raises(UserError, match="damaged"):
        await Upkeep(database, lambda: True).check()
    await database.close()
    with pytest.raises(UserError, match="is damaged"):
        await Database.open(path)
    assert [*tmp_path.glob("a.db.damaged-*")]


async def test_what_a_folder_of_copies_has_missed_is_done_once_it_is_back(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")
    old, disk = tmp_path / "old", tmp_path / "disk"
    returned: list[list[bool]] = []

    async def on_return() -> None:
        returned.append([old.is_dir(), disk.is_dir()])
        raise UserError("still_broken", "It does not work.")

    plan = BackupPlan(disk, chosen=True, others=(old,))
    keeper = Housekeeping(database, plan, never, on_return=on_return)
    await keeper.do("backup")
    assert returned == []
    disk.mkdir()
    await keeper.do("backup")
    assert returned == [[False, True]] and len(list_backups(disk)) == 1, "a copy is made whatever came of it"
    await keeper.do("backup")
    old.mkdir()
    await keeper.do("backup")
    assert returned == [[False, True], [True, True]]
    await database.close()
