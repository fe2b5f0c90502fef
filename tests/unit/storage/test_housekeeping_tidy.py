"""What the owners of tables tidy daily, beside the copies and the log."""

from datetime import datetime, timedelta
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.housekeeping import BACKUP_INTERVAL, TIDY_DELAY, Housekeeping


async def test_tidying_comes_soon_and_its_failure_ends_nothing(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "a.db")
    done: list[str] = []

    async def tidy() -> None:
        done.append("tidy")
        raise UserError("disk_full", "The disk is full.")

    await Housekeeping(database, tmp_path / "b", 2, lambda: False).back_up()
    housekeeping = Housekeeping(database, tmp_path / "b", 2, lambda: False, tidy)
    await housekeeping.do("tidy")
    await housekeeping.do("checkpoint")
    assert done == ["tidy"]
    following = housekeeping.next_job()
    assert following is not None
    assert following[0] == "tidy"
    assert following[1] - datetime.now().astimezone() <= TIDY_DELAY < BACKUP_INTERVAL - timedelta(hours=1)
    await database.close()
