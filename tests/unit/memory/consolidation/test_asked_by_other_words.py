"""What a fact is asked by that it lacks."""

import pytest

from openclaw_desktop.memory.consolidation.matters import words_asked_by


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Wilma works as a baker.", "occupation"),
        ("My boss is Annika Brandt.", "report"),
        ("I'm allergic to pollen.", "avoid"),
        ("I'm married to Maren.", "spouse"),
        ("I studied chemistry at Uppsala.", "subject"),
    ],
)
def test_it_is_asked_for_in_words_that_it_lacks(text: str, word: str) -> None:
    assert word in words_asked_by(text).split()
