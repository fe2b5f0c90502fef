"""What is put right by a word that points back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.memory.consolidation.pronouns import put_right

BIRTHDAY = "My sister Vera's birthday is on 14 March."


@pytest.mark.parametrize(
    ("before", "text", "written"),
    [
        (BIRTHDAY, "Actually, it's on 15 March.", "My sister Vera's birthday is on 15 March."),
        (BIRTHDAY, "Sorry, I meant 15 March", "My sister Vera's birthday is on 15 March."),
        (BIRTHDAY, "No, 15 March.", "My sister Vera's birthday is on 15 March."),
        ("My doctor is Dr. Smith", "No, it's Dr. Brandt. Thanks!", "My doctor is Dr. Brandt."),
        ("My doctor is Smith", "No, it's Brandt.", "My doctor is Brandt."),
        ("I live in Porto.", "No, it's Lisbon", "I live in Lisbon."),
        ("My cat is called Milo", "Wait, she's called Mila", "My cat is called Mila."),
        (BIRTHDAY, "Actually, it's raining.", None),
        (BIRTHDAY, "Actually, it's on 14 March.", None),
        ("What a day", "No, it's 15 March", None),
        (BIRTHDAY, "15 March", None),
    ],
)
def test_the_new_value_takes_the_old_ones_place(before: str, text: str, written: str | None) -> None:
    assert put_right(before, text) == written


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_two_texts_can_be_compared(before: str, text: str) -> None:
    put_right(before, text)
