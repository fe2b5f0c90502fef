"""`model fit` with the real SmolLM2: what it predicts is what the worker takes, and what ran is told as measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import counts
import pytest
from agent_process import Program

from benchmarks.fit import BAR, CONTEXTS_TOKENS, measure_peak_bytes
from openclaw_desktop.inference.fit import CHUNK_TOKENS, predict_memory_bytes
from openclaw_desktop.inference.gguf import read_header
from openclaw_desktop.inference.worker import chunks

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
MEASURED = "data/measured.json"


@pytest.mark.parametrize("context_tokens", [512, 1536, *(CONTEXTS_TOKENS if counts.FULL else ())])
async def test_predicted_memory_is_within_a_tenth_of_the_worker_s_peak(smollm2: Path, context_tokens: int) -> None:
    await compare(smollm2 / FILE, context_tokens)


@pytest.mark.skipif(not counts.FULL, reason="the proof reads 13,000 tokens with Qwen")
@pytest.mark.parametrize("context_tokens", CONTEXTS_TOKENS)
async def test_predicted_memory_of_qwen_is_within_a_tenth_too(qwen: Path, context_tokens: int) -> None:
    await compare(next(qwen.iterdir()), context_tokens)


async def compare(path: Path, context_tokens: int) -> None:
    peak = await measure_peak_bytes(path, context_tokens)
    assert predict_memory_bytes(read_header(path), context_tokens).total == pytest.approx(peak, rel=BAR)


def test_the_prediction_knows_how_the_worker_reads() -> None:
    assert chunks.MOST_TOKENS == CHUNK_TOKENS


def test_the_header_of_a_real_file(smollm2: Path) -> None:
    header = read_header(smollm2 / FILE)
    assert (header.architecture, header.file_type, header.block_count) == ("llama", "Q4_1", 30)
    assert (header.head_count, set(header.head_count_kv), header.key_length) == (9, {3}, 64)
    assert (header.vocab_size, header.parameters, header.chat_template) == (49_152, 134_515_008, True)
    assert header.size_bytes - 2_000_000 < header.tensors.total < header.size_bytes


def test_a_model_is_told_as_predicted_and_once_it_ran_as_measured(talker: Program) -> None:
    before = talker.run("model", "fit", "--json").done().document
    assert before["memory_bytes"] > before["available_bytes"] > 0
    assert before["gpus"], "which card there is, or why none"
    models = {model["id"]: model for model in before["models"]}
    small = models["smollm2-135m"]
    assert small["present"] and small["chosen"] and small["verdict"] in ("green", "amber")
    assert small["measured"] is None and small["measured_peak_bytes"] is None
    assert "memory" in small["predicted"]["source"]
    assert small["memory"]["total_bytes"] > small["memory"]["weights_bytes"] > 90_000_000
    absent = models["qwen2.5-coder-1.5b"]
    assert not absent["present"] and absent["missing_bytes"] > 1_000_000_000
    assert absent["memory"]["total_bytes"] > absent["missing_bytes"]

    talker.run("ask", "Tell me a short story about a ship.", "--no-tools").done()
    after = talker.run("model", "fit", "--context", "2048", "--json").done().document
    models = {model["id"]: model for model in after["models"]}
    small = models["smollm2-135m"]
    assert small["measured"]["decode_tokens_per_s"] > 0
    # As the worker timed that question, not by the rate.
    (run,) = json.loads((talker.home / MEASURED).read_text())["runs"]
    assert small["measured"]["first_prompt_tokens"] == run["first_prompt_tokens"] > 32
    assert small["measured"]["first_token_s"] == round(run["first_token_s"], 1)
    assert small["predicted"]["first_prompt_tokens"] == 512
    assert small["measured_peak_bytes"] == pytest.approx(small["memory"]["total_bytes"], rel=BAR)
    assert "SmolLM2" in models["qwen2.5-coder-1.5b"]["predicted"]["source"]


def test_prices_that_the_user_sets_are_compared(talker: Program) -> None:
    plain = talker.run("model", "fit").done()
    assert "GREEN" in plain.out or "AMBER" in plain.out
    assert "cloud" not in plain.out
    settings = talker.home / "config" / "settings.toml"
    settings.write_text("[cost]\ncloud_cents_per_mtoken = 60\nelectricity_cents_per_kwh = 30\n")
    told = talker.run("model", "fit").done()
    assert "0.60 in the cloud" in told.out and "for the electricity" in told.out


@pytest.mark.parametrize("words", [("--context", "1"), ("--context", "many"), ("--context",)])
def test_a_context_that_cannot_be_is_a_wrong_use(program: Program, words: tuple[str, ...]) -> None:
    assert program.run("model", "fit", *words).code == 2


def lasting(report: dict[str, Any]) -> dict[str, Any]:
    """Return what of a report does not change from one moment to the next."""
    machine = {name: report[name] for name in ("memory_bytes", "cores", "gpus", "backends", "watts_source")}
    fields = ("title", "present", "chosen", "context_tokens", "missing_bytes", "memory", "measured")
    return machine | {"models": {model["id"]: {name: model[name] for name in fields} for model in report["models"]}}


def test_a_running_agent_answers_the_same(talker: Program) -> None:
    talker.run("ask", "Tell me a short story about a ship.", "--no-tools").done()
    alone = lasting(talker.run("model", "fit", "--json").done().document)
    talker.serve()
    attached = lasting(talker.run("model", "fit", "--json").done().document)
    assert attached == alone and alone["models"]["smollm2-135m"]["measured"]["first_token_s"] > 0
