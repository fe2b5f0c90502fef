"""Choosing tokens under a grammar, with SmolLM2's real vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llama_cpp
import llama_cpp.llama_cpp as native
import numpy as np
import pytest

from openclaw_desktop.inference.worker.sampler import Sampler


@pytest.fixture(scope="module")
def llama(smollm2: Path) -> Iterator[llama_cpp.Llama]:
    llama = llama_cpp.Llama(str(next(smollm2.iterdir())), vocab_only=True, verbose=False)
    yield llama
    llama.close()


def token(llama: llama_cpp.Llama, text: str) -> int:
    (found,) = llama.tokenize(text.encode(), add_bos=False)
    return int(found)


def under(llama: llama_cpp.Llama, grammar: str, temperature: float) -> Sampler:
    vocabulary = native.llama_model_get_vocab(llama.model)
    return Sampler(
        llama.n_vocab(), native.llama_sampler_init_grammar(vocabulary, grammar.encode(), b"root"), temperature
    )


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_a_rejected_token_leaves_no_trace(
    llama: llama_cpp.Llama, temperature: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted: list[int] = []
    accept = native.llama_sampler_accept

    def note(part: Any, chosen: int) -> None:
        accepted.append(chosen)
        accept(part, chosen)

    monkeypatch.setattr(native, "llama_sampler_accept", note)
    wanted, rejected = token(llama, "yes"), token(llama, "no")
    logits = np.full(llama.n_vocab(), -20.0, "f4")
    logits[rejected], logits[wanted] = 20.0, 5.0
    with under(llama, 'root ::= "yes"', temperature) as sampler:
        assert sampler.next(logits) == wanted
    assert set(accepted) == {wanted}, "neither the grammar nor the penalties saw the other"


def test_a_beginning_is_taken_as_far_as_the_grammar_goes(llama: llama_cpp.Llama) -> None:
    yes, no = token(llama, "yes"), token(llama, "no")
    with under(llama, 'root ::= "yesno" | "yesyes"', 0.0) as sampler:
        assert sampler.begin_with([yes, yes, no]) == [yes, yes]
        logits = np.zeros(llama.n_vocab(), "f4")
        logits[no] = 9.0
        assert native.llama_vocab_is_eog(native.llama_model_get_vocab(llama.model), sampler.next(logits))


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_the_whole_vocabulary_is_checked_after_a_rejection_alone(
    llama: llama_cpp.Llama, temperature: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    apply = native.llama_sampler_apply

    def note(part: Any, array: Any) -> None:
        if part is sampler._grammar:
            passes.append(array._obj.size)
        apply(part, array)

    monkeypatch.setattr(native, "llama_sampler_apply", note)
    yes, no = token(llama, "yes"), token(llama, "no")
    logits = np.full(llama.n_vocab(), -20.0, "f4")
    logits[no], logits[yes] = 20.0, 5.0
    with under(llama, 'root ::= "noyes"', temperature) as sampler:
        assert (sampler.next(logits), passes) == (no, [1]), "it fits: one token is looked at"
        passes.clear()
        assert (sampler.next(logits), passes) == (yes, [1, llama.n_vocab()]), "it does not: all are, once"
