"""Quiet hours: their form, and their ends over midnights and over clocks that jump."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.notifications.quiet import next_at, quiet_until, read_quiet_hours, read_time_of_day, wall_moment

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = read_quiet_hours("22:00-07:00")


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        ("22:00-07:00", "2026-03-02 21:59", None),
        ("22:00-07:00", "2026-03-02 22:00", "2026-03-03 07:00"),
        ("22:00-07:00", "2026-03-03 06:59", "2026-03-03 07:00"),
        ("22:00-07:00", "2026-03-03 07:00", None),
        ("13:00-14:00", "2026-03-03 13:30", "2026-03-03 14:00"),
        ("Mon-Fri 22:00-07:00; Sat,Sun 23:00-09:30", "2026-03-06 23:00", "2026-03-07 07:00"),
        ("Mon-Fri 22:00-07:00; Sat,Sun 23:00-09:30", "2026-03-07 22:30", None),
        ("Mon-Fri 22:00-07:00; Sat,Sun 23:00-09:30", "2026-03-08 09:00", "2026-03-08 09:30"),
        ("sun-mon 00:00-00:00", "2026-03-08 12:00", "2026-03-10 00:00"),
        ("22:00-07:00; 07:00-08:00", "2026-03-02 23:00", "2026-03-03 08:00"),
        ("22:00-07:00; 06:00-08:00", "2026-03-02 23:00", "2026-03-03 08:00"),
        ("off", "2026-03-02 23:00", None),
    ],
)
def test_the_end_of_the_quiet(hours: str, now: str, until: str | None) -> None:
    assert quiet_until(read_quiet_hours(hours), at(now), BERLIN) == (None if until is None else at(until))


def test_a_night_that_lacks_an_hour_or_has_one_more() -> None:
    for day, hours in (("2026-03-28", 8), ("2026-10-24", 10), ("2026-06-01", 9)):
        start = at(f"{day} 22:00")
        assert quiet_until(NIGHT, start, BERLIN) == start + timedelta(hours=hours)


def test_an_end_that_the_clock_skips_or_shows_twice() -> None:
    spans = read_quiet_hours("01:00-02:30")
    assert quiet_until(spans, at("2026-03-29 01:30"), BERLIN) == at("2026-03-29 03:00"), "it is the moment of the jump"
    twice = quiet_until(spans, at("2026-10-25 02:10"), BERLIN)
    assert twice == at("2026-10-25 02:30", fold=1), "the longer quiet"
    began = read_quiet_hours("02:30-05:00")
    assert quiet_until(began, at("2026-10-25 02:40"), BERLIN) == at("2026-10-25 05:00"), "from the first 02:30 on"
    assert quiet_until(began, at("2026-03-29 03:00"), BERLIN) == at("2026-03-29 05:00")
    assert quiet_until(began, at("2026-03-29 03:00") - timedelta(minutes=1), BERLIN) is None


def test_a_jump_of_half_an_hour_at_another_moment() -> None:
    lord_howe = ZoneInfo("Australia/Lord_Howe")
    assert wall_moment(datetime(2026, 10, 4).date(), time(2, 10), lord_howe, late=False) == at(
        "2026-10-04 02:30", lord_howe
    )


def test_quiet_all_week_has_an_end_in_sight() -> None:
    now = at("2026-03-02 12:00")
    until = quiet_until(read_quiet_hours("00:00-00:00"), now, BERLIN)
    assert until is not None and timedelta(days=7) < until - now < timedelta(days=10)


def test_the_next_digest_is_today_or_tomorrow() -> None:
    evening = read_time_of_day("17:30")
    assert next_at(evening, at("2026-03-28 12:00"), BERLIN) == at("2026-03-28 17:30")
    assert next_at(evening, at("2026-03-28 17:30"), BERLIN) == at("2026-03-29 17:30")


@pytest.mark.parametrize(
    "text", ["22-7", "25:00-07:00", "22:00-07:60", "Foo 22:00-07:00", "22:00", "Mon- 1:00-2:00", ";"]
)
def test_what_is_no_quiet_hours_is_said(text: str) -> None:
    with pytest.raises(UserError, match="can't be understood"):
        read_quiet_hours(text)


@pytest.mark.parametrize("text", ["", "24:00", "5pm", "17:30:00"])
def test_what_is_no_time_of_day_is_said(text: str) -> None:
    with pytest.raises(UserError, match="no time of the day"):
        read_time_of_day(text)
