"""The formula: what each signal does to a hit's place."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.memory.recall import scoring
from openclaw_desktop.memory.recall.scoring import (
    SURE,
    WEIGHTS,
    Signals,
    Weights,
    add_meaning,
    add_surroundings,
    bm25,
    score,
)

SHARE = st.floats(0.0, 1.0)
SIGNALS = st.builds(
    Signals,
    words=SHARE, meaning=SHARE, speaker=SHARE, asks=SHARE, substance=SHARE, near=SHARE, session=SHARE,
    many=st.booleans(), in_time=SHARE, past=SHARE, importance=SHARE, recency=SHARE, pinned=SHARE, named=SHARE,
    other=SHARE,
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    rowid: int
    kind: str = "turn"
    session_id: str | None = "a"
    turn_id: str | None = None


def test_there_is_a_weight_for_each_signal() -> None:
    assert len(Signals().values()) == len(WEIGHTS.values()) == len(Weights.__slots__)


@given(SIGNALS)
def test_more_of_what_speaks_for_a_hit_never_lowers_it(signals: Signals) -> None:
    before = score(signals)
    for name in (
        "words", "meaning", "speaker", "substance", "near", "in_time", "importance", "recency", "pinned", "named",
    ):  # fmt: skip
        held = getattr(signals, name)
        setattr(signals, name, 1.0)
        assert score(signals) >= before - 1e-9, name
        setattr(signals, name, held)
    for name in ("asks", "other"):
        held = getattr(signals, name)
        setattr(signals, name, 1.0)
        assert score(signals) <= before + 1e-9, name
        setattr(signals, name, held)


@given(SIGNALS)
def test_importance_recency_and_pins_only_break_near_ties(signals: Signals) -> None:
    signals.importance = signals.recency = signals.pinned = 0.0
    low = score(signals)
    signals.importance = signals.recency = signals.pinned = 1.0
    assert score(signals) - low < 0.5 * (WEIGHTS.words + WEIGHTS.meaning)


def test_the_rare_word_weighs_more_and_the_text_more_than_what_stands_beside_it() -> None:
    texts = [(["rare"], [], []), (["common"], [], []), (["x"], ["rare"], []), (["x"], [], ["rare"]), (["x"], [], [])]
    values = bm25(texts, {"rare": 5.0, "common": 1.0})
    assert values[0] == 1.0
    assert values[0] > values[3] > values[2] > values[1] > values[4] == 0.0


def test_the_words_that_a_fact_is_asked_by_count_for_more_than_what_was_said_beside_a_turn() -> None:
    texts = [(["rare"], [], []), ([], ["rare"], []), ([], ["rare"], [])]
    said, of_fact, of_turn = bm25(texts, {"rare": 5.0}, [4, 4, 4], [scoring.NEIGHBOURS_COLUMN, scoring.ASKED_BY, 0.4])
    assert said > of_fact > of_turn > 0.0


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=6), max_size=8))
def test_bm25_lies_between_0_and_1(lines: list[list[str]]) -> None:
    values = bm25([(line, [], []) for line in lines], {"a": 2.0, "b": 0.5})
    assert all(0.0 <= value <= 1.0 for value in values)
    assert ("a" in {stem for line in lines for stem in line}) <= (1.0 in values)


def test_a_turn_rises_with_the_turn_beside_it_and_with_its_conversation() -> None:
    strong, beside, elsewhere, alone = Signals(words=1.0), Signals(words=0.1), Signals(words=0.1), Signals(words=0.1)
    add_surroundings([(Line(1), strong), (Line(2), beside), (Line(3, session_id="b"), elsewhere), (Line(9), alone)])
    assert beside.near == 1.0
    assert elsewhere.near == 0.0  # the row beside it is of another conversation
    assert alone.near == 0.0
    assert beside.session == strong.session == 1.0 > elsewhere.session > 0.0
    assert score(beside) > score(alone) > score(elsewhere)


def test_what_is_no_turn_stands_for_itself() -> None:
    fact, turn = Signals(words=1.0), Signals(words=1.0)
    add_surroundings([(Line(1, kind="fact"), fact), (Line(2), turn)])
    assert fact.session == fact.near == 1.0
    assert turn.near == 0.0


def test_a_fact_stands_where_its_turn_stands() -> None:
    beside, turn, fact, stray = Signals(words=1.0), Signals(words=0.2), Signals(words=0.2), Signals(words=0.2)
    add_surroundings(
        [
            (Line(1), beside),
            (Line(2, turn_id="t"), turn),
            (Line(3, kind="fact", turn_id="t"), fact),
            (Line(4, kind="fact"), stray),
        ]
    )
    assert (fact.near, fact.session) == (turn.near, turn.session) == (1.0, 1.0)
    assert score(stray) < score(fact)


def test_what_follows_a_question_answers_it() -> None:
    question, answer = Signals(words=1.0, asks=1.0), Signals()
    statement, remark = Signals(words=1.0), Signals()
    add_surroundings([(Line(1), question), (Line(2), answer), (Line(5), statement), (Line(6), remark)])
    assert answer.answers == answer.near == remark.near == 1.0
    assert remark.answers == question.answers == 0.0
    assert score(answer) > score(remark)


def test_meaning_is_told_by_the_nearest_unless_none_is_near() -> None:
    near, far, against = Signals(cosine=0.6), Signals(cosine=0.3), Signals(cosine=-0.2)
    add_meaning([near, far, against])
    assert (near.meaning, far.meaning, against.meaning) == (1.0, 0.5, 0.0)
    faint = Signals(cosine=SURE / 3)
    add_meaning([faint])
    assert faint.meaning == pytest.approx(1 / 3)


def test_only_what_is_looked_for_needs_to_be_told_of_a_text() -> None:
    whole = [(["a", "x", "y"], ["b", "z"], []), (["b"], [], ["w"])]
    sought = [(["a"], ["b"], []), (["b"], [], [])]
    rarity = {"a": 2.0, "b": 0.5}
    assert bm25(sought, rarity, [5, 2]) == bm25(whole, rarity)


def test_nothing_found_is_no_error() -> None:
    add_surroundings([])
    assert bm25([], {"a": 1.0}) == []


@pytest.mark.parametrize(("coverage", "meaning", "expected"), [(0.5, 0.2, 0.5), (0.0, 0.7, 0.7), (0.0, -0.3, 0.0)])
def test_relevance_is_the_share_of_the_words_or_the_meaning(coverage: float, meaning: float, expected: float) -> None:
    assert scoring.relevance(coverage, meaning) == expected


def test_substance_and_recency_lie_between_0_and_1() -> None:
    assert scoring.substance(0) == 0.0
    assert scoring.substance(1) < scoring.substance(20) < scoring.substance(10_000) == 1.0
    assert scoring.recency(-5.0) == scoring.recency(0.0) == 1.0
    assert scoring.recency(30.0) == 0.5
