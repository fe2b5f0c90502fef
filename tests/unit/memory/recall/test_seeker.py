"""Stems are found in texts of which only the words that may have one are stemmed."""

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.memory.recall import words
from openclaw_desktop.memory.recall.words import seeker, stemmer

CONNECTION = apsw.Connection(":memory:")
STEM = stemmer(CONNECTION)
ENDINGS = (
    "", "s", "es", "ed", "ing", "y", "ies", "ied", "ational", "tional", "ization", "ability", "ibility", "ality",
    "ivity", "iveness", "ousness", "fulness", "ously", "ently", "ably", "ator", "ation", "icate", "icity", "ical",
    "logy", "ement",
)  # fmt: skip


def test_all_of_a_stem_but_its_last_letter_begins_its_words() -> None:
    known = resource_path("embedding", "vocab.txt").read_text(encoding="utf-8").split()
    for word in (word for word in known if word.isascii() and word.isalpha()):
        for ending in ENDINGS:
            (stem,) = STEM(word + ending) or [""]
            assert (word + ending).startswith(stem[:-1] or stem), (word + ending, stem)


WORDS = st.sampled_from(
    ["running", "Ponies", "ponies'", "sky", "skies", "Zürich", "don't", "東京に住む", "7", "a", "-", "able"]
)


@given(st.lists(WORDS | st.text(max_size=8), max_size=8), st.sets(WORDS, max_size=4))
def test_it_finds_what_taking_every_text_apart_finds(said: list[str], asked: set[str]) -> None:
    sought = {stem for word in asked for stem in STEM(word)}
    text = " ".join(said)
    found, length = seeker(CONNECTION, sought)(text)
    stems = STEM(text)
    assert sorted(found) == sorted(stem for stem in stems if stem in sought)
    assert length == (len(text.split(" ")) * bool(text) if text.isascii() else len(stems))


def test_words_that_begin_otherwise_are_not_stemmed(monkeypatch: pytest.MonkeyPatch) -> None:
    stemmed: list[str] = []

    def stems(text: str) -> list[str]:
        stemmed.append(text)
        return STEM(text)

    monkeypatch.setattr(words, "stemmer", lambda _: stems)
    seek = seeker(CONNECTION, {"poni"})
    assert seek("My sister keeps bees and hens") == ([], 6)
    assert stemmed == []
    assert seek("She has two ponies: ponies, not epones") == (["poni", "poni"], 7)
    assert stemmed == ["ponies"]
