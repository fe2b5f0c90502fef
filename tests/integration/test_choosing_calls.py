"""Qwen chooses and fills calls: ten of the benchmark's own requests, the same way as the product's tools go."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import counts
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # `benchmarks` is no part of the package

from benchmarks.call_scores import score_requests
from benchmarks.calls import DATA, LARGE_MODEL, call_requests, read_lines, request_tools

TOOLS = DATA / "tools.json"


async def test_qwen_chooses_and_fills_calls(qwen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENCLAW_MODELS", str(qwen))
    requests = read_lines(DATA / "requests.jsonl")
    some = requests[:: len(requests) // counts.count("requests that a model turns into calls", len(requests))]
    calls = await call_requests(some, request_tools(TOOLS), LARGE_MODEL, plain=False)
    required = {name: tool["required"] for name, tool in json.loads(TOOLS.read_text(encoding="utf-8")).items()}
    score = score_requests(calls, some, required)
    assert score.valid == score.n
    assert score.intent >= 0.9 * score.n
    assert score.arguments >= 0.8 * score.n
