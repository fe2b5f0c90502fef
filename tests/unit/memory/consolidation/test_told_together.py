"""Several things in one sentence: each is a fact for itself, which may end without the others; and trades."""

import pytest

from openclaw_desktop.memory.consolidation.claims import Claim
from openclaw_desktop.memory.consolidation.slots import contradicts, contradicts_in_part, read_claims
from openclaw_desktop.memory.consolidation.statements import find_statements


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("I live in Porto and I work at Acme.", ["I live in Porto", "I work at Acme."]),
        ("I quit my job as a nurse and now I'm a teacher.", ["I quit my job as a nurse", "Now I'm a teacher."]),
        ("I'm a nurse, I live in Porto and I love sailing.", ["I'm a nurse", "I live in Porto", "I love sailing."]),
        ("I moved to Oslo and my cat Tom came with me.", ["I moved to Oslo", "My cat Tom came with me."]),
        ("Actually, I like tea but I hate coffee.", ["I like tea", "I hate coffee."]),
        ("These days, I like tea but I hate coffee.", ["These days, I like tea", "I hate coffee."]),
    ],
)
def test_what_each_part_of_a_sentence_tells_is_a_fact(said: str, told: list[str]) -> None:
    assert [statement.text for statement in find_statements(said)] == told


@pytest.mark.parametrize(
    "said",
    [
        "I live in Porto, work at Acme and play the cello.",
        "My sister Ana lives in Ghent and she is a judge.",
        "I own a red Volvo from 1987 and I wash it on Sundays.",
        "My dentist is Dr. Weber, and I go there by bus.",
        "I live in Porto while my sister is away.",
        "I live in Porto and I work at Acme, but only until June.",
        "I drink coffee and I eat sushi when I'm in Japan.",
        "My favourite musical is The King and I by Rodgers.",
        "I'm allergic to cats and I have a dog or a cat.",
    ],
)
def test_what_does_not_stand_for_itself_stays_with_the_rest(said: str) -> None:
    assert [statement.text for statement in find_statements(said)] == [said]


@pytest.mark.parametrize(
    "said",
    [
        "I dreamt that I live in Rome and I work at NASA.",
        "If I live in Rome and I work at NASA, what do I pay?",
        "Suppose I'm a nurse and I live in Porto.",
        "Do I live in Porto and do I work at Acme?",
    ],
)
def test_a_part_tells_no_more_than_the_whole(said: str) -> None:
    assert find_statements(said) == ()


@pytest.mark.parametrize("now", ["Nowadays", "Now", "These days,", "From now on", "As of now,"])
def test_what_is_so_from_now_on_was_otherwise_before(now: str) -> None:
    (statement,) = find_statements(f"{now} I work as a baker.")
    assert statement.text == f"{now} I work as a baker."
    assert contradicts(read_claims(statement.text), read_claims("I work as a nurse."))


@pytest.mark.parametrize(
    "said", ["I moved to Porto and I work as a baker.", "Now I live in Porto and I work as a baker."]
)
def test_that_something_is_new_is_said_of_each_part(said: str) -> None:
    home, work = find_statements(said)
    assert home.changes and work.changes and work.text == "I work as a baker."


def test_against_what_was_said_is_known_without_the_words_for_it() -> None:
    (statement,) = find_statements("Actually, I work as a baker.")
    assert (statement.text, statement.changes) == ("I work as a baker.", True)


@pytest.mark.parametrize(
    ("said", "claims"),
    [
        ("I'm a night nurse at the clinic.", [Claim("user", "job", "night nurse")]),
        ("I am a software engineer", [Claim("user", "job", "software engineer")]),
        ("I'm no longer a nurse.", [Claim("user", "job", "nurse", denied=True)]),
        ("I lost my job as a driver.", [Claim("user", "job", "driver", denied=True)]),
        ("My husband Tom is a baker.", [Claim("tom", "job", "baker")]),
        # What one likes, is just now, or is to others.
        ("I'm a tea drinker now.", []),
        ("I'm a good cook.", []),
        ("I'm a nurse in the summer.", []),
        ("I'm a teacher of my sister's.", []),
        ("I'm also a photographer.", []),
        ("I'm a doctor to my friends.", []),
        ("Tom is an actor in the school play now.", []),
        ("I'm a doctor now in this game.", []),
        ("My son is a doctor for Halloween now.", []),
        ("I'm a writer at heart.", []),
        ("I'm a judge at the contest now.", []),
        ("I'm a volunteer firefighter now.", []),
        ("I'm a former nurse.", []),
        ("Now I'm a cook, because my wife is away.", []),
        ("My dog Rex is a guard now.", []),
        ("I haven't quit my job as a nurse.", []),
    ],
)
def test_what_one_lives_by(said: str, claims: list[Claim]) -> None:
    assert list(read_claims(said).claims) == claims


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("I'm a teacher now.", "I'm a nurse at the city hospital."),
        ("I quit my job as a nurse", "I work as a nurse."),
        ("I'm a smith now", "I'm a tea lover and I'm a nurse"),
    ],
)
def test_a_trade_ends_another_only_where_something_is_new(new: str, old: str) -> None:
    assert contradicts(read_claims(new), read_claims(old)) == ("smith" not in new)
    assert not contradicts(read_claims("I'm a teacher."), read_claims("I'm a nurse."))


@pytest.mark.parametrize(
    ("new", "old", "in_part"),
    [
        ("I moved to Linz", "I live in Graz, work at Magna and play the cello", True),
        ("I work at Bosch now", "I live in Graz, work at Magna and play the cello", False),
        ("I moved to Linz", "I live in Graz", True),
        ("My sister Ana moved to Linz", "I live in Graz, work at Magna and play the cello", False),
    ],
)
def test_what_tells_more_is_contradicted_in_part(new: str, old: str, in_part: bool) -> None:
    assert contradicts_in_part(read_claims(new), read_claims(old)) is in_part
