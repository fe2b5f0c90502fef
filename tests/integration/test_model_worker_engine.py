"""The worker's engine with the real SmolLM2, in this process: what is true of it that its protocol does not tell."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llama_cpp
import llama_cpp.llama_cpp as native
import pytest
from test_model_worker_guess import FILE, QUESTIONS, SCHEMA

from openclaw_desktop.inference.worker import engine as engine_module
from openclaw_desktop.inference.worker.engine import Engine
from openclaw_desktop.inference.worker.lanes import Lane, Memory
from openclaw_desktop.inference.worker.requests import Load, Question, Run
from openclaw_desktop.inference.worker.sampler import Sampler

RULES = "You are a helpful assistant. " + "Be short and kind. " * 30
MOOD = {
    "type": "object",
    "properties": {"mood": {"enum": ["glad", "sad"]}, "why": {"type": "string", "maxLength": 40}},
    "required": ["mood", "why"],
    "additionalProperties": False,
}


@contextlib.contextmanager
def engine_with(model: Path, states: Path | None = None, identity: str = "") -> Iterator[Engine]:
    folder = str(states) if states else None
    # One thread: those of a process that did not set OMP_WAIT_POLICY spin beside a busy neighbour.
    load = Load(str(model / FILE), 1024, 1, False, True, folder, 1 << 30, identity)
    engine = Engine(load)
    try:
        yield engine
    finally:
        engine.close()


def ask(engine: Engine, *texts: str, schema: dict[str, Any] | None = None, tokens: int = 4) -> tuple[str, Run]:
    messages = tuple(zip(("system", "user") if len(texts) > 1 else ("user",), texts, strict=True))
    run = Run()
    pieces = engine.complete(Question(messages, stable=1), schema, tokens, 0.0, lambda: False, run)
    return "".join(pieces), run


def another_library(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(llama_cpp, "__version__", "0.0.1")


def another_layout(patch: pytest.MonkeyPatch) -> None:
    def smaller_keys() -> Any:
        params = defaults()
        params.type_k = llama_cpp.GGML_TYPE_Q8_0
        return params

    defaults = native.llama_context_default_params
    patch.setattr(native, "llama_context_default_params", smaller_keys)


def another_file(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(engine_module, "_identify", lambda _path: "other bytes")


@pytest.mark.parametrize("change", [another_library, another_layout, another_file, None])
def test_a_state_is_of_one_library_one_layout_and_one_file(
    smollm2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[pytest.MonkeyPatch], None] | None
) -> None:
    with engine_with(smollm2, tmp_path) as engine:
        ask(engine, RULES, "Name three animals.")
    if change is not None:
        change(monkeypatch)
    with engine_with(smollm2, tmp_path) as engine:
        _, run = ask(engine, RULES, "Name three animals.")
        assert (run.restored_tokens > 150) is (change is None)
        assert change is None or run.cached_tokens == 0
    # llama.cpp itself refuses another layout; here the file is not even looked at, and each writes its own.
    assert len(list(tmp_path.glob("*-stable-*.seq"))) == (1 if change is None else 2)


def test_a_state_is_of_the_model_that_is_named(smollm2: Path, tmp_path: Path) -> None:
    restored = []
    for identity in ("one", "two", "one"):
        with engine_with(smollm2, tmp_path, identity) as engine:
            restored.append(ask(engine, RULES, "Name three animals.")[1].restored_tokens > 0)
    assert restored == [False, False, True]


def replies(model: Path) -> list[str]:
    with engine_with(model) as engine:
        return [ask(engine, QUESTIONS[1], schema=schema, tokens=24)[0] for schema in (SCHEMA, MOOD)]


def test_the_text_is_the_same_as_under_the_grammar_alone(smollm2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, passes = replies(smollm2), 0

    def next_under_grammar(self: Sampler, logits: Any) -> int:
        nonlocal passes
        passes += 1
        token = self._choose(logits, under_grammar=True)
        self._accept(token)
        return token

    monkeypatch.setattr(Sampler, "next", next_under_grammar)
    assert ours == replies(smollm2)
    assert passes > 20, "the whole vocabulary was looked at for each token that is not certain"


@pytest.mark.parametrize(("tokens_per_s", "most"), [(10, 15), (200, 64)])
def test_a_prompt_is_read_as_fast_as_a_cancel_can_be_seen(
    smollm2: Path, monkeypatch: pytest.MonkeyPatch, tokens_per_s: int, most: int
) -> None:
    now_s, sizes = 0.0, []
    read = Memory.read

    def timed(self: Memory, lane: Lane, tokens: list[int], wanted: int = 1) -> None:
        nonlocal now_s
        read(self, lane, tokens, wanted)
        now_s += len(tokens) / tokens_per_s
        sizes.append(len(tokens))

    monkeypatch.setattr(Memory, "read", timed)
    monkeypatch.setattr(engine_module.time, "perf_counter", lambda: now_s)
    with engine_with(smollm2) as engine:
        ask(engine, "word " * 300)
        ask(engine, "thing " * 300, tokens=0)
    assert sizes[0] == 64, "before anything is known of it, its size tells"
    assert max(sizes[1:]) == most
    assert sum(sizes) > 600
