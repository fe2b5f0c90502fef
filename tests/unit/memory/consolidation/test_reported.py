"""What the user knows from somebody is told; what somebody says of the user is a quote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.memory.consolidation.reported import with_own_colons, without_source
from openclaw_desktop.memory.consolidation.slots import read_claims
from openclaw_desktop.memory.consolidation.statements import find_statements


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("The dentist says my lower left molar is cracked.", "my lower left molar is cracked."),
        ("My insurer confirmed that my policy number is 8812.", "my policy number is 8812."),
        ("The lab corrected it: iron level is 54.", "my iron level is 54."),
        ("On the label it says 42 as my size.", "42 as my size."),
        ("I have to tell all my hosts that I am a vegan.", "I am a vegan."),
        ("I need to remind people that my name is Zoë.", "my name is Zoë."),
        ("It took me an hour to find out that our meter number is 5512.", "our meter number is 5512."),
        ("My planner says the plumber Ott on 3 May at 9:00.", "I meet the plumber Ott on 3 May at 9:00."),
        ("My sister says my flat is ugly.", "My sister says my flat is ugly."),
        ("The paper says my street is closed.", "The paper says my street is closed."),
    ],
)
def test_who_knows_it_stands_before_what_is_told(said: str, told: str) -> None:
    assert without_source(said) == told


@pytest.mark.parametrize(
    "text",
    [
        "The vet told me that my tortoise is a female.",
        "Since the move I know that my new postcode is 4055.",
        "I've been told that Heron's budget is 40,000 euros.",
        "In my passport it says 178 cm as my height.",
        "The optician corrected it: lens strength is minus 4.",
        "My calendar says the notary Falk on 12 June at 10:00.",
        "They confirmed it: the notary Falk, 12 June at 10:00.",
        "My note was wrong: my aunt Gerda celebrates on 7 May.",
    ],
)
def test_what_is_known_from_somebody_is_kept_as_it_was_said(text: str) -> None:
    assert [statement.text for statement in find_statements(text)] == [text]


@pytest.mark.parametrize(
    "text",
    [
        "My brother said I am a baker.",
        "The novel says my house is on fire.",
        "The guide wrote: my dog loves Rome.",
        "Check this: I live in Rome.",
        "I know that feeling.",
        "I have to tell you something.",
        "The manual says press the red button.",
        "The contract says that jazz began in Porto.",
    ],
)
def test_what_anybody_else_says_is_none_of_it(text: str) -> None:
    assert find_statements(text) == ()


def test_what_is_known_from_somebody_can_be_put_right() -> None:
    (claim,) = read_claims("The doctor says my resting pulse is 61.").claims
    (newer,) = read_claims("My resting pulse is 58.").claims
    assert (claim.subject, claim.slot) == (newer.subject, newer.slot) and claim.value != newer.value


def test_a_colon_of_ones_own_hands_nothing_over() -> None:
    assert with_own_colons("It's settled: I leave in May.") == "It's settled, I leave in May."
    assert with_own_colons("She wrote: I leave in May.") == "She wrote: I leave in May."


@given(st.text(alphabet="my doctor says that I it:. ", max_size=80))
def test_nothing_is_made_up(text: str) -> None:
    words = set(without_source(text).lower().split())
    assert words <= {*text.lower().split(), "my", "i", "meet"}
