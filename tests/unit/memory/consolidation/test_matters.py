"""By which words a fact is asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.memory.consolidation.matters import words_asked_by


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ("Anna settled in Rome", {"live", "home", "town"}),
        ("Ben trained as a roofer", {"job", "profession", "work"}),
        ("Eva celebrates on 3 May", {"birthday", "born"}),
        ("I loathe golf", {"dislike", "hate"}),
        ("Our tortoise is called Tank", {"pet", "animal"}),
        ("I lent the drill to Tom", {"borrowed"}),
        ("It rains", set()),
    ],
)
def test_what_is_told_in_other_words_is_asked_for_in_these(told: str, asked: set[str]) -> None:
    assert asked <= set(words_asked_by(told).split())
    assert asked or words_asked_by(told) == ""


@given(st.text(max_size=300))
def test_no_word_is_said_twice(text: str) -> None:
    words = words_asked_by(text).split()
    assert len(words) == len(set(words)) and not set(words) & set(text.lower().split())
