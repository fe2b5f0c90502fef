"""What a sentence tells beside what it says becomes a sentence of its own; what only looks like it stays whole."""

import pytest

from openclaw_desktop.memory.consolidation.asides import take_apart
from openclaw_desktop.memory.consolidation.slots import contradicts, read_claims
from openclaw_desktop.memory.consolidation.statements import find_statements


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        (
            "I had a letter from my old flatmate Nadia, who lives in Turin.",
            ["I had a letter from my old flatmate Nadia.", "My old flatmate Nadia lives in Turin."],
        ),
        (
            "My cousin Piet, born on 9 June, is a cook.",
            ["My cousin Piet is a cook.", "My cousin Piet was born on 9 June."],
        ),
        (
            "Our neighbour Olga, a tram driver, gave me a lift.",
            ["Our neighbour Olga gave me a lift.", "Our neighbour Olga is a tram driver."],
        ),
        (
            "They brought my fridge today, a Nordal K40, at last.",
            ["They brought my fridge today, at last.", "My fridge is a Nordal K40."],
        ),
        ("I met Tom, who lives in Turin, and we talked.", ["I met Tom, and we talked.", "Tom lives in Turin."]),
    ],
)
def test_an_aside_is_told_for_itself(sentence: str, parts: list[str]) -> None:
    assert take_apart(sentence) == parts


@pytest.mark.parametrize(
    "sentence",
    [
        "I know somebody who lives in Turin.",
        "Who lives in Turin?",
        "I asked Nadia, who said that she lives in Turin.",
        "On Monday, a day off, I slept.",
        "I like my tea, a lot.",
        "I have a sister who is a nurse.",
        "",
    ],
)
def test_what_is_no_aside_stays_whole(sentence: str) -> None:
    assert take_apart(sentence) == [sentence]


def test_of_a_sentence_that_is_over_by_tomorrow_the_aside_is_kept() -> None:
    said = "I was on the phone with my aunt's friend Marta, who was born on 20 October, as it turns out."
    assert [one.text for one in find_statements(said)] == ["My aunt's friend Marta was born on 20 October."]


@pytest.mark.parametrize(
    "said",
    [
        "What if my friend Tom, who lives in Rome, came over?",
        "Suppose my friend Tom, who lives in Rome, came over.",
        "Write a story about my friend Tom, who lives in Rome.",
        "My friend Tom, who lives in Rome, is a unicorn lol",
    ],
)
def test_an_aside_of_what_is_asked_or_made_up_tells_nothing(said: str) -> None:
    assert find_statements(said) == ()


def test_an_aside_can_be_ended() -> None:
    (told,) = find_statements("I had a letter from my old flatmate Nadia, who lives in Turin.")
    assert contradicts(read_claims("Nadia moved to Basel"), read_claims(told.text))


def test_where_the_aside_tells_nothing_the_sentence_stays_whole() -> None:
    (told,) = find_statements("I lived with Tom, a friend, in Rome for years.")
    assert told.text == "I lived with Tom, a friend, in Rome for years."
    assert not any(" is " in one.text for one in find_statements("Thanks Tom, my battery died."))
