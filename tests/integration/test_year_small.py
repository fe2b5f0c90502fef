"""A fortnight of a made-up diary through the product: what was told is found, and nothing untrusted became trusted."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # `benchmarks` is no part of the package

from benchmarks.year import Figures, ask_again, simulate
from benchmarks.year_diary import Diary
from benchmarks.year_file import MISSES, KeptYear, describe_misses
from benchmarks.year_judge import GOOD
from openclaw_desktop.memory.vectors.engines import built_in

DAYS, TURNS_A_DAY, PLANTED = 14, 100, 40


@pytest.fixture(scope="module")
def diary() -> Diary:
    return Diary(DAYS, TURNS_A_DAY, PLANTED)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def figures(diary: Diary, kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Figures:
    return asyncio.run(simulate(tmp_path_factory.mktemp("year"), diary, built_in([], "wordllama"), kept))


def test_a_fortnight_of_talk_is_found_again(diary: Diary, figures: Figures) -> None:
    assert figures.turns[-1] == DAYS * TURNS_A_DAY
    assert len(figures.end) == PLANTED == len(diary.current())
    lost = [(look.fact.asks[-1], look.fact.sentence) for look in figures.end if look.rank is None]
    assert len(lost) <= 0.05 * PLANTED, lost


def test_nothing_untrusted_became_a_trusted_fact(diary: Diary, figures: Figures) -> None:
    assert any(turn.pasted for day in range(DAYS) for turns in diary.sessions(day) for turn in turns)
    assert figures.judged
    assert [text for text, verdict in figures.judged if verdict == "untrusted made trusted"] == []


def test_facts_are_of_what_the_user_said(figures: Figures) -> None:
    verdicts = [verdict for _, verdict in figures.judged]
    assert GOOD in verdicts
    foreign = {"the agent's words", "said nowhere", "of no turn", "lost denial"}
    assert [(text, verdict) for text, verdict in figures.judged if verdict in foreign] == []


def test_the_file_shrinks_by_the_users_own_rule(figures: Figures) -> None:
    assert figures.size_kept < 0.7 * figures.sizes[-1]


def test_a_kept_file_answers_as_it_did_at_the_end(diary: Diary, figures: Figures, kept: Path, tmp_path: Path) -> None:
    year = KeptYear.read(kept)
    assert year is not None and (year.days, year.seed) == (DAYS, diary.seed) and KeptYear.read(tmp_path) is None
    year.put_into(tmp_path, kept)
    looks = asyncio.run(ask_again(tmp_path, year, diary, built_in([], "wordllama")))
    assert [look.rank for look in looks] == [look.rank for look in figures.end]
    describe_misses(tmp_path, [(looks[0].fact, None, None), (looks[1].fact, 3, 0), (looks[2].fact, 0, None)])
    misses = (tmp_path / MISSES).read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[0] for line in misses] == ["not found", "outdated"] and looks[1].fact.sentence in misses[
        1
    ]
