"""Schedules in words: the list of phrases, what is refused, what is said, and changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from benchmarks.schedules import Phrase, phrases
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.scheduler.words import Unclear, Understood, describe, understand

BERLIN, NEW_YORK, LORD_HOWE = map(ZoneInfo, ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"))
MONDAY = datetime(2026, 11, 23, 10, 7, tzinfo=BERLIN)


def coming(text: str, now: datetime = MONDAY, count: int = 3) -> list[str]:
    zone = now.tzinfo
    assert isinstance(zone, ZoneInfo)
    understood = understand(text, now, zone)
    assert isinstance(understood, Understood), understood
    return [moment.isoformat(timespec="minutes") for moment in understood.next_times(now, count)]


@pytest.mark.parametrize("phrase", list(phrases()), ids=lambda phrase: phrase.words)
def test_a_phrase_means_what_a_person_means(phrase: Phrase) -> None:
    assert phrase.understood_times() == phrase.times


def test_the_list_is_long_enough() -> None:
    assert sum(bool(phrase.times) for phrase in phrases()) >= 50


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("never on Fridays", "when not"),
        ("every Monday unless it rains", "“unless it rains”"),
        ("on Monday and Thursday at 9", "once, or every week"),
        ("yesterday at 9", "has passed"),
        ("today at 08:00", "has passed"),
        ("2020-01-01 at 9:00", "has passed"),
        ("Thursday, 27 November at 10:00", "is no thursday"),
        ("every Monday except Mondays", "No day is left"),
        ("every day until 08:00", "ends before it begins"),
        ("between 17:00 and 09:00 every hour on weekdays", "the night before"),
        ("every third Thursday", "weeks or days of a month"),
        ("0 99 * * *", "cron line is wrong"),
        ("@sometimes", "no such nickname"),
        ("x" * 400, "too long"),
        ("in 99999999 years", "outside the calendar"),
        ("at \u202e9", "\\u202e"),
    ],
)
def test_what_is_unclear_is_refused_with_a_reason_and_an_example(text: str, part: str) -> None:
    unclear = understand(text, MONDAY, BERLIN)
    assert isinstance(unclear, Unclear)
    assert part in unclear.sentence
    assert unclear.advice


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("weekdays at half past six", "Every weekday at 06:30 (no am or pm was said: 06:30 is assumed)."),
        (
            "at 5",
            "Once, on Monday 23 November 2026 at 17:00 (morning or evening was left open: the next one is meant).",
        ),
        ("every morning", "Every day at 09:00 (no time was said: 09:00 is assumed)."),
        (
            "next Friday at noon",
            "Once, on Friday 4 December 2026 at 12:00 (“next” is read as: in the next calendar week).",
        ),
        ("every other Tuesday at 5pm", "Every other Tuesday at 17:00 from Tuesday 24 November 2026."),
        (
            "every day except Sunday at 8 until Friday",
            "Every day except Sunday at 08:00, until Friday 27 November 2026.",
        ),
        ("first and third Monday of each month at noon", "On the 1st and 3rd Monday of every month at 12:00."),
        ("0 9 * * 1-5", "At 09:00 on Monday through Friday (cron 0 9 * * 1-5)."),
    ],
)
def test_what_was_understood_and_assumed_is_said(text: str, said: str) -> None:
    understood = understand(text, MONDAY, BERLIN)
    assert isinstance(understood, Understood)
    assert understood.sentence == said


def test_describe_says_the_coming_times_too_and_raises_for_the_unclear() -> None:
    assert describe("in 20 minutes", MONDAY, BERLIN) == (
        "Once, on Monday 23 November 2026 at 10:27. Next: Mon 23 Nov 2026 10:27 CET."
    )
    with pytest.raises(UserError, match="soon"):
        describe("soon", MONDAY, BERLIN)


def test_an_open_hour_is_the_next_of_the_waking_day() -> None:
    night = datetime(2026, 11, 23, 22, 30, tzinfo=BERLIN)
    assert coming("at 9", MONDAY) == ["2026-11-23T21:00+01:00"]
    assert coming("at 6", night) == ["2026-11-24T06:00+01:00"]
    assert coming("at 11", night) == ["2026-11-23T23:00+01:00"]
    assert coming("at 11", night.replace(hour=23)) == ["2026-11-24T11:00+01:00"]


def test_a_time_in_a_gap_happens_right_after_it() -> None:
    before = datetime(2027, 3, 27, 12, tzinfo=BERLIN)
    assert coming("every day at 02:30", before) == [
        "2027-03-28T03:00+02:00", "2027-03-29T02:30+02:00", "2027-03-30T02:30+02:00",
    ]  # fmt: skip
    assert coming("tomorrow at 02:15 and please", datetime(2026, 10, 3, 12, tzinfo=LORD_HOWE)) == [
        "2026-10-04T02:30+11:00"
    ]


def test_two_times_in_one_gap_are_one() -> None:
    before = datetime(2027, 3, 13, 12, tzinfo=NEW_YORK)
    assert coming("every day at 02:15 and 02:45", before, 2) == ["2027-03-14T03:00-04:00", "2027-03-15T02:15-04:00"]


def test_a_time_that_comes_twice_happens_the_first_time() -> None:
    before = datetime(2026, 10, 31, 12, tzinfo=NEW_YORK)
    assert coming("every day at 01:30", before, 2) == ["2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"]
    lord_howe = datetime(2027, 4, 3, 12, tzinfo=LORD_HOWE)
    assert coming("every day at 01:45", lord_howe, 2) == ["2027-04-04T01:45+11:00", "2027-04-05T01:45+10:30"]


def test_steps_of_minutes_run_through_a_change_of_the_clocks() -> None:
    spring = datetime(2027, 3, 28, 1, 31, tzinfo=BERLIN)
    assert coming("every 15 minutes", spring, 3) == [
        "2027-03-28T01:45+01:00", "2027-03-28T03:00+02:00", "2027-03-28T03:15+02:00",
    ]  # fmt: skip
    autumn = datetime(2026, 10, 25, 1, 30, tzinfo=BERLIN)
    assert coming("every hour", autumn, 3) == [
        "2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00",
    ]  # fmt: skip
    assert coming("every 2 hours", spring, 2) == ["2027-03-28T03:00+02:00", "2027-03-28T04:00+02:00"]


def test_in_so_many_minutes_is_real_time_and_in_so_many_days_is_the_calendars() -> None:
    before = datetime(2027, 3, 13, 20, tzinfo=NEW_YORK)
    assert coming("in 12 hours", before) == ["2027-03-14T09:00-04:00"]
    assert coming("in 1 day", before) == ["2027-03-14T20:00-04:00"]


def test_counting_goes_on_from_any_later_moment() -> None:
    understood = understand("every other Tuesday at 5pm", MONDAY, BERLIN)
    assert isinstance(understood, Understood)
    later = datetime(2026, 12, 1, tzinfo=UTC)
    assert [moment.day for moment in understood.next_times(later, 2)] == [8, 22]
