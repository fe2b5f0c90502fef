"""A day that the user never told is not named to them."""

import pytest

from openclaw_desktop.agent.told_days import asks_own_day, is_untold


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("When is my sister's birthday?", True),
        ("when's our anniversary", True),
        ("So when was my last appointment?", True),
        ("When is Easter?", False),
        ("When should I plant my tomatoes?", False),
        ("What is my sister's birthday present?", False),
    ],
)
def test_only_a_day_of_the_users_own_is_theirs_to_tell(question: str, asks: bool) -> None:
    assert asks_own_day(question) is asks


@pytest.mark.parametrize(
    ("answer", "told", "untold"),
    [
        ("Your sister's birthday is on November 29th.", "[nothing]", True),
        ("It is on the 29th of November.", "My sister's birthday is on 14 March", True),
        ("It is on March 14.", "My sister's birthday is on the 14th of March", False),
        ("It is 2026-03-14.", "on 14 Mar", False),
        ("It is on 14 March.", "[Today is Saturday, 14 March 2026, 10:00.]\nHello", True),
        ("I don't know when it is.", "", False),
        ("You have 3 sisters.", "", False),
    ],
)
def test_a_day_counts_as_told_however_it_is_written(answer: str, told: str, untold: bool) -> None:
    assert is_untold(answer, told) is untold
