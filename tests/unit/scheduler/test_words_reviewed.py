"""Schedules in words that a reviewer tried: what was read wrongly, and kinds of wording that were refused."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from openclaw_desktop.scheduler.narration import phrase
from openclaw_desktop.scheduler.words import Unclear, Understood, understand

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 23, 10, 7, tzinfo=BERLIN)


def coming(text: str, count: int = 3) -> list[str]:
    understood = understand(text, MONDAY, BERLIN)
    assert isinstance(understood, Understood), understood
    return [moment.strftime("%Y-%m-%d %H:%M") for moment in understood.next_times(MONDAY, count)]


@pytest.mark.parametrize(
    ("text", "times"),
    [
        # Read wrongly before: a year was every year, "every" was once, a quarter's last day lay in its first month.
        ("in a year", ["2027-11-23 10:07"]),
        ("every second Sunday in May at 10", ["2027-05-09 10:00", "2028-05-14 10:00", "2029-05-13 10:00"]),
        ("last business day of each quarter at 5pm", ["2026-12-31 17:00", "2027-03-31 17:00", "2027-06-30 17:00"]),
        ("first Monday of each quarter at 9", ["2027-01-04 09:00", "2027-04-05 09:00", "2027-07-05 09:00"]),
        ("next month on the 5th at 9", ["2026-12-05 09:00"]),
        ("last day of the month at 6pm", ["2026-11-30 18:00", "2026-12-31 18:00", "2027-01-31 18:00"]),
        ("third Thursday of November at 6pm", ["2027-11-18 18:00"]),
        ("in the morning at 8", ["2026-11-24 08:00"]),
        ("yearly on the last day of February", ["2027-02-28 09:00", "2028-02-29 09:00", "2029-02-28 09:00"]),
        # A window over midnight, and one until it.
        ("every 2 hours between 8pm and 2", ["2026-11-23 20:00", "2026-11-23 22:00", "2026-11-24 00:00"]),
        ("every 6 hours until midnight", ["2026-11-23 12:00", "2026-11-23 18:00", "2026-11-24 00:00"]),
        # "From 8 to 20 on" is no 19:52 onwards.
        ("every hour from 8 to 20 on weekdays", ["2026-11-23 11:00", "2026-11-23 12:00", "2026-11-23 13:00"]),
        # Minutes of an hour that is left open.
        ("every hour at quarter past", ["2026-11-23 10:15", "2026-11-23 11:15", "2026-11-23 12:15"]),
        ("ten to every hour", ["2026-11-23 10:50", "2026-11-23 11:50", "2026-11-23 12:50"]),
        ("hourly at :30 between 9 and 12 on Tuesdays", ["2026-11-24 09:30", "2026-11-24 10:30", "2026-11-24 11:30"]),
        ("at the top of every hour", ["2026-11-23 11:00", "2026-11-23 12:00", "2026-11-23 13:00"]),
        ("at 7 tonight", ["2026-11-23 19:00"]),
        ("every 12 hours until tomorrow at noon", ["2026-11-23 12:00", "2026-11-24 00:00", "2026-11-24 12:00"]),
        # Days.
        ("every Monday of the month at 9", ["2026-11-30 09:00", "2026-12-07 09:00", "2026-12-14 09:00"]),
        ("only on Mondays at 9", ["2026-11-30 09:00", "2026-12-07 09:00", "2026-12-14 09:00"]),
        ("twice a month on the 1st and 15th", ["2026-12-01 09:00", "2026-12-15 09:00", "2027-01-01 09:00"]),
        ("2x a day at 8 and 20", ["2026-11-23 20:00", "2026-11-24 08:00", "2026-11-24 20:00"]),
        ("0600 hours daily", ["2026-11-24 06:00", "2026-11-25 06:00", "2026-11-26 06:00"]),
        ("6A.M. every weekday", ["2026-11-24 06:00", "2026-11-25 06:00", "2026-11-26 06:00"]),
        ("for the next week every day at 7am", ["2026-11-24 07:00", "2026-11-25 07:00", "2026-11-26 07:00"]),
        ("from Monday to Friday at 9", ["2026-11-24 09:00", "2026-11-25 09:00", "2026-11-26 09:00"]),
        ("between Monday and Friday at 9", ["2026-11-24 09:00", "2026-11-25 09:00", "2026-11-26 09:00"]),
        ("alternate Tuesdays at 9", ["2026-11-24 09:00", "2026-12-08 09:00", "2026-12-22 09:00"]),
        ("twice a week on Monday and Thursday at 9", ["2026-11-26 09:00", "2026-11-30 09:00", "2026-12-03 09:00"]),
        ("every day but Tuesday at 9", ["2026-11-25 09:00", "2026-11-26 09:00", "2026-11-27 09:00"]),
        ("second to last Friday of every month", ["2026-12-18 09:00", "2027-01-22 09:00", "2027-02-19 09:00"]),
        ("2nd and 4th Saturdays at 9", ["2026-11-28 09:00", "2026-12-12 09:00", "2026-12-26 09:00"]),
        ("day 15 of every month", ["2026-12-15 09:00", "2027-01-15 09:00", "2027-02-15 09:00"]),
        ("annually on the 4th of July", ["2027-07-04 09:00", "2028-07-04 09:00", "2029-07-04 09:00"]),
        ("yearly on the last Sunday of October at 12", ["2027-10-31 12:00", "2028-10-29 12:00", "2029-10-28 12:00"]),
        # Several weekdays are a week's plan, one is one day.
        ("Mon, Wed and Fri at 6pm", ["2026-11-23 18:00", "2026-11-25 18:00", "2026-11-27 18:00"]),
        ("mon wed fri 9am", ["2026-11-25 09:00", "2026-11-27 09:00", "2026-11-30 09:00"]),
        ("Tuesday and Thursday at 7:30", ["2026-11-24 07:30", "2026-11-26 07:30", "2026-12-01 07:30"]),
        ("at 9 on Mon/Wed/Fri", ["2026-11-25 09:00", "2026-11-27 09:00", "2026-11-30 09:00"]),
        ("Sat & Sun at 10", ["2026-11-28 10:00", "2026-11-29 10:00", "2026-12-05 10:00"]),
        ("Tuesday at 5pm", ["2026-11-24 17:00"]),
        ("tue 5pm", ["2026-11-24 17:00"]),
        # In one month, in one week, between two days.
        ("every Monday in December at 9", ["2026-12-07 09:00", "2026-12-14 09:00", "2026-12-21 09:00"]),
        ("every day in February at 9", ["2027-02-01 09:00", "2027-02-02 09:00", "2027-02-03 09:00"]),
        ("every Friday this month at 9", ["2026-11-27 09:00"]),
        ("every weekday next week at 8", ["2026-11-30 08:00", "2026-12-01 08:00", "2026-12-02 08:00"]),
        ("every day this week at 9pm", ["2026-11-23 21:00", "2026-11-24 21:00", "2026-11-25 21:00"]),
        ("every day from 1 December to 2 December at 8", ["2026-12-01 08:00", "2026-12-02 08:00"]),
        ("every day between 1 December and 2 December at 8", ["2026-12-01 08:00", "2026-12-02 08:00"]),
        ("every Monday at 9 starting in January", ["2027-01-04 09:00", "2027-01-11 09:00", "2027-01-18 09:00"]),
        ("every Monday starting in two weeks at 9", ["2026-12-07 09:00", "2026-12-14 09:00", "2026-12-21 09:00"]),
        # Parts of the day.
        ("every morning and evening", ["2026-11-23 19:00", "2026-11-24 09:00", "2026-11-24 19:00"]),
        ("mornings and evenings at 8", ["2026-11-23 20:00", "2026-11-24 08:00", "2026-11-24 20:00"]),
        # One day.
        ("first thing tomorrow morning", ["2026-11-24 09:00"]),
        ("tomorrow at eight-thirty", ["2026-11-24 08:30"]),
        ("next week on Friday at 9", ["2026-12-04 09:00"]),
        ("this week on Friday at 9", ["2026-11-27 09:00"]),
        ("15 December next year at 9", ["2027-12-15 09:00"]),
        ("Monday after next at 9", ["2026-12-07 09:00"]),
        ("the day before Christmas at 10", ["2026-12-24 10:00"]),
        ("10 days before Christmas at 10", ["2026-12-15 10:00"]),
        ("tomorrow around 9", ["2026-11-24 09:00"]),
        ("2027/01/05 at 9", ["2027-01-05 09:00"]),
        # Lengths.
        ("in five days' time", ["2026-11-28 10:07"]),
        ("in a hundred and twenty minutes", ["2026-11-23 12:07"]),
        ("in 2½ hours", ["2026-11-23 12:37"]),
        ("in a half hour", ["2026-11-23 10:37"]),
        ("in about an hour", ["2026-11-23 11:07"]),
        ("every half-hour", ["2026-11-23 10:30", "2026-11-23 11:00", "2026-11-23 11:30"]),
        ("after 20 minutes", ["2026-11-23 10:27"]),
        ("every quarter of an hour", ["2026-11-23 10:15", "2026-11-23 10:30", "2026-11-23 10:45"]),
    ],
)  # fmt: skip
def test_a_phrase_means_what_a_person_means(text: str, times: list[str]) -> None:
    assert coming(text) == times


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("last Friday", "has passed"),
        ("Monday or Tuesday at 9", "once, or every week"),
        ("next Monday and Thursday at 9", "more than one schedule"),
        ("Tuesday the 6th at 9", "not the same day"),
        ("this morning", "has passed"),
        ("this week", "fit together"),
        ("twice a week", "does not say when"),
        ("twice a month on the 1st", "does not say when"),
        ("all day", "not understood"),
        ("three times a week on Monday and Friday at 9", "does not say when"),
        ("every hour between 17:00 and 09:00 on weekdays", "the night before"),
        ("every hour between 21:00 and 21:00", "ends before it begins"),
        ("every morning and evening at 8:00 am and 9:00 pm", "fit together"),
        ("every day at quarter past", "fit together"),
        ("every 10 minutes at quarter past", "fit together"),
    ],
)
def test_what_may_mean_two_things_is_refused(text: str, part: str) -> None:
    unclear = understand(text, MONDAY, BERLIN)
    assert isinstance(unclear, Unclear), unclear
    assert part in unclear.sentence


@pytest.mark.parametrize(
    "text",
    [
        "every 15 minutes between 22:00 and 06:00",
        "every hour at quarter past",
        "second last Friday of each month at 9",
        "every weekday in July at 7",
        "last working day of each quarter at 17:00",
        "quarterly at 8am",
        "every Monday in June and July at 9",
    ],
)
def test_the_words_shown_mean_the_same_schedule(text: str) -> None:
    understood = understand(text, MONDAY, BERLIN)
    assert isinstance(understood, Understood)
    again = understand(phrase(understood.schedule), MONDAY, BERLIN)
    assert isinstance(again, Understood), again
    assert again.next_times(MONDAY, 40) == understood.next_times(MONDAY, 40)


def test_a_month_of_every_year_is_said() -> None:
    understood = understand("every Monday in December at 9", MONDAY, BERLIN)
    assert isinstance(understood, Understood)
    assert understood.sentence == "Every Monday in December at 09:00 (December of every year)."


@pytest.mark.parametrize("text", ["every Monday and Thursday at", "tomorrow on", "every day and", "starting from"])
def test_words_that_are_broken_off_are_refused(text: str) -> None:
    assert isinstance(understand(text, MONDAY, BERLIN), Unclear)


def test_haste_is_no_obstacle() -> None:
    assert coming("pls do it tmrw 6pm", 1) == ["2026-11-24 18:00"]
