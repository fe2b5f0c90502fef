"""Choosing the next token.

Owns the sampling chain and its grammar for one reply. Must not know where the logits come from. Model process.

A grammar checks the token that was chosen; only where it rejects that one is the whole vocabulary checked. The text is
the same as under the grammar alone, at a hundredth of its cost instead of a quarter.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from typing import Any

import llama_cpp.llama_cpp as native
import numpy as np
from numpy.typing import NDArray

_CANDIDATE = np.dtype([("id", "i4"), ("logit", "f4"), ("p", "f4")])
_NEVER = float("-inf")


class Sampler:
    """Greedy or tempered choice of one reply's tokens; owns `grammar`, which it frees."""

    def __init__(self, size: int, grammar: Any, temperature: float) -> None:
        self._grammar = grammar
        self._chain = None if temperature <= 0 else _tempered_chain(size, temperature)
        self._ids = np.arange(size, dtype="i4")
        self._candidates = np.zeros(size, _CANDIDATE)

    def __enter__(self) -> Sampler:
        return self

    def __exit__(self, *_: object) -> None:
        for part in (self._chain, self._grammar):
            if part:
                native.llama_sampler_free(part)

    def next(self, logits: NDArray[np.float32]) -> int:
        """Return the next token; what is rejected leaves no trace in the penalties."""
        token = self._choose(logits, under_grammar=False)
        if self._grammar and not self._fits(token):
            token = self._choose(logits, under_grammar=True)
        self._accept(token)
        return token

    def begin_with(self, tokens: Sequence[int]) -> list[int]:
        """Take `tokens` as chosen, as far as the grammar lets them be, and return those."""
        taken: list[int] = []
        for token in tokens:
            if not self._fits(token):
                break
            self._accept(token)
            taken.append(token)
        return taken

    def _accept(self, token: int) -> None:
        for part in (self._chain, self._grammar):
            if part:
                native.llama_sampler_accept(part, token)

    def _choose(self, logits: NDArray[np.float32], under_grammar: bool) -> int:
        if not self._chain and not under_grammar:
            return int(np.argmax(logits))
        self._candidates["id"] = self._ids
        self._candidates["logit"] = logits
        data = self._candidates.ctypes.data_as(ctypes.POINTER(native.llama_token_data))
        array = native.llama_token_data_array(data=data, size=len(self._ids), selected=-1, sorted=False)
        if under_grammar:
            native.llama_sampler_apply(self._grammar, ctypes.byref(array))
        if not self._chain:
            return int(np.argmax(self._candidates["logit"]))
        native.llama_sampler_apply(self._chain, ctypes.byref(array))
        return int(array.data[array.selected].id)

    def _fits(self, token: int) -> bool:
        one = (native.llama_token_data * 1)(native.llama_token_data(id=token, logit=1.0, p=0.0))
        array = native.llama_token_data_array(data=one, size=1, selected=-1, sorted=False)
        native.llama_sampler_apply(self._grammar, ctypes.byref(array))
        return bool(one[0].logit != _NEVER)


def _tempered_chain(size: int, temperature: float) -> Any:
    chain = native.llama_sampler_chain_init(native.llama_sampler_chain_default_params())
    for part in (
        native.llama_sampler_init_penalties(size, 64, 1.1, 0.0, 0.0),
        native.llama_sampler_init_top_k(40),
        native.llama_sampler_init_min_p(0.05, 1),
        native.llama_sampler_init_temp(temperature),
        native.llama_sampler_init_dist(int.from_bytes(os.urandom(4), "little")),
    ):
        native.llama_sampler_chain_add(chain, part)
    return chain
