"""A day that a memory names, and the time that a question asks about."""

from datetime import UTC, datetime

import pytest

from openclaw_desktop.memory.recall.candidates import Candidate
from openclaw_desktop.memory.recall.standing import in_time
from openclaw_desktop.memory.recall.times import find_span

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def said_now(text: str) -> Candidate:
    moment = int(NOW.timestamp())
    return Candidate(1, "m", "fact", "user", None, moment, *[None] * 5, 0.5, 0, text, "", "", None)


@pytest.mark.parametrize(
    ("text", "question", "expected"),
    [
        ("The fair is on 3 May", "What was in May 2025?", 1.0),
        ("The fair is on May the 3rd", "What was in May 2025?", 1.0),
        ("We signed on 3 May 2023", "What did we sign in May 2025?", 0.0),
        ("We signed on 3 May 2025", "What did we sign in May 2025?", 1.0),
        ("She was born on 14 March 1990", "Whose birthday is in March?", 1.0),
        ("The fair is on 3 August", "What was between 10 August 2020 and 2 August 2022?", 1.0),
        ("The fair is on 31 June", "What was in June 2025?", 0.0),
    ],
)
def test_a_day_that_is_named_is_of_its_own_year_or_of_any(text: str, question: str, expected: float) -> None:
    assert in_time(said_now(text), find_span(question, NOW)) == expected
