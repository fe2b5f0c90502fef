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
        ("I live in Porto.", "No, Lisbon.", "I live in Lisbon."),
        ("I work at IBM.", "Sorry, I meant Google", "I work at Google."),
        ("My PIN is 1234.", "No, I mean 4321", "My PIN is 4321."),
        ("My locker number is 214.", "It has changed, it's 203 now.", "My locker number is 203."),
        ("My locker number is 214.", "It has changed, it's a pity.", None),
        ("I'm allergic to nuts.", "No, it's eggs", "I'm allergic to eggs."),
        ("My favourite colour is green.", "Actually, it's blue", "My favourite colour is blue."),
        ("My wifi password is hunter2.", "No, it's wrong.", None),
        ("My favourite colour is green.", "No, it's wrong.", None),
        ("My favourite colour is green.", "No, Never mind", None),
        ("My boss is called Ruth.", "Wait, it's Friday", None),
        ("My sister Vera lives in Porto.", "Actually, she is Portuguese", None),
        ("My sister Vera lives in Porto.", "No, that's Ana", None),
        ("My bank is Novo.", "No, OK", None),
        ("My bank is Novo.", "No, Great. Thanks", None),
        ("My PIN is 1234.", "Wait, 5 minutes", None),
        ("My dog is called Rex.", "No, Good boy", None),
        ("My dog is called Rex.", "No, it is .", None),
    ],
)
def test_the_new_value_takes_the_old_ones_place(before: str, text: str, written: str | None) -> None:
    assert put_right(before, text) == written


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_two_texts_can_be_compared(before: str, text: str) -> None:
    put_right(before, text)
