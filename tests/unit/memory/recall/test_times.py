"""Times in questions: which range is meant, told from a moment in a zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from openclaw_desktop.memory.recall.times import Span, find_anchor, find_span, seconds_of

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 15, 30, tzinfo=BERLIN)  # a Tuesday


def ends(span: Span | None) -> tuple[str | None, str | None]:
    assert span is not None
    return tuple(end.date().isoformat() if end else None for end in (span.start, span.end))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("question", "start", "end"),
    [
        ("What did I do yesterday?", "2026-11-23", "2026-11-24"),
        ("what is on today", "2026-11-24", "2026-11-25"),
        ("Who called the day before yesterday?", "2026-11-22", "2026-11-23"),
        ("what did we talk about last night", "2026-11-23", "2026-11-24"),
        ("What happened last week?", "2026-11-16", "2026-11-23"),
        ("this week", "2026-11-23", "2026-11-30"),
        ("plans for next week", "2026-11-30", "2026-12-07"),
        ("where was I last weekend", "2026-11-21", "2026-11-23"),
        ("What did I say last month?", "2026-10-01", "2026-11-01"),
        ("the trip last year", "2025-01-01", "2026-01-01"),
        ("in the last 3 days", "2026-11-21", "2026-11-25"),
        ("over the past two weeks", "2026-11-10", "2026-11-25"),
        ("what did I eat two weeks ago", "2026-11-07", "2026-11-14"),
        ("ten days ago", "2026-11-14", "2026-11-15"),
        ("a month ago", "2026-10-01", "2026-11-01"),
        ("3 years ago", "2023-01-01", "2024-01-01"),
        ("What did Anna say on Monday?", "2026-11-23", "2026-11-24"),
        ("last Tuesday", "2026-11-17", "2026-11-18"),
        ("on Tuesday", "2026-11-24", "2026-11-25"),
        ("next Friday", "2026-11-27", "2026-11-28"),
        ("What did we plan in March?", "2026-03-01", "2026-04-01"),
        ("in December", "2025-12-01", "2026-01-01"),
        ("last November", "2025-11-01", "2025-12-01"),
        ("in May 2023", "2023-05-01", "2023-06-01"),
        ("on 5 May", "2026-05-05", "2026-05-06"),
        ("on the 5th of May 2024", "2024-05-05", "2024-05-06"),
        ("on May 5th, 2024", "2024-05-05", "2024-05-06"),
        ("on 2024-02-29", "2024-02-29", "2024-03-01"),
        ("on 29 February", "2024-02-29", "2024-03-01"),
        ("on 31 December", "2025-12-31", "2026-01-01"),
        ("last summer", "2026-06-01", "2026-09-01"),
        ("in winter", "2025-12-01", "2026-03-01"),
        ("the summer of 2023", "2023-06-01", "2023-09-01"),
        ("in 2024", "2024-01-01", "2025-01-01"),
        ("since January", "2026-01-01", None),
        ("since 2020", "2020-01-01", None),
        ("before 2020", None, "2020-01-01"),
        ("until last month", None, "2026-10-01"),
        ("after 3 May 2025", "2025-05-04", None),
        ("between March and May 2025", "2025-03-01", "2025-06-01"),
        ("from June 2024 to August 2024", "2024-06-01", "2024-09-01"),
        ("on the second of May", "2026-05-02", "2026-05-03"),
        ("since the second of May", "2026-05-02", None),
        ("before May the twenty-first, 2025", None, "2025-05-21"),
        ("between 3 and 5 March", "2026-03-03", "2026-03-06"),
        ("from 3 to 5 March did I cook", "2026-03-03", "2026-03-06"),
        ("between the 3rd and the 5th of March 2024", "2024-03-03", "2024-03-06"),
        ("from the third to the fifth of March", "2026-03-03", "2026-03-06"),
        ("between March 3 and 5", "2026-03-03", "2026-03-06"),
        ("between 30 October and 2 November", "2026-10-30", "2026-11-03"),
    ],
)
def test_words_for_times_become_ranges(question: str, start: str | None, end: str | None) -> None:
    assert ends(find_span(question, NOW)) == (start, end)


@pytest.mark.parametrize(
    "question",
    [
        "Where do I live?",
        "May I come in?",
        "I fell down in a hole",
        "the march of time",
        "did we march 10 km",
        "Whom did May 5 times call?",
        "on 31 June",
        "give me a second",
    ],
)
def test_other_words_are_no_time(question: str) -> None:
    assert find_span(question, NOW) is None


@pytest.mark.parametrize("question", ["between 3 and 5 March", "from 3 to 5 March", "between March 3 and 5"])
def test_a_range_is_named_by_its_own_words(question: str) -> None:
    span = find_span(f"What did I cook {question} with Anna?", NOW)
    assert span is not None
    assert span.phrase == question


def test_numbers_between_others_are_no_days() -> None:
    span = find_span("did between 2 and 4 people come in March", NOW)
    assert ends(span) == ("2026-03-01", "2026-04-01")


def test_a_day_is_as_long_as_its_zone_says() -> None:
    spring, autumn = datetime(2026, 3, 30, 12, tzinfo=BERLIN), datetime(2026, 10, 26, 12, tzinfo=BERLIN)
    for now, hours in ((spring, 23), (autumn, 25), (NOW, 24)):
        span = find_span("yesterday", now)
        assert span is not None
        start, end = span.seconds()
        assert start is not None
        assert end is not None
        assert end - start == hours * 3600


def test_the_year_before_is_meant_across_its_end() -> None:
    new_year = datetime(2027, 1, 1, 0, 30, tzinfo=UTC)
    assert ends(find_span("yesterday", new_year)) == ("2026-12-31", "2027-01-01")
    assert ends(find_span("last month", new_year)) == ("2026-12-01", "2027-01-01")
    assert ends(find_span("last week", new_year)) == ("2026-12-21", "2026-12-28")


def test_a_leap_day_is_a_day_and_its_months_end_right() -> None:
    leap = datetime(2028, 2, 29, 9, tzinfo=UTC)
    assert ends(find_span("last month", leap)) == ("2028-01-01", "2028-02-01")
    assert ends(find_span("a year ago", leap)) == ("2027-01-01", "2028-01-01")
    assert ends(find_span("in the past 12 months", leap)) == ("2027-02-28", "2028-03-01")


def test_a_month_without_its_year_is_not_sure() -> None:
    unsure, sure = find_span("in March", NOW), find_span("in March 2025", NOW)
    assert unsure is not None
    assert sure is not None
    assert (unsure.sure, sure.sure) == (False, True)


def test_an_event_tells_a_time_once_it_is_known_when_it_was() -> None:
    anchor = find_anchor("Where did I work before the move to Porto?")
    assert anchor is not None
    assert (anchor.relation, anchor.event) == ("before", "the move to Porto")
    assert anchor.span(NOW).end == NOW
    after = find_anchor("What changed after my birthday?")
    assert after is not None
    assert after.span(NOW).start == NOW
    assert find_anchor("Where did I live before?") is None


def test_what_is_no_time_has_no_seconds() -> None:
    assert seconds_of(None) is None
    assert seconds_of("soon") is None
    assert seconds_of("1970-01-02") == seconds_of("1970-01-02T02:00:00+02:00") == 86_400
