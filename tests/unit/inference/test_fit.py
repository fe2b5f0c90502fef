"""Predictions and verdicts: what memory is made of, who is red, and what a guess says of itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from openclaw_desktop.inference.backends import built_backends, explain_gpus, library_folder
from openclaw_desktop.inference.catalogue import ModelShape, load_catalogue
from openclaw_desktop.inference.cost import Power, Prices, assume_power, estimate_cost
from openclaw_desktop.inference.fit import (
    LEAST_CONTEXT_TOKENS,
    Dimensions,
    Room,
    dimensions_of_shape,
    judge,
    largest_context,
    predict_memory_bytes,
)
from openclaw_desktop.inference.measured import MAX_RUNS, Measured, MeasuredRuns
from openclaw_desktop.inference.records import CompletionRecord
from openclaw_desktop.inference.speed import KnownRun, guess_speed, measured_speed
from openclaw_desktop.system.hardware import Gpu, GpuFinding

GB = 1_000_000_000
# A model of about 8B in four bits, with eight key and value heads of 128 in 32 layers.
SIZE = Dimensions(
    weights_bytes=5 * GB, read_bytes=4_500_000_000, repacked_bytes=4 * GB, doubled_bytes=0, compute_parameters=8 * GB,
    kv_width=32 * 8 * 256, head_count=32, embedding_length=4096, feed_forward_length=14336, vocab_size=128_000,
)  # fmt: skip
PLENTY = Room(64 * GB, 48 * GB, 500 * GB)


def test_the_cache_grows_with_the_context_and_nothing_else_of_the_model_does() -> None:
    small, large = predict_memory_bytes(SIZE, 4096), predict_memory_bytes(SIZE, 8192)
    assert small.kv_cache == 4096 * 32 * 8 * 256 * 2
    assert large.kv_cache == 2 * small.kv_cache
    assert (large.weights, large.overhead) == (small.weights, small.overhead)
    assert small.total == small.weights + small.kv_cache + small.compute + small.overhead


def test_weights_are_held_twice_where_the_file_is_mapped_and_repacked() -> None:
    assert predict_memory_bytes(SIZE, 4096, mmap=True).weights == 9 * GB
    assert predict_memory_bytes(SIZE, 4096, extra_buffers=False, mmap=True).weights == 5 * GB


def test_an_embedding_that_is_the_output_too_is_held_twice_where_it_is_repacked() -> None:
    tied = replace(SIZE, doubled_bytes=GB)
    assert predict_memory_bytes(tied, 4096).weights == 6 * GB
    assert predict_memory_bytes(tied, 4096, extra_buffers=False).weights == 5 * GB


def test_every_model_of_the_catalogue_that_answers_can_be_predicted() -> None:
    for model in load_catalogue():
        if model.kind == "chat":
            size = dimensions_of_shape(model.shape, model.size_bytes)
            assert size is not None, model.id
            assert predict_memory_bytes(size, 4096).total > model.size_bytes


def test_a_shape_that_says_too_little_is_not_guessed_from() -> None:
    assert dimensions_of_shape(ModelShape(parameters=GB), GB) is None


def test_of_experts_only_those_that_work_are_read() -> None:
    shape = ModelShape(30 * GB, 48, 4, 128, 128, 2048, 151_936, active_parameters=3 * GB)
    size = dimensions_of_shape(shape, 18 * GB)
    assert size is not None
    assert size.read_bytes == pytest.approx(1.8 * GB) and size.weights_bytes == 18 * GB


@pytest.mark.parametrize(
    ("room", "rate", "missing", "verdict", "reason"),
    [
        (PLENTY, 20.0, 0, "green", "runs well"),
        (PLENTY, None, 5 * GB, "green", "runs well"),
        (PLENTY, 1.2, 0, "amber", "slow here: about 1.2"),
        (replace(PLENTY, available_bytes=3 * GB), 20.0, 0, "amber", "close some first"),
        (replace(PLENTY, memory_bytes=6_700_000_000), 20.0, 0, "amber", "4096 do"),
        (replace(PLENTY, memory_bytes=4 * GB), 20.0, 0, "red", "even for a short chat"),
        (replace(PLENTY, disk_free_bytes=GB), 20.0, 5 * GB, "red", "no room on the disk"),
        (replace(PLENTY, disk_free_bytes=0), 20.0, 0, "green", "runs well"),
    ],
)
def test_verdicts_with_their_reasons(room: Room, rate: float | None, missing: int, verdict: str, reason: str) -> None:
    judgement = judge(SIZE, 8192, room, rate, missing)
    assert judgement.verdict == verdict
    assert reason in judgement.reason


def test_slow_and_short_of_memory_are_both_said() -> None:
    judgement = judge(SIZE, 8192, replace(PLENTY, available_bytes=GB), 0.5)
    assert "close some first" in judgement.reason and "slow" in judgement.reason


def test_a_context_that_does_not_fit_is_halved_until_it_does() -> None:
    assert largest_context(SIZE, 32_768, 64 * GB) == 32_768
    assert largest_context(SIZE, 32_768, 8 * GB) in (8192, 16_384)
    assert largest_context(SIZE, 32_768, 5 * GB) == 0
    assert judge(SIZE, LEAST_CONTEXT_TOKENS, PLENTY, None).context_tokens == LEAST_CONTEXT_TOKENS


def test_a_guess_is_made_from_the_nearest_model_that_ran_and_says_so() -> None:
    tiny = replace(SIZE, read_bytes=100_000_000, compute_parameters=134_000_000)
    small = replace(SIZE, read_bytes=GB, compute_parameters=1_500_000_000)
    known = (
        KnownRun("Tiny", tiny, Measured("tiny", 4096, 2, 300.0, 75.0)),
        KnownRun("Small", small, Measured("small", 4096, 2, 68.0, 13.0)),
    )
    speed = guess_speed(SIZE, known, 20 * GB, 2)
    assert not speed.measured
    assert "Small" in speed.source and "guessed" in speed.source
    assert speed.decode_tokens_per_s == pytest.approx(13 / 4.5)
    assert speed.prefill_tokens_per_s == pytest.approx(68 * 1.5 / 8)
    assert speed.first_token_s == pytest.approx(512 / speed.prefill_tokens_per_s)
    assert speed.first_prompt_tokens == 512


@pytest.mark.parametrize(("cores", "rate"), [(1, 5 / 4.5), (2, 10 / 4.5), (16, 4.0)])
def test_without_any_run_the_guess_is_from_the_cores_as_far_as_memory_keeps_up(cores: int, rate: float) -> None:
    never = KnownRun("Never", SIZE, Measured("never", 4096, 2))
    speed = guess_speed(SIZE, (never,), 18 * GB, cores)
    assert speed.decode_tokens_per_s == pytest.approx(rate)
    assert "memory" in speed.source and not speed.measured


def test_a_model_that_ran_is_not_guessed() -> None:
    speed = measured_speed(Measured("m", 4096, 2, 100.0, 10.0, first_token_s=2.5, first_prompt_tokens=240))
    assert speed is not None and speed.measured
    assert (speed.first_token_s, speed.first_prompt_tokens) == (2.5, 240), "as it was, not by the rate"
    assert measured_speed(Measured("m", 4096, 2, 100.0)) is None


def test_energy_and_money_of_a_million_tokens() -> None:
    cost = estimate_cost(10.0, Power(36.0, "your setting"), Prices(cloud_cents=60, electricity_cents=30))
    assert cost.wh == pytest.approx(1000)
    assert cost.cents == pytest.approx(30) and cost.cloud_cents == 60
    assert estimate_cost(10.0, Power(36.0, ""), Prices()).cents is None
    assumed = assume_power(10, 4)
    assert assumed.watts == 40 and "assumed" in assumed.source


RECORD = CompletionRecord(
    model="m", lane="chat", prompt_tokens=200, cached_tokens=100, completion_tokens=20, prompt_s=2.0, decode_s=4.0,
    wall_s=6.0, cpu_s=12.0, threads=2, context_tokens=4096, peak_rss_bytes=GB,
)  # fmt: skip


async def test_what_was_measured_is_found_again_after_a_restart(tmp_path: Path) -> None:
    runs = MeasuredRuns(tmp_path / "measured.json")
    runs.record(RECORD)
    runs.record(replace(RECORD, peak_rss_bytes=2 * GB, decode_s=2.0, context_tokens=2048))
    assert runs.find("m") != runs.find("m", 4096)
    await runs.stop()
    again = MeasuredRuns(tmp_path / "measured.json")
    found = again.find("m", 4096)
    assert found is not None
    assert (found.prefill_tokens_per_s, found.decode_tokens_per_s) == (50.0, 5.0)
    assert (found.first_token_s, found.first_prompt_tokens) == (2.0, 100)
    assert found.peak_bytes == GB
    newest = again.find("m")
    assert newest is not None and newest.context_tokens == 2048
    assert again.find("m", 8192) is None and again.find("x") is None
    await again.stop()


async def test_a_busy_minute_moves_what_is_known_a_little(tmp_path: Path) -> None:
    runs = MeasuredRuns(tmp_path / "measured.json")
    runs.record(RECORD)
    runs.record(replace(RECORD, decode_s=40.0, peak_rss_bytes=GB // 2))
    found = runs.find("m")
    assert found is not None
    assert found.decode_tokens_per_s == pytest.approx(0.7 * 5 + 0.3 * 0.5)
    runs.record(replace(RECORD, prompt_s=9.0, prompt_tokens=500))
    found = runs.find("m")
    assert found is not None and (found.first_token_s, found.first_prompt_tokens) == (9.0, 400), "the last one's own"
    assert found.peak_bytes == GB, "the most that it ever held"
    await runs.stop()


async def test_the_peak_of_a_larger_model_before_is_not_taken_for_this_one_s(tmp_path: Path) -> None:
    runs = MeasuredRuns(tmp_path / "measured.json")
    runs.record(replace(RECORD, model="large", peak_rss_bytes=2 * GB))
    runs.record(replace(RECORD, peak_rss_bytes=2 * GB))
    large, small = runs.find("large"), runs.find("m")
    assert large is not None and small is not None
    assert (large.peak_bytes, small.peak_bytes) == (2 * GB, 0)
    await runs.stop()


async def test_a_few_tokens_measure_nothing(tmp_path: Path) -> None:
    runs = MeasuredRuns(tmp_path / "measured.json")
    runs.record(replace(RECORD, cached_tokens=190, completion_tokens=2))
    runs.record(replace(RECORD, cached_tokens=195, restored_tokens=95, completion_tokens=2))
    found = runs.find("m")
    assert found is not None
    assert (found.prefill_tokens_per_s, found.decode_tokens_per_s, found.first_token_s) == (0, 0, 0)
    runs.record(replace(RECORD, restored_tokens=95, completion_tokens=2))
    found = runs.find("m")
    assert found is not None
    assert found.prefill_tokens_per_s == 50, "what came from a file is among what was known, and counts once"
    await runs.stop()


async def test_the_record_stays_small(tmp_path: Path) -> None:
    runs = MeasuredRuns(tmp_path / "measured.json")
    for number in range(MAX_RUNS + 20):
        runs.record(replace(RECORD, model=f"m{number}"))
    await runs.stop()
    assert len(json.loads((tmp_path / "measured.json").read_text())["runs"]) == MAX_RUNS
    assert runs.find("m0") is None and runs.find(f"m{MAX_RUNS + 19}") is not None


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"runs": 3}', b'{"runs": [{"model": "m"}]}', b"\xff\xfe", b"[" * 90_000]
)
async def test_a_damaged_record_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "measured.json"
    path.write_bytes(content)
    runs = MeasuredRuns(path)
    assert runs.find("m") is None
    runs.record(RECORD)
    await runs.stop()
    assert MeasuredRuns(path).find("m") is not None


async def test_a_record_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    runs = MeasuredRuns(tmp_path / "no" / "measured.json")
    runs.record(RECORD)
    await runs.stop()
    assert runs.find("m") is not None


def test_which_libraries_llama_cpp_was_built_with(tmp_path: Path) -> None:
    for name in ("libggml-cpu.so.0", "libggml-cuda.so", "ggml-vulkan.dll", "libggml-metal.0.dylib", "libllama.so"):
        (tmp_path / name).touch()
    assert built_backends(tmp_path) == {"cuda", "vulkan", "metal"}
    assert built_backends(tmp_path / "none") == built_backends(None) == frozenset()


def test_the_installed_library_is_found_without_being_loaded() -> None:
    folder = library_folder()
    assert folder is not None and any("ggml" in path.name for path in folder.iterdir())


def test_why_a_card_is_not_used() -> None:
    card = GpuFinding((Gpu("cuda", "NVIDIA H200", 150 * GB),))
    (sentence,) = explain_gpus(card, frozenset({"vulkan"}))
    assert sentence == "NVIDIA H200 is there, but this build of llama.cpp has no CUDA: models run on the processor."
    (sentence,) = explain_gpus(card, frozenset({"cuda"}))
    assert "has CUDA" in sentence and "processor alone" in sentence
    nothing = GpuFinding(reasons=("There is no GPU device node in /dev/dri.",))
    assert explain_gpus(nothing, frozenset())[0] == nothing.reasons[0]
