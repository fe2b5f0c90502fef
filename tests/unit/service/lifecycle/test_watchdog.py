"""A beat comes of the loop and the writer together; the watcher acts where there is none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from openclaw_desktop.service.lifecycle.watchdog import LONGEST_WORK_S, Heartbeat, Watcher
from openclaw_desktop.storage.database import Database


class Writer:
    """A writer thread by hand: it answers when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.worked_s: float | None = 1.0

    def ask_writer(self, answer: Callable[[], None]) -> None:
        self.waiting.append(answer)

    def writer_worked_s(self) -> float | None:
        return self.worked_s


def test_a_beat_is_the_writers_answer_to_the_loop() -> None:
    writer, beats = Writer(), []
    heart = Heartbeat(writer, lambda: beats.append(1), 30.0)
    heart._ask()
    assert beats == [] and len(writer.waiting) == 1
    writer.waiting.pop()()
    assert beats == [1] and heart.beats == 1


def test_a_writer_that_neither_answers_nor_works_gives_no_beat() -> None:
    writer, beats = Writer(), []
    heart = Heartbeat(writer, lambda: beats.append(1), 30.0)
    for _ in range(5):
        heart._ask()
    assert beats == [] and len(writer.waiting) == 1, "it isn't asked again before it has answered"


def test_a_writer_at_long_work_counts_as_alive_but_not_for_ever() -> None:
    writer, beats = Writer(), []
    heart = Heartbeat(writer, lambda: beats.append(1), 30.0)
    for step in range(int(LONGEST_WORK_S / 30) + 10):
        writer.worked_s = 1.0 + step
        heart._ask()
    assert len(beats) == int(LONGEST_WORK_S / 30)
    writer.waiting.pop()()
    heart._ask()
    assert len(writer.waiting) == 1, "after its answer all is as before"


async def test_a_beat_that_comes_after_the_end_is_none(tmp_path: Path) -> None:
    writer, beats = Writer(), []
    heart = Heartbeat(writer, lambda: beats.append(1), 30.0)
    task = asyncio.create_task(heart.work())
    while not writer.waiting:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    writer.waiting.pop()()
    assert beats == []


async def test_the_writer_of_a_file_answers_and_tells_how_long_it_worked(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "memory.db")
    answered = threading.Event()
    database.ask_writer(answered.set)
    assert await asyncio.to_thread(answered.wait, 30)
    before = database.writer_worked_s()
    assert before is not None and before > 0
    await database.maintain(lambda connection: sum(range(3_000_000)))
    after = database.writer_worked_s()
    assert after is not None and after > before
    await database.close()
    database.ask_writer(pytest.fail)


def watch(beats: Callable[[], int]) -> list[str]:
    """Run a watcher until it restarts, and return what it did."""
    done: list[str] = []
    ended = threading.Event()

    def restart() -> None:
        done.append("restart")
        ended.set()

    watcher = Watcher(beats, lambda: done.append("report"), restart, look_s=0.001, grace_s=0.001)
    watcher.start()
    assert ended.wait(30)
    watcher.stop()
    return done[: done.index("restart") + 1]


def test_without_a_beat_it_reports_and_then_restarts() -> None:
    assert watch(lambda: 7) == ["report", "restart"]


def test_a_beat_in_between_takes_the_report_back() -> None:
    looks = iter([0, 0, 0, 1, 1] + [2] * 100_000)  # missed once, then beats, then never again
    assert watch(lambda: next(looks)) == ["report", "report", "restart"]


def test_what_fails_in_a_report_does_not_end_the_watch() -> None:
    done = threading.Event()

    def report() -> None:
        raise OSError("disk full")

    watcher = Watcher(lambda: 1, report, done.set, look_s=0.001, grace_s=0.001)
    watcher.start()
    assert done.wait(30)
    watcher.stop()
