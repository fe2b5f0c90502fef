"""Days and clocks elsewhere, against the standard library; hours that do not exist or come twice are told."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.tools.date_functions import date_sum, zone_time
from openclaw_desktop.workers.calls import CallFailed

TODAY = "2026-11-29"
NOW = "2026-11-29T06:30:00+00:00"


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        (("between", "2026-01-01", "2026-11-29"), 332),
        (("between", "29 Nov 2026", "1 January 2026"), 332),
        (("until", "christmas"), 26),
        (("until", "1 march"), 92),
        (("until", "29 feb"), 457),
        (("until", "today"), 0),
        (("weekday", "July 4, 1976"), "Sunday"),
        (("age", "14 March 1990"), 36),
        (("add", "2026-01-31", "", 1, "months"), "2026-02-28"),
        (("add", "today", "", 90, "days"), "2027-02-27"),
        (("add", "tomorrow", "", -2, "weeks"), "2026-11-16"),
    ],
)
def test_days_are_counted(asked: tuple[str, ...], value: object) -> None:
    assert date_sum(*asked, today=TODAY)["value"] == value


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (("weekday", "31 feb"), "no_date"),
        (("weekday", "my birthday"), "no_date"),
        (("age", "2030-01-01"), "no_date"),
        (("add", "today", "", 99_999_999, "years"), "too_far"),
        (("add", "today", "", 10**30, "days"), "too_far"),
        (("add", "today", "", 1, "moons"), "no_date"),
    ],
)
def test_what_is_no_day_is_told(asked: tuple[str, ...], code: str) -> None:
    with pytest.raises(CallFailed) as failure:
        date_sum(*asked, today=TODAY)
    assert failure.value.code == code


@given(st.dates(date(1, 1, 1), date(9999, 12, 31)), st.integers(-4_000_000, 4_000_000))
def test_days_on_agree_with_the_standard_library(day: date, count: int) -> None:
    try:
        wanted = day + timedelta(days=count)
    except OverflowError:
        with pytest.raises(CallFailed):
            date_sum("add", day.isoformat(), "", count, "days", today=TODAY)
        return
    assert date_sum("add", day.isoformat(), "", count, "days", today=TODAY)["value"] == wanted.isoformat()


@pytest.mark.parametrize(
    ("place", "clock", "source", "value"),
    [
        ("Tokyo", "", "", "2026-11-29T15:30:00+09:00"),
        ("", "3 pm", "Tokyo", "2026-11-29T06:00:00+00:00"),
        ("utc+5", "", "", "2026-11-29T11:30:00+05:00"),
        ("new york", "12 am", "", "2026-11-28T19:00:00-05:00"),
        ("Mumbai", "noon", "", "2026-11-29T17:30:00+05:30"),
    ],
)
def test_the_time_elsewhere(place: str, clock: str, source: str, value: str) -> None:
    assert zone_time(place, clock, source, NOW, "Europe/Lisbon")["value"] == value


def test_an_hour_that_is_skipped_or_comes_twice_is_told() -> None:
    skipped = zone_time("London", "2:30", "New York", "2026-03-08T12:00:00+00:00", "UTC")
    assert skipped["value"] == "2026-03-08T07:30:00+00:00" and "skip" in skipped["text"]
    twice = zone_time("London", "1:30", "New York", "2026-11-01T12:00:00+00:00", "UTC")
    assert twice["value"] == "2026-11-01T05:30:00+00:00" and "twice" in twice["text"]


@pytest.mark.parametrize(
    ("place", "clock", "code"),
    [
        ("mars", "", "no_zone"),
        ("../../etc/passwd", "", "no_zone"),
        ("", "25:00", "no_time"),
        ("", "13 pm", "no_time"),
        ("utc+99", "", "no_zone"),
    ],
)
def test_no_place_and_no_time(place: str, clock: str, code: str) -> None:
    with pytest.raises(CallFailed) as failure:
        zone_time(place, clock, "", NOW, "UTC")
    assert failure.value.code == code


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1)),
    st.sampled_from(["Asia/Tokyo", "America/New_York", "Europe/Berlin"]),
)
def test_now_agrees_with_zoneinfo(moment: datetime, zone: str) -> None:
    now = moment.replace(tzinfo=ZoneInfo("UTC"))
    found = zone_time(zone.split("/")[1].replace("_", " "), "", "", now.isoformat(), "UTC")["value"]
    assert datetime.fromisoformat(found) == now.astimezone(ZoneInfo(zone))


@given(st.text(max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_no_words_break_the_dates(first: str, second: str, third: str) -> None:
    for work in (
        lambda: date_sum("between", first, second, today=TODAY),
        lambda: zone_time(first, second, third, NOW, "UTC"),
    ):
        try:
            assert work()["text"]
        except CallFailed as failure:
            assert failure.message
