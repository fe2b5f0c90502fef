"""`task next`: when words are due, as a program reads it and as a person does; without an agent, a home or a model."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from agent_process import Program

from openclaw_desktop.cli import commands

AFTER = "2026-11-23T09:00"
BERLIN = ("--tz", "Europe/Berlin")


@pytest.fixture
def task_next(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[TaskNext]:
    monkeypatch.setenv("OPENCLAW_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(commands.logging, "basicConfig", lambda **_: None)
    # What a verb sets for its process would go on for all tests after this one.
    logger, mask = logging.getLogger("openclaw_desktop"), os.umask(0o077)
    level = logger.level
    yield TaskNext(capsys)
    logger.setLevel(level)
    os.umask(mask)


class TaskNext:
    """The verb, run within the test."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def ended(self, *words: str) -> tuple[int, str, str]:
        code = commands.run_command(["task", "next", *words])
        shown = self._capsys.readouterr()
        return code, shown.out, shown.err

    def times(self, *words: str) -> list[str]:
        code, out, err = self.ended(*words, "--json")
        assert (code, err) == (0, "")
        times: list[str] = json.loads(out)["times"]
        return times


def test_a_program_of_its_own_makes_no_home(program: Program) -> None:
    said = program.run("task", "next", "every monday at 9", "--after", AFTER, *BERLIN, "-n", "1", "--json").done()
    assert said.document["times"] == ["2026-11-30T09:00:00+01:00"]
    program.run("task", "next", "when pigs fly", "--json")
    assert not program.home.exists() and not list(Path(program.environ["HOME"]).iterdir())


def test_the_coming_times_are_told_with_their_offset(task_next: TaskNext) -> None:
    times = ["2026-11-24T17:00:00+01:00", "2026-12-08T17:00:00+01:00", "2026-12-22T17:00:00+01:00"]
    for count in (1, 2, 3):
        words = ("every other Tuesday at 5pm", "--after", AFTER, *BERLIN, "-n", str(count))
        assert task_next.times(*words) == times[:count]
    assert task_next.times("every other Tuesday at 5pm", "--after", AFTER, *BERLIN) == times, "three, unasked"


def test_a_cron_line_is_taken_too(task_next: TaskNext) -> None:
    times = ["2026-11-24T06:30:00+00:00", "2026-11-25T06:30:00+00:00"]
    assert task_next.times("30 6 * * 1-5", "--after", AFTER, "--tz", "UTC", "-n", "2") == times


@pytest.mark.parametrize(
    ("after", "zone", "time"),
    [
        (AFTER, "Europe/Berlin", "2026-11-23T12:00:00+01:00"),
        ("2026-11-23T11:30:00Z", "Europe/Berlin", "2026-11-24T12:00:00+01:00"),  # half past twelve there
        ("2026-11-23T11:30:00+01:00", "Europe/Berlin", "2026-11-23T12:00:00+01:00"),
        (AFTER, "America/New_York", "2026-11-23T12:00:00-05:00"),
        ("2026-11-23T09:00:00+01:00", "Asia/Kolkata", "2026-11-24T12:00:00+05:30"),  # half past one there
    ],
)
def test_it_counts_from_the_moment_in_the_zone(task_next: TaskNext, after: str, zone: str, time: str) -> None:
    assert task_next.times("every day at noon", "--after", after, "--tz", zone, "-n", "1") == [time]


@pytest.mark.parametrize("after", [(), ("--after", "2026-11-23T09:00:00.123456")])
def test_seconds_are_whole(task_next: TaskNext, after: tuple[str, ...]) -> None:
    (time,) = task_next.times("in 20 minutes", *after, *BERLIN, "-n", "1")
    assert datetime.fromisoformat(time).isoformat(timespec="seconds") == time
    if after:
        assert time == "2026-11-23T09:20:00+01:00"
    else:
        assert timedelta(0) < datetime.fromisoformat(time) - datetime.now(UTC) <= timedelta(minutes=20)


@pytest.mark.parametrize(("lang", "day"), [("en_US.UTF-8", "2027-03-04"), ("en_GB.UTF-8", "2027-04-03")])
def test_which_of_two_numbers_is_the_day_goes_by_the_locale(
    task_next: TaskNext, monkeypatch: pytest.MonkeyPatch, lang: str, day: str
) -> None:
    monkeypatch.setenv("LC_ALL", lang)
    assert task_next.times("3/4/2027 at 10:00", "--after", AFTER, "--tz", "UTC") == [f"{day}T10:00:00+00:00"]


@pytest.mark.parametrize(
    ("after", "words", "times"),
    [
        (  # Berlin's clocks go from two to three: what falls into the gap happens right after it.
            "2027-03-27T03:00", "every day at 2:30 am",
            ["2027-03-28T03:00:00+02:00", "2027-03-29T02:30:00+02:00"],
        ),
        (  # They go from three back to two: what comes twice happens the first time.
            "2026-10-24T03:00", "every day at 2:30 am",
            ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"],
        ),
    ],
)  # fmt: skip
def test_days_on_which_the_clocks_change(task_next: TaskNext, after: str, words: str, times: list[str]) -> None:
    assert task_next.times(words, "--after", after, *BERLIN, "-n", "2") == times


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("every day at 9", "--tz", "Europe/Atlantis"), "unknown_zone", "There is no time zone Europe/Atlantis."),
        (("every day at 9", "--tz", "../../etc/passwd"), "unknown_zone", "There is no time zone"),
        (("every day at 9", "--after", "tomorrow"), "bad_moment", "“tomorrow” is no moment in ISO 8601."),
        (("when pigs fly",), "unclear_schedule", "was not understood. Try"),
        (("",), "unclear_schedule", "Try"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_a_sentence_and_a_wrong_use(
    task_next: TaskNext, words: tuple[str, ...], code: str, says: str
) -> None:
    ended, out, err = task_next.ended(*words)
    assert (ended, out) == (2, "") and says in err and len(err.splitlines()) == 1
    ended, out, _ = task_next.ended(*words, "--json")
    assert ended == 2 and json.loads(out)["error"]["code"] == code


def test_a_person_sees_what_was_understood(task_next: TaskNext) -> None:
    code, out, _ = task_next.ended("weekdays at half past six", "--after", AFTER, *BERLIN, "-n", "2")
    understood, *times = out.splitlines()
    assert code == 0 and understood.startswith("Every weekday at 06:30 (") and "is assumed" in understood
    assert times == ["Tue 24 Nov 2026 06:30 CET", "Wed 25 Nov 2026 06:30 CET"]
