"""Words for times: what a day, a range and an end mean, and what they do not."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.scheduler.words import Unclear, understand
from openclaw_desktop.tools.calendar.moments import Clocks, end_of, read_hours

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 12, 2, 9, 30, tzinfo=BERLIN)  # a Wednesday


def read_time(words: str) -> datetime | None:
    understood = understand(words, NOW, BERLIN, True)
    return None if isinstance(understood, Unclear) else next(iter(understood.next_times(NOW, 1)), None)


CLOCKS = Clocks(NOW, BERLIN, read_time)


@pytest.mark.parametrize(
    ("words", "first", "days"),
    [
        ("", "2026-12-02", 1),
        ("today", "2026-12-02", 1),
        ("for tomorrow?", "2026-12-03", 1),
        ("yesterday", "2026-12-01", 1),
        ("this week", "2026-12-02", 5),
        ("next week", "2026-12-07", 7),
        ("this weekend", "2026-12-05", 2),
        ("next weekend", "2026-12-12", 2),
        ("this month", "2026-12-02", 30),
        ("next month", "2027-01-01", 31),
        ("the next 10 days", "2026-12-02", 10),
        ("on Friday", "2026-12-04", 1),
        ("2027-02-28", "2027-02-28", 1),
    ],
)
def test_ranges_of_days(words: str, first: str, days: int) -> None:
    span = CLOCKS.range(words)
    assert span.first == datetime.fromisoformat(first).replace(tzinfo=BERLIN)
    assert (span.last.date() - span.first.date()).days == days


def test_a_range_has_an_end_of_its_own() -> None:
    span = CLOCKS.range("2026-10-24", "2026-10-25")
    assert (span.last.astimezone(UTC) - span.first.astimezone(UTC)) == timedelta(hours=49), "summer time ends in it"
    assert CLOCKS.range("tomorrow", days=3).last.date() == date(2026, 12, 6)
    for wrong in (("2026-12-05", "2026-12-04", 0), ("today", "", 367), ("2026-02-30", "", 0), ("9999-12-31", "", 0),
                  ("whenever", "", 0), ("the next 900 days", "", 0)):  # fmt: skip
        with pytest.raises(UserError) as caught:
            CLOCKS.range(*wrong)
        assert caught.value.failure.code in ("wrong_range", "unclear_time")


@pytest.mark.parametrize("words", ["0001-01-01", "0001-01-01T00:00+14:00", "9999-12-31", "9999-12-31 23:59-12:00"])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_a_year_that_other_clocks_do_not_have_is_no_time(words: str, zone: str) -> None:
    clocks = Clocks(NOW, ZoneInfo(zone), read_time)
    for read in (clocks.moment, clocks.range):
        with pytest.raises(UserError) as caught:
            read(words)
        assert caught.value.failure.code == "unclear_time"


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("tomorrow", date(2026, 12, 3)),
        ("Friday", date(2026, 12, 4)),
        ("14 December", date(2026, 12, 14)),
        ("2026-12-24", date(2026, 12, 24)),
        ("Friday at 12", datetime(2026, 12, 4, 12, tzinfo=BERLIN)),
        ("tomorrow at noon", datetime(2026, 12, 3, 12, tzinfo=BERLIN)),
        ("2026-12-24 18:30", datetime(2026, 12, 24, 18, 30, tzinfo=BERLIN)),
        ("2026-12-24T18:30:00Z", datetime(2026, 12, 24, 18, 30, tzinfo=UTC)),
    ],
)
def test_a_day_or_a_moment(words: str, meant: datetime | date) -> None:
    assert CLOCKS.moment(words) == meant
    assert isinstance(CLOCKS.moment(words), datetime) == isinstance(meant, datetime)


def test_ends() -> None:
    noon, day = datetime(2026, 12, 4, 12, tzinfo=BERLIN), date(2026, 12, 4)
    assert end_of(noon, "", 0, CLOCKS) == noon + timedelta(hours=1)
    assert end_of(noon, "", 0, CLOCKS, timedelta(minutes=20)) == noon + timedelta(minutes=20)
    assert end_of(noon, "", 45, CLOCKS) == noon + timedelta(minutes=45)
    assert end_of(noon, "13:15", 0, CLOCKS) == noon + timedelta(minutes=75)
    assert end_of(noon, "at 2 pm", 0, CLOCKS) == noon + timedelta(hours=2)
    assert end_of(noon, "2026-12-05 8:00", 0, CLOCKS) == datetime(2026, 12, 5, 8, tzinfo=BERLIN)
    assert end_of(day, "", 0, CLOCKS) == date(2026, 12, 5)
    assert end_of(day, "2026-12-06", 0, CLOCKS) == date(2026, 12, 7), "the last day belongs to it"
    for wrong in ("11:00", "2026-12-01", "nonsense", "25:99"):
        with pytest.raises(UserError):
            end_of(noon, wrong, 0, CLOCKS)


def test_hours() -> None:
    assert read_hours("8 - 20") == (8, 20) and read_hours("0 to 24") == (0, 24)
    for wrong in ("20-8", "9", "9-25", "x-y", ""):
        with pytest.raises(UserError):
            read_hours(wrong)
