"""The LoCoMo benchmark's own arithmetic, on made-up conversations."""

import json
from pathlib import Path

import numpy as np

from benchmarks.locomo import FITTED, Asked, Weighed, fit, leave_one_out, merge, read_conversations, score


def asked(*evidence: str) -> Asked:
    return Asked("?", frozenset(evidence), 4)


def test_a_score_is_the_share_of_the_evidence_among_the_first_hits() -> None:
    found = ["x", "a", *(f"other{n}" for n in range(6)), "b"]
    assert score(found, asked("a", "b")).recalls == (0.0, 0.5, 1.0, 1.0)
    assert score([], asked("a")).recalls == (0.0, 0.0, 0.0, 0.0)


def test_conversations_are_read_and_evidence_that_names_no_turn_is_left_out(tmp_path: Path) -> None:
    entry = {
        "sample_id": "one",
        "conversation": {
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [{"speaker": "A", "dia_id": "D1:1", "text": "hi", "blip_caption": "a dog"}],
        },
        "qa": [
            {"question": "q", "evidence": ["D1:01; D7:3"], "category": 1},
            {"question": "none", "evidence": ["D9:9"], "category": 2},
        ],
    }
    path = tmp_path / "data.json"
    path.write_text(json.dumps([entry, entry | {"sample_id": "two"}]), encoding="utf-8")
    first, second = read_conversations(path)
    assert (first.turns[0].text, first.turns[0].date) == ("hi a dog", "2023-05-08T13:56:00")
    assert [(one.question, one.evidence) for one in first.asked] == [("q", {"one/D1:1"})]
    together = merge([first, second])
    assert len({turn.session for turn in together.turns}) == len(together.asked) == 2


def test_the_fit_finds_the_signal_that_tells() -> None:
    chance = np.random.default_rng(3)
    groups = []
    for _ in range(3):
        group = []
        for _ in range(20):
            signals = chance.random((30, FITTED))
            group.append(Weighed(signals, np.zeros(30), np.arange(30) == np.argmax(signals[:, 2]), asked("a")))
        groups.append(group)
    weights = fit([one for group in groups for one in group])
    assert np.argmax(weights) == 2
    scores = [one.recalls for group in leave_one_out(groups) for one in group]
    assert np.mean([recalls[1] for recalls in scores]) > 0.9
