"""What holds for every schedule: times rise, keep their wall time, and its words can be read back."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from openclaw_desktop.scheduler.narration import phrase
from openclaw_desktop.scheduler.wall_time import moment_at
from openclaw_desktop.scheduler.words import Unclear, Understood, understand

ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")]
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(second=0, microsecond=0)
)
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
WHICH = st.one_of(
    st.sampled_from(
        ["every day", "every other day", "every weekday", "weekends", "every 3 days", "every month on the 31st"]
    ),
    st.sampled_from(DAYS).map("every {}".format),
    st.sampled_from(DAYS).map("every other {}".format),
    st.tuples(st.sampled_from(["first", "2nd", "third", "fourth", "last"]), st.sampled_from(DAYS)).map(
        lambda pair: f"the {pair[0]} {pair[1]} of each month"
    ),
    st.integers(1, 28)
    .map("on day {} of every month".format)
    .map(lambda text: text.replace("day ", "the ").replace(" of", "th of")),
    st.tuples(st.integers(1, 28), st.sampled_from(["March", "Oct", "november"])).map(
        lambda p: f"every year on {p[0]} {p[1]}"
    ),
    st.sampled_from(DAYS).map("every day except {}".format),
)
CLOCKS = st.tuples(st.integers(0, 23), st.integers(0, 59))
STEPS = st.sampled_from(["every 5 minutes", "every 20 minutes", "hourly", "every 2 hours", "every 50 minutes"])


@given(WHICH, CLOCKS, MOMENTS, ZONES)
@settings(max_examples=150, deadline=None)
def test_times_rise_and_keep_their_wall_time(which: str, clock: tuple[int, int], now: datetime, zone: ZoneInfo) -> None:
    understood = understand(f"{which} at {clock[0]:02}:{clock[1]:02}", now, zone)
    assert isinstance(understood, Understood), understood
    times = understood.next_times(now, 8)
    assert len(times) == 8
    assert now < times[0].astimezone(UTC)
    assert all(one.astimezone(UTC) < other.astimezone(UTC) for one, other in pairwise(times))
    for moment in times:
        wall = moment.replace(hour=clock[0], minute=clock[1], fold=0)
        assert moment.astimezone(UTC) == moment_at(wall.date(), wall.time(), zone)


@given(STEPS, MOMENTS, ZONES)
@settings(max_examples=60, deadline=None)
def test_steps_rise(step: str, now: datetime, zone: ZoneInfo) -> None:
    understood = understand(step, now, zone)
    assert isinstance(understood, Understood)
    times = [moment.astimezone(UTC) for moment in understood.next_times(now, 20)]
    assert now < times[0]
    assert all(one < other for one, other in pairwise(times))


@given(WHICH, CLOCKS, MOMENTS, ZONES)
@settings(max_examples=150, deadline=None)
def test_the_words_shown_mean_the_same_schedule(
    which: str, clock: tuple[int, int], now: datetime, zone: ZoneInfo
) -> None:
    understood = understand(f"{which} at {clock[0]:02}:{clock[1]:02}", now, zone)
    assert isinstance(understood, Understood), understood
    again = understand(phrase(understood.schedule), now, zone)
    assert isinstance(again, Understood), again
    assert again.next_times(now, 5) == understood.next_times(now, 5)


@given(st.text(alphabet="every monday at9:-/.,5pmuntil nexttomorrow in20 minutes", max_size=40), MOMENTS, ZONES)
@settings(max_examples=300, deadline=None)
def test_no_text_raises(text: str, now: datetime, zone: ZoneInfo) -> None:
    understood = understand(text, now, zone)
    if isinstance(understood, Unclear):
        assert understood.sentence
    else:
        understood.next_times(now, 3)
