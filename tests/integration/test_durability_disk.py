"""A disk that is full or gone where the copies lie, and a clock that jumps: told, and nothing acknowledged lost."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from agent_process import Program
from test_bad_input_disk import SMALL, disk, fill_up, may_mount

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.memory.tiers import TierLimits
from openclaw_desktop.service.memory.care import MemoryCare
from openclaw_desktop.storage.backup import BackupPlan, list_backups
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.housekeeping import Housekeeping
from openclaw_desktop.storage.upkeep import Upkeep

needs_mounts = pytest.mark.skipif(not may_mount(), reason="no mount namespaces here")


def almost_fill_up(ballast: Path) -> None:
    """Leave room for a lock, and for no copy."""
    fill_up(ballast)
    os.truncate(ballast, ballast.stat().st_size - (64 << 10))


@needs_mounts
def test_a_backup_that_finds_no_room_is_a_sentence_and_leaves_nothing_half(program: Program) -> None:
    with disk(program, SMALL) as small:
        program.run("remember", "the first fact").done()
        almost_fill_up(small.seen / "ballast")
        program.run("backup", "create").failed("no room", "MB are free")
        assert [*(small.seen / "backups").iterdir()] == []
        assert program.run("recall", "fact", "--json").done().document["hits"], "reading goes on"
        found = program.run("doctor", "--json").document["findings"]
        assert next(one for one in found if one["check"] == "disk")["level"] == "warning"
        (small.seen / "ballast").unlink()
        program.run("remember", "there is room again").done()
        program.run("backup", "create").done()
        program.run("backup", "restore", "latest", "--yes").done()
        assert len(program.run("recall", "fact room", "--json").done().document["hits"]) == 2


@needs_mounts
def test_a_restore_that_finds_no_room_changes_nothing(program: Program) -> None:
    with disk(program, SMALL) as small:
        program.run("remember", "the first fact").done()
        program.run("backup", "create").done()
        program.run("remember", "the second fact").done()
        almost_fill_up(small.seen / "ballast")
        program.run("backup", "restore", "latest", "--yes").failed("full", "Free some space")
        hits = program.run("recall", "fact", "--json").done().document["hits"]
        assert {hit["text"] for hit in hits} == {"the first fact", "the second fact"}


def test_a_backups_folder_on_a_disk_that_is_not_there(program: Program, tmp_path: Path) -> None:
    program.run("remember", "a fact").done()
    usb = tmp_path / "usb"
    (program.home / "config" / "settings.toml").write_text(f"[backup]\nfolder = '{usb}'\n")
    program.run("backup", "create").failed("is not there", "Connect its disk")
    program.run("remember", "another fact").done()
    program.run("backup", "list").failed("is not there")
    program.run("backup", "restore", "latest", "--yes").failed("is not there")
    findings = {one["check"]: one for one in program.run("doctor", "--json").document["findings"]}
    assert findings["backups"]["level"] == "warning" and "is not there" in findings["backups"]["sentence"]
    assert not usb.exists(), "no folder is made in the place of a disk"
    usb.mkdir()
    program.run("backup", "create").done()
    assert len(list_backups(usb)) == 1
    program.run("backup", "restore", "latest", "--yes").done()
    assert len(program.run("recall", "fact", "--json").done().document["hits"]) == 2


class Jumping(Clock):
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return 0.0


@pytest.mark.parametrize("years", [-30, 30])
async def test_a_clock_that_jumps_ends_no_memory_and_no_copy_and_the_upkeep_goes_on(tmp_path: Path, years: int) -> None:
    clock = Jumping()
    database = await Database.open(tmp_path / "m.db")
    store = MemoryStore(database, None, clock)
    ids = set(
        await store.remember_many(
            [NewMemory(f"turn {n}", kind="turn", session_id="one", tier="short") for n in range(50)]
        )
    )
    keeper = Housekeeping(database, BackupPlan(tmp_path / "b"), lambda: False)
    assert await keeper.back_up() is not None
    assert await Upkeep(database, lambda: True, clock).run()

    clock.moment += timedelta(days=365 * years)
    new = await store.remember(NewMemory("said under the wrong clock", kind="turn", session_id="one", tier="short"))
    limits = TierLimits(short_days=14, short_turns=400, archive_days=30, keep_turns_days=365)
    await MemoryCare(database, limits, clock, store.forget).tidy()
    assert await Upkeep(database, lambda: True, clock).is_due("check", timedelta(days=7)), "not put off for years"
    assert await Upkeep(database, lambda: True, clock).run()

    clock.moment -= timedelta(days=365 * years)
    await MemoryCare(database, limits, clock, store.forget).tidy()
    assert await Upkeep(database, lambda: True, clock).run()
    kept = {row[0] for row in await database.rows("select id from memories")}
    assert ids <= kept, "not one of those from before ended"
    assert new in kept or years < 0, "a turn that seems older than the user's rule may end"
    assert await keeper.back_up() is not None
    assert len(list_backups(tmp_path / "b")) == 2
    await database.close()
