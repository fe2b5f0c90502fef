"""Qwen chooses and fills calls: ten of the benchmark's own requests, the same way as the product's tools go."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import counts
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # `benchmarks` is no part of the package

from benchmarks.call_scores import score_requests
from benchmarks.calls import DATA, LARGE_MODEL, call_requests, read_lines, request_tools

TOOLS = DATA / "tools.json"
# Of 42 requests: the right tool for 40, rightly filled for 38. Of ten one may go wrong, and one more be filled wrongly.
INTENT, ARGUMENTS = (40 / 42, 38 / 42) if counts.FULL else (0.9, 0.8)
LEAST_ANSWERS = 3


def spread(rows: Sequence[Any], number: int) -> list[Any]:
    """Return so many of the rows, at even distances."""
    return [rows[place * len(rows) // number] for place in range(number)]


def chosen(rows: Sequence[Any], number: int) -> list[Any]:
    """Return so many requests; of those that want no tool their share, and never fewer than three."""
    acting = [row for row in rows if row["intent"] != "answer"]
    talking = [row for row in rows if row["intent"] == "answer"]
    answers = max(LEAST_ANSWERS, number * len(talking) // len(rows))
    return spread(acting, number - answers) + spread(talking, answers)


async def test_qwen_chooses_and_fills_calls(qwen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENCLAW_MODELS", str(qwen))
    requests = read_lines(DATA / "requests.jsonl")
    some = chosen(requests, counts.count("requests that a model turns into calls", len(requests)))
    calls = await call_requests(some, request_tools(TOOLS), LARGE_MODEL, plain=False)
    required = {name: tool["required"] for name, tool in json.loads(TOOLS.read_text(encoding="utf-8")).items()}
    score = score_requests(calls, some, required)
    assert score.valid == score.n
    assert score.intent >= math.floor(INTENT * score.n)
    assert score.arguments >= math.floor(ARGUMENTS * score.n)
    talking = [
        (row["request"], call["name"]) for row, call in zip(some, calls, strict=True) if row["intent"] == "answer"
    ]
    assert len(talking) >= LEAST_ANSWERS
    if not counts.FULL:
        assert [name for _, name in talking] == ["answer"] * len(talking), talking
