"""Triggers as the user writes them, and their times counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.scheduler.narration import phrase
from openclaw_desktop.scheduler.schedules import CronLine, Once, Schedule, Steps
from openclaw_desktop.scheduler.triggers import (
    OnEvent,
    Slots,
    at,
    cron,
    every,
    is_length,
    next_after,
    on_event,
    read_length,
    slots_between,
    words_of_length,
)
from openclaw_desktop.scheduler.words import Understood, understand

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 5, 14, 23, 11, 345_678, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("1h30m", 5400), ("2d", 172_800), ("1.5h", 5400), (" 1W ", 604_800)],
)
def test_lengths(text: str, seconds: float) -> None:
    assert read_length(text) == seconds
    assert read_length(words_of_length(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "m", "15", "0m", "-5m", "5 parsecs", "400d", "1h;rm"])
def test_what_is_no_length(text: str) -> None:
    with pytest.raises(UserError) as caught:
        read_length(text)
    assert caught.value.failure.exit_code == ExitCode.USAGE


def test_steps_count_from_now_in_real_time() -> None:
    steps = every("45m", datetime(2026, 3, 29, 0, 30, 0, 900, tzinfo=UTC), BERLIN)
    times = [moment.isoformat() for moment, _ in zip(steps.times(steps.start), range(3), strict=False)]
    assert times == ["2026-03-29T03:15:00+02:00", "2026-03-29T04:00:00+02:00", "2026-03-29T04:45:00+02:00"]


@pytest.mark.parametrize(
    ("text", "words"), [("90s", "every 90 seconds, "), ("30m", "every 30 minutes, "), ("1h", "every hour, ")]
)
def test_steps_are_told_in_their_own_unit(text: str, words: str) -> None:
    assert phrase(every(text, NOW, BERLIN)).startswith(words)


def test_a_step_too_short_is_refused() -> None:
    with pytest.raises(UserError, match="every 10 seconds"):
        every("5s", NOW, BERLIN)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T09:00", "2026-11-23T09:00:00+01:00"),
        ("2026-11-23T09:00Z", "2026-11-23T10:00:00+01:00"),
        ("2026-03-29T02:30", "2026-03-29T03:00:00+02:00"),
        ("2026-10-25T02:30", "2026-10-25T02:30:00+02:00"),
    ],
)
def test_a_moment_without_an_offset_is_of_the_zone(text: str, moment: str) -> None:
    assert at(text, BERLIN).moment.isoformat() == moment


def test_what_is_no_moment() -> None:
    with pytest.raises(UserError, match="ISO 8601"):
        at("tomorrow", BERLIN)
    for text in ("9999-12-31T23:59", "9999-12-31T23:59-10:00"):
        with pytest.raises(UserError, match="too far"):
            at(text, ZoneInfo("America/New_York"))


def test_what_is_written_like_a_length() -> None:
    assert [is_length(text) for text in ("15m", " 1H30m ", "8am", "8:00", "m", "2 days")] == [True] * 2 + [False] * 4


@pytest.mark.parametrize(
    "line",
    ["61 * * * *", "* * * *", "0 0 31 2 *", "0 0 * * 9", "*/0 * * * *", "5-1 * * * *", "@fortnightly", "1 2 3 4 5 6"],
)
def test_wrong_lines_are_refused(line: str) -> None:
    with pytest.raises(UserError, match="wrong, or never due"):
        cron(line, NOW, BERLIN)


def test_names_ranges_to_sunday_and_nicknames() -> None:
    def first(line: str) -> str:
        found = next_after(cron(line, NOW, ZoneInfo("UTC")), NOW)
        assert found is not None
        return found.isoformat(timespec="minutes")

    assert first("0 9 * * sat-sun") == first("0 9 * * 6,0") == "2026-03-07T09:00+00:00"
    assert first("0 9 * APR *") == "2026-04-01T09:00+00:00"
    assert first("@Yearly") == "2027-01-01T00:00+00:00"
    assert cron("@reboot", NOW, BERLIN) == OnEvent("start")


@pytest.mark.parametrize("text", ["present", "mains", "start"])
def test_events(text: str) -> None:
    assert on_event(text) == OnEvent(text)  # type: ignore[arg-type]


def test_a_file_that_changes(tmp_path: Path) -> None:
    assert on_event(f"file:{tmp_path}/x") == OnEvent("file", f"{tmp_path}/x")


@pytest.mark.parametrize("text", ["", "file", "file:", "file:relative", "start:/x", "moon", "file:/nowhere/at/all/x"])
def test_what_is_no_event(text: str) -> None:
    with pytest.raises(UserError, match=r"wait for|no folder"):
        on_event(text)


def meant(words: str) -> Schedule:
    understood = understand(words, datetime(2026, 1, 1, tzinfo=UTC), BERLIN)
    assert isinstance(understood, Understood)
    return understood.schedule


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
SCHEDULES = st.one_of(
    st.sampled_from(["*/5 * * * *", "0 9 * * *", "30 2 * * 0", "0 */3 * * 1-5"]).map(
        lambda line: CronLine(line, BERLIN)
    ),
    st.tuples(MOMENTS, st.integers(600, 100_000)).map(
        lambda pair: Steps(pair[0].replace(microsecond=0), timedelta(seconds=pair[1]))
    ),
    MOMENTS.map(Once),
    st.sampled_from(["every other tuesday at 17:00", "every day at 2:30 until 1 june 2027"]).map(meant),
)


@given(SCHEDULES, MOMENTS, st.integers(0, 60 * 24 * 40))
@settings(max_examples=150, deadline=None)
def test_times_between_two_moments_are_counted_as_they_are_listed(
    schedule: Schedule, after: datetime, minutes: int
) -> None:
    until = after + timedelta(minutes=minutes)
    moments = (moment.astimezone(UTC) for moment in schedule.times(after))
    listed = list(takewhile(lambda moment: moment <= until, moments))
    expected = None
    if listed:
        expected = Slots(len(listed), listed[0], listed[-1], listed[-2] if len(listed) > 1 else listed[0])
    assert slots_between(schedule, after, until) == expected
