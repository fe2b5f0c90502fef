"""Sentences: where they end, what turns them around, and which of them say most."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.sentences import LONGEST_SENTENCE_TOKENS, Passage, choose, split_sentences, states
from openclaw_desktop.core.tokens import estimate_tokens


def passages(*texts: str) -> list[Passage]:
    return [Passage(f"t{number}", text, USER) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("I met Dr. Smith. He said no. At 5 p.m. I left!", ["I met Dr. Smith.", "He said no.", "At 5 p.m. I left!"]),
        ('"Stop!" He ran. Version 3.5 is out.', ['"Stop!"', "He ran.", "Version 3.5 is out."]),
        ("one\n\n- two\n* three", ["one", "- two", "* three"]),
        ("我不吃肉。我喝茶。", ["我不吃肉。", "我喝茶。"]),
        ("We moved, Ana and I. It rains.", ["We moved, Ana and I.", "It rains."]),
        ("It's at Ben's. Where's my tea?", ["It's at Ben's.", "Where's my tea?"]),
        ("It is minus 1.5. Let's go.", ["It is minus 1.5.", "Let's go."]),
        ("Ask J. Berg. He knows.", ["Ask J. Berg.", "He knows."]),
        (" ... \n---\n", []),
        ("word " * 1000, []),
    ],
)
def test_where_sentences_end(text: str, sentences: list[str]) -> None:
    assert [sentence.text for sentence in split_sentences(passages(text))] == sentences


@given(st.lists(st.text(alphabet="ab I.!?\n’'no", max_size=40), max_size=5))
def test_a_sentence_is_a_piece_of_its_passage(texts: list[str]) -> None:
    for sentence in split_sentences(passages(*texts)):
        assert sentence.text in texts[int(sentence.turn_id[1:])]


SAME = [
    ("The user never works on Fridays.", "I never work on Fridays."),
    ("The user does not eat pork.", "I don’t eat pork"),
    ("The user can not swim", "I can't swim."),
    ("Anna no longer works at Acme.", "By the way, Anna no longer works at Acme."),
    ("The user drinks neither tea nor coffee.", "I drink neither tea nor coffee."),
    ("The user's sister Mia hates loud music.", "My sister Mia hates loud music."),
    ("The user will not sign before 4 May.", "I won't sign before 4 May."),
]
OTHER = [
    ("The user works on Fridays.", "I never work on Fridays."),
    ("The user eats pork.", "I don't eat pork."),
    ("The user doesn't eat pork.", "I eat pork."),
    ("The user can swim.", "I can't swim."),
    ("Anna works at Acme.", "Anna no longer works at Acme."),
    ("The user drinks tea.", "I drink tea without sugar."),
    ("The user cycles to work.", "I cycle to work unless it rains."),
    ("The user loves loud music.", "I hate loud music."),
    ("Loud music", "I hate loud music."),
    ("The user works at Acme.", "I used to work at Acme."),
    ("Anna moved to Oslo.", "I don't think Anna moved to Oslo."),
    ("Anna moved to Oslo.", "Anna told Ben that Cara moved to Oslo."),
    ("The user hates loud music.", "My sister Anna hates loud music."),
    ("The user hates music.", "I told you Anna hates music."),
    ("Ben gave Anna 5 euros.", "Anna gave Ben 5 euros."),
    ("The meeting is on 5 May.", "The meeting is on 4 May."),
    ("The meeting is on 4 May with Bob.", "The meeting is on 4 May."),
    ("The user lives in Oslo.", "He lives in Oslo."),
    ("The trip to Rome", "The trip to Rome is cancelled."),
    ("The user smokes.", "It is a lie that I smoke."),
    ("The user", "I never work."),
    ("", "I never work."),
]


@pytest.mark.parametrize(("fact", "source"), SAME)
def test_a_fact_in_the_sources_own_words_is_shown(fact: str, source: str) -> None:
    assert states(fact, source, by_user=True)


@pytest.mark.parametrize(("fact", "source"), OTHER)
def test_what_was_turned_moved_or_made_up_is_not(fact: str, source: str) -> None:
    assert not states(fact, source, by_user=True)


def test_in_a_text_of_somebody_else_i_is_not_the_user() -> None:
    assert not states("The user never swims.", "I never swim.", by_user=False)


def test_names_numbers_and_denials_are_chosen_before_talk() -> None:
    told = passages(
        "Well that is nice to hear.", "We meet Anna Berg on 4 May at 10:00.", "I see.", "Never call me at work.", "Ok."
    )
    room = estimate_tokens(told[1].text) + estimate_tokens(told[3].text)
    assert choose(told, room) == (1, 3)


def test_what_was_said_already_is_not_chosen_again() -> None:
    assert choose(passages("Anna lives in Oslo.", "Anna lives in Oslo.", "Ben has a boat."), 1000) == (0, 2)


@given(st.lists(st.text(alphabet="abcdef ", min_size=1, max_size=60), max_size=12), st.integers(0, 60))
def test_a_choice_fits_its_room_and_keeps_the_order(texts: list[str], room: int) -> None:
    chosen = choose(passages(*texts), room)
    assert list(chosen) == sorted(set(chosen))
    assert sum(estimate_tokens(texts[number]) for number in chosen) <= room


def test_a_sentence_is_never_cut() -> None:
    long = "I do want it " + "very " * LONGEST_SENTENCE_TOKENS + "never."
    assert split_sentences(passages(long)) == ()
