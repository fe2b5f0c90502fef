"""While what is said holds."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.memory.consolidation.spans import as_present, find_span, without_span

SAID = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("I live in Rome since March", date(2026, 3, 1), None),
        ("I live in Rome since December", date(2025, 12, 1), None),
        ("I work here since 2020", date(2020, 1, 1), None),
        ("My rent is 900 until May", None, date(2027, 5, 31)),
        ("My rent is 900 until May 2028", None, date(2028, 5, 31)),
        ("My pass is valid from 3 May 2025 until the 2nd of June 2027", date(2025, 5, 3), date(2027, 6, 2)),
        ("I'm on leave until next month", None, date(2026, 12, 31)),
        ("I'm on leave since last year", date(2025, 1, 1), None),
        ("From 2027-01-15 on I work at Bosch", date(2027, 1, 15), None),
        ("From 1 May I'll live in Lisbon", date(2027, 5, 1), None),
        ("Starting in January I won't work here", date(2027, 1, 1), None),
        ("Since May I live in Lisbon", date(2026, 5, 1), None),
        ("until 31 February 2027", None, None),
        ("I may live in Rome", None, None),
    ],
)
def test_spans_in_words(text: str, first: date | None, last: date | None) -> None:
    span = find_span(text, SAID)
    assert (span.first, span.last) == (first, last)


def test_the_span_is_taken_off() -> None:
    assert without_span("I live in Rome since March 2024") == "I live in Rome"


@pytest.mark.parametrize(
    ("text", "told_then"),
    [
        ("From 1 May I'll live in Lisbon", "From 1 May I live in Lisbon"),
        ("My rent will be 900 from June", "My rent is 900 from June"),
        ("From 2027 I won't be living here", "From 2027 I is not living here"),
        ("I'll live in Lisbon", "I'll live in Lisbon"),
        ("Will has lived here from 2020 on", "Will has lived here from 2020 on"),
    ],
)
def test_what_is_dated_is_told_as_on_that_day(text: str, told_then: str) -> None:
    assert " ".join(as_present(text).split()) == told_then


@given(st.text(max_size=100), st.dates())
def test_any_text_has_a_span_or_none(text: str, said: date) -> None:
    find_span(text, said)
