"""The made-up year: the same for the same seed, and judged by what it knows."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3]))  # `benchmarks` is no part of the package

from benchmarks.year_diary import Diary, Fact, Part, Turn
from benchmarks.year_judge import GOOD, Source, judge

FACT = Fact(0, "health", "I don't eat okra, it makes me ill.", "okra", 0, ("What makes me ill?",))
TOLD = Turn((Part("Long day.", "noise"), Part(FACT.sentence, "planted"), Part("I'm tired.", "noise")), "", fact=FACT)
PASTED = Turn((Part("My code is 4711.", "noise"),), "", pasted=True)


def test_the_same_seed_makes_the_same_year() -> None:
    assert Diary(20, 50, 30).facts == Diary(20, 50, 30).facts
    assert Diary(20, 50, 30).sessions(7) == Diary(20, 50, 30).sessions(7)
    assert Diary(20, 50, 30, seed=8).facts != Diary(20, 50, 30).facts


def test_a_year_plants_what_it_says() -> None:
    diary = Diary()
    assert len(diary.current()) == 500
    changed = [fact for fact in diary.facts if fact.replaces]
    assert 35 <= len(changed) <= 45
    assert all(fact.replaces and fact.day > fact.replaces.day and fact.value != fact.replaces.value for fact in changed)
    assert all(fact.value.lower() in fact.sentence.lower() for fact in diary.facts)
    assert all(fact.value.lower() not in ask.lower() for fact in diary.facts for ask in fact.asks)
    told = [turn.fact for day in range(365) for turns in diary.sessions(day) for turn in turns if turn.fact]
    assert sorted(fact.sentence for fact in told) == sorted(fact.sentence for fact in diary.facts)


@pytest.mark.parametrize(
    ("text", "source", "trusted", "verdict"),
    [
        ("I don't eat okra.", Source(TOLD, True), True, GOOD),
        ("The user does not eat okra.", Source(TOLD, True), True, GOOD),
        ("I eat okra.", Source(TOLD, True), True, "lost denial"),
        ("It makes me ill.", Source(TOLD, True), True, "fragment"),
        ("I don't eat okra. Long day, I'm tired.", Source(TOLD, True), True, "runs on"),
        ("I'm tired.", Source(TOLD, True), True, "noise"),
        ("I live in Rome.", Source(TOLD, True), True, "said nowhere"),
        ("I don't eat okra.", Source(TOLD, False), True, "the agent's words"),
        ("My code is 4711.", Source(PASTED, True), True, "untrusted made trusted"),
        ("I live in Rome.", Source(None, True), True, "of no turn"),
    ],
)
def test_a_derived_fact_is_judged(text: str, source: Source, trusted: bool, verdict: str) -> None:
    assert judge(text, [source], trusted) == verdict


def test_a_word_that_is_said_twice_and_denied_once_has_not_lost_its_denial() -> None:
    said = Turn((Part("I don't do okra, that vegetable is not for me.", "planted"),), "")
    assert judge("I don't do okra, that vegetable is not for me.", [Source(said, True)], True) == GOOD
    assert judge("I do okra, that vegetable is for me.", [Source(said, True)], True) == "lost denial"
