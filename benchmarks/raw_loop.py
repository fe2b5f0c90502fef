"""The raw llama.cpp loop, to hold the whole stack against: `python -m benchmarks.raw_loop MODEL CONTEXT_TOKENS`.

A process of its own, and the only code here that imports llama_cpp. The model is loaded as the product loads it; the
loop then is sample, decode, sample, decode in llama.cpp's own functions, without text, grammar or pipe.

    {"prompt_tokens", "tokens", "temperature"}   answers {"decode_s", "cpu_s"}: `tokens` more after the first
    {"text"}                                     answers {"tokens"}: how many that text has
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from typing import Any

# As in the product's worker; OpenMP reads it when it is loaded.
os.environ["OMP_WAIT_POLICY"] = "passive"

import llama_cpp
import llama_cpp.llama_cpp as native

FILLER = "The keeper of the lighthouse wrote down what the sea had brought that day. "
PROMPT_CHUNK_TOKENS = 64


class RawLoop:
    """A loaded model."""

    def __init__(self, path: str, context_tokens: int, threads: int) -> None:
        self._llama = llama_cpp.Llama(
            model_path=path,
            n_ctx=context_tokens,
            n_batch=512,
            n_threads=threads,
            n_threads_batch=threads,
            use_mmap=False,
            verbose=False,
        )
        self._context = self._llama.ctx
        self._filler = self._llama.tokenize(FILLER.encode() * context_tokens, add_bos=False)

    def count(self, text: str) -> int:
        """Return how many tokens `text` has."""
        return len(self._llama.tokenize(text.encode(), add_bos=False, special=False))

    def decode(self, prompt_tokens: int, tokens: int, temperature: float) -> tuple[float, float]:
        """Return wall and CPU seconds of `tokens` tokens after the first, behind a prompt of `prompt_tokens`."""
        native.llama_memory_clear(native.llama_get_memory(self._context), True)
        for start in range(0, prompt_tokens, PROMPT_CHUNK_TOKENS):
            self._eval(self._filler[start : min(start + PROMPT_CHUNK_TOKENS, prompt_tokens)])
        sampler = _make_sampler(temperature, self._llama.n_vocab())
        token = native.llama_sampler_sample(sampler, self._context, -1)
        started_s, cpu_started_s = time.perf_counter(), time.process_time()
        for _ in range(tokens):
            self._eval([token])
            token = native.llama_sampler_sample(sampler, self._context, -1)
        taken = time.perf_counter() - started_s, time.process_time() - cpu_started_s
        native.llama_sampler_free(sampler)
        return taken

    def _eval(self, tokens: list[int]) -> None:
        array = (ctypes.c_int32 * len(tokens))(*tokens)
        if native.llama_decode(self._context, native.llama_batch_get_one(array, len(tokens))) != 0:
            raise RuntimeError("llama_decode failed")


def _make_sampler(temperature: float, vocabulary: int) -> Any:
    """Return the sampling chain that the product has for this temperature."""
    chain = native.llama_sampler_chain_init(native.llama_sampler_chain_default_params())
    if temperature <= 0:
        parts = [native.llama_sampler_init_greedy()]
    else:
        parts = [
            native.llama_sampler_init_penalties(vocabulary, 64, 1.1, 0.0, 0.0),
            native.llama_sampler_init_top_k(40),
            native.llama_sampler_init_min_p(0.05, 1),
            native.llama_sampler_init_temp(temperature),
            native.llama_sampler_init_dist(1),
        ]
    for part in parts:
        native.llama_sampler_chain_add(chain, part)
    return chain


def main() -> int:
    """Serve requests on stdin until it ends."""
    path, context_tokens = sys.argv[1:3]
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    loop = RawLoop(path, int(context_tokens), len(os.sched_getaffinity(0)))
    print(json.dumps({"loaded": True}), file=replies, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "text" in request:
            reply: dict[str, float] = {"tokens": loop.count(request["text"])}
        else:
            decode_s, cpu_s = loop.decode(request["prompt_tokens"], request["tokens"], request["temperature"])
            reply = {"decode_s": decode_s, "cpu_s": cpu_s}
        print(json.dumps(reply), file=replies, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
