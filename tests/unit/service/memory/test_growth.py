"""What is told of the room that is left: from when, in which words, and what is over a limit by how much."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from openclaw_desktop.service.memory.growth import LOW_DISK_BYTES, Growth
from openclaw_desktop.system.memory import Memory

GB = 1_000_000_000
PLENTY = Memory(8 * GB, 4 * GB)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    free(monkeypatch, 100 * GB)
    return tmp_path / "openclaw.db"


def free(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=count))


def growth(
    file: Path, limit_mb: int | None = None, memory: Memory = PLENTY, keep_turns_mb: int | None = None
) -> Growth:
    return Growth(file, limit_mb, lambda: memory, keep_turns_mb)


def write(file: Path, size_bytes: int) -> None:
    with file.open("wb") as out:
        out.truncate(size_bytes)


def test_with_room_nothing_is_told_and_the_doctor_says_how_much_there_is(file: Path) -> None:
    write(file, 7_900_000)
    seen = growth(file, 10)
    assert seen.warning() == "" and seen.concerns() == {} and seen.lacking_bytes() == 0
    assert [(found.check, found.level) for found in seen.findings()] == [
        ("disk", "ok"), ("machine", "ok"), ("memory size", "ok"),
    ]  # fmt: skip
    assert "7 of its 10 MB (79 %)" in seen.findings()[-1].sentence
    assert len(growth(file).findings()) == 2, "no limit, no word about it"


def test_the_limit_is_told_from_four_fifths_on_and_again_when_it_is_reached(file: Path) -> None:
    write(file, 8_000_000)
    assert "8 of its 10 MB (80 %)" in growth(file, 10).warning()
    assert "memory.limit_mb" in growth(file, 10).warning()
    assert list(growth(file, 10).concerns()) == ["memory size: warning"]
    write(file, 10_000_001)
    assert list(growth(file, 10).concerns()) == ["memory size: warning", "memory size: error"]
    assert growth(file, 10).findings()[-1].level == "error"


def test_that_the_oldest_turns_will_go_is_told_from_four_fifths_on(file: Path) -> None:
    write(file, 7_900_000)
    assert growth(file, keep_turns_mb=10).concerns() == {}
    write(file, 8_000_000)
    told = growth(file, keep_turns_mb=10)
    ((name, found),) = told.concerns().items()
    assert name == "oldest turns: warning" and told.outgrown_bytes() == told.lacking_bytes() == 0
    assert "8 of its 10 MB (80 %)" in found.sentence and "the oldest turns go" in found.advice
    assert told.warning() == "", "a rule at work needs nobody, day by day"
    write(file, 10_000_001)
    assert growth(file, keep_turns_mb=10).outgrown_bytes() == 1
    assert growth(file).outgrown_bytes() == 0


def test_the_log_counts_as_a_part_of_the_file(file: Path) -> None:
    write(file, 6_000_000)
    write(file.with_name(f"{file.name}-wal"), 5_000_000)
    seen = growth(file, 10)
    assert (seen.size_bytes(), seen.lacking_bytes()) == (11_000_000, 1_000_000)
    assert seen.room.limit_bytes == 10_000_000


def test_the_disk_is_told_before_it_lacks_and_a_large_file_needs_more_of_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, 1000)
    free(monkeypatch, LOW_DISK_BYTES - 1)
    assert "Only 524 MB are free." in growth(file).warning() and growth(file).lacking_bytes() == 0
    free(monkeypatch, 100_000_000)
    least = growth(file).room.least_free_bytes
    assert growth(file).lacking_bytes() == least - 100_000_000
    free(monkeypatch, 3 * GB)
    assert growth(file).warning() == ""
    write(file, 2 * GB)
    assert "Only 3000 MB are free." in growth(file).warning()


def test_the_machines_memory_is_told_below_a_tenth(file: Path) -> None:
    short = growth(file, memory=Memory(8 * GB, 799_000_000))
    assert short.is_memory_short() and "Only 799 MB of memory are left" in short.warning()
    assert "Close programs" in short.warning()
    enough = growth(file, memory=Memory(8 * GB, 801_000_000))
    assert not enough.is_memory_short() and enough.warning() == ""
    assert enough.is_memory_short(slack=1.1), "not yet so good that it would be told anew"


def test_what_is_nearly_so_keeps_the_name_of_what_was_told(file: Path) -> None:
    for size in (7_400_000, 9_400_000):
        write(file, size)
        lower, nearly = growth(file, 10).concerns(), growth(file, 10).concerns(1.1)
        assert lower.keys() < nearly.keys()


def test_that_turns_will_go_by_their_age_is_told_from_four_fifths_on(file: Path) -> None:
    write(file, 1_000)

    def seen(days: float | None) -> Growth:
        return Growth(file, None, lambda: PLENTY, keep_turns_days=100, oldest_days=lambda: days)

    assert seen(None).findings() == growth(file).findings(), "no turn, no word about it"
    assert seen(79.9).concerns() == {} and "79 days old, of 100" in seen(79.9).findings()[-1].sentence
    ((name, found),) = seen(80.0).concerns().items()
    assert name == "age of turns: warning" and "memory.keep_turns_days" in found.advice
    assert seen(80.0).warning() == "", "a rule at work needs nobody, day by day"
