"""What runs took of the processor: counted, shared where they overlap, and found in the ledger by their job."""

from __future__ import annotations

from pathlib import Path

from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.health.energy import RunMeter
from openclaw_desktop.inference.ledger import Ledger
from openclaw_desktop.storage.database import Database


class Counted:
    def __init__(self) -> None:
        self.cpu_s = 100.0
        self.noted: list[tuple[str, float]] = []
        self.meter = RunMeter(lambda: self.cpu_s, lambda job, _seconds, cpu_s: self.noted.append((job, cpu_s)))


def test_a_run_is_counted_from_its_start_to_its_end() -> None:
    counted = Counted()
    counted.cpu_s += 7
    with counted.meter("job_1"):
        counted.cpu_s += 2.5
    counted.cpu_s += 9
    assert counted.noted == [("job_1", 2.5)]


def test_runs_at_the_same_time_share_and_nothing_is_counted_twice() -> None:
    counted = Counted()
    with counted.meter("job_1"):
        counted.cpu_s += 1
        with counted.meter("job_2"):
            counted.cpu_s += 4
        counted.cpu_s += 1
    assert counted.noted == [("job_2", 2.0), ("job_1", 4.0)]


def test_a_run_that_fails_is_counted_and_a_child_that_ended_takes_nothing_back() -> None:
    counted = Counted()
    try:
        with counted.meter("job_1"):
            counted.cpu_s += 3
            with counted.meter("job_1"):
                counted.cpu_s -= 50  # the process of the tools is another one now
            raise ValueError("the run failed")
    except ValueError:
        pass
    assert counted.noted == [("job_1", 0.0), ("job_1", 3.0)]


async def test_the_ledger_has_it_by_job_beside_what_the_model_took(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "e.db")
    ledger = Ledger(database, SystemClock(), 36, 1000)
    ledger.note_work("job_1", 10.0, 100.0)
    ledger.note_work("job_1", 5.0, 0.0)
    ledger.note_work("job_2", 1.0, 1.0)
    sums = await ledger.of_job("job_1")
    assert (sums.cpu_seconds, sums.seconds, sums.wh) == (100.0, 15.0, 1.0)
    assert (await ledger.of_job("job_3")).wh == 0
    assert await ledger.background_left() == 1000, "no token was spent"
    await database.close()
