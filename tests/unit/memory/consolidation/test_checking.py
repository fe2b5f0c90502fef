"""A model's fact, and a summary, against what they were made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.memory.consolidation.checking import anchors, is_borne_out, survives

SOURCE = (
    "My sister Anna moved to Rome in May 2024. She never eats fish. The plumber comes on Thursdays. Is Bob in Oslo?"
)


@pytest.mark.parametrize(
    ("fact", "kept"),
    [
        ("Anna moved to Rome in May 2024", True),
        ("The user's sister Anna moved to Rome", True),
        ("The plumber comes on Thursdays", True),
        ("Anna moved to Oslo in May 2024", False),
        ("Anna moved to Rome in May 2025", False),
        ("Anna moved to Rome in June 2024", False),
        ("Ben moved to Rome in May 2024", False),
        ("The plumber comes on Fridays", False),
        ("The plumber comes on 3 Thursdays", False),
        ("She eats fish", False),
        ("She never eats fish", True),
        ("The plumber never comes on Thursdays", False),
        ("Bob is in Oslo", False),
        ("Likes long walks by the sea", False),
        ("", False),
    ],
)
def test_what_is_borne_out(fact: str, kept: bool) -> None:
    assert is_borne_out(fact, SOURCE) is kept


def test_what_another_did_is_not_the_users() -> None:
    assert not is_borne_out("The user paid 50 EUR for the boat", "Anna paid 50 EUR for the boat")
    assert is_borne_out("The user paid 50 EUR for the boat", "We paid 50 EUR for the boat")
    assert is_borne_out("The user paid 50 EUR for the boat", "I paid 50 EUR for the boat")


@pytest.mark.parametrize(
    ("fact", "source", "kept"),
    [
        ("Anna paid Ben 50 EUR", "Anna paid Ben 50 EUR", True),
        ("Ben paid Anna 50 EUR", "Anna paid Ben 50 EUR", False),
        ("The user paid Anna 50 EUR", "Anna paid me 50 EUR", False),
        ("Anna paid the user 50 EUR", "Anna paid me 50 EUR", True),
        ("Anna was paid 50 EUR", "Anna paid 50 EUR", False),
        ("Anna was paid by Ben", "Anna paid Ben", False),
        ("Anna's dog bit Ben's cat", "Ben's dog bit Anna's cat", False),
        ("The user was taught by Anna", "Anna taught me", False),
        ("Anna moved to Rome in May", "In May, Anna moved to Rome", True),
    ],
)
def test_who_did_what_to_whom_is_as_it_was_said(fact: str, source: str, kept: bool) -> None:
    assert is_borne_out(fact, source) is kept


@given(st.integers(1, 9999), st.integers(1, 9999))
def test_no_other_number_is_believed(said: int, claimed: int) -> None:
    source = f"My locker has the number {said} by the door."
    assert is_borne_out(f"My locker has the number {claimed}", source) is (said == claimed)


@pytest.mark.parametrize("denial", ["not", "never", "no longer"])
def test_a_denial_is_neither_lost_nor_made(denial: str) -> None:
    denied, plain = f"My cat does {denial} like milk.", "My cat does like milk."
    assert is_borne_out(denied, denied) and is_borne_out(plain, plain)
    assert not is_borne_out(plain, denied) and not is_borne_out(denied, plain)


def test_what_must_survive_is_names_numbers_dates_and_denials() -> None:
    assert anchors("On 3 May the user met Dr. Weber at 10:30") >= {"3", "may", "weber", "10:30"}
    texts = ["Anna lives in Rome.", "Ben never eats 2 fish."]
    assert survives(texts, " ".join(texts)) == 1
    assert survives(texts, "") == 0
    assert survives(texts, texts[0]) < 0.8
    assert survives(["so it is"], "") == 1
