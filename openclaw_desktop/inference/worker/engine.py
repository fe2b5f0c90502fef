"""One loaded model: tokens in, text out.

Owns the llama.cpp object, its sampling and its kept prefix. Must not know the pipe. Model process, main thread.
"""

from __future__ import annotations

import codecs
import ctypes
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import llama_cpp
import llama_cpp.llama_cpp as native
import numpy as np
import psutil
from llama_cpp.llama_chat_format import Jinja2ChatFormatter
from llama_cpp.llama_grammar import json_schema_to_gbnf

from openclaw_desktop.inference.worker.template import prompt_tokens

# Between chunks of the prompt a cancel is seen; smaller ones cost speed.
PROMPT_CHUNK_TOKENS = 64
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)


class EngineError(Exception):
    """A request that the engine cannot serve; `code` for programs."""

    def __init__(self, code: str, message: str, **details: int) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


@dataclass(slots=True)
class Run:
    """What one completion took. Times are in seconds."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    decode_s: float = 0.0
    stop: str = "end"


class Engine:
    """A model in memory, with the prompt of its last completion kept for the next."""

    def __init__(self, path: str, context_tokens: int, threads: int | None, extra_buffers: bool) -> None:
        # Repacked weights live in buffers of their own: mapping the file as well would hold them twice.
        with _model_defaults(extra_buffers):
            try:
                self._llama = llama_cpp.Llama(
                    model_path=path,
                    n_ctx=context_tokens,
                    n_batch=512,
                    n_threads=threads or _usable_cores(),
                    n_threads_batch=threads or _usable_cores(),
                    use_mmap=not extra_buffers,
                    verbose=False,
                )
            except (ValueError, OSError, RuntimeError) as error:
                raise EngineError("model_unreadable", str(error)) from error
        self._vocab = native.llama_model_get_vocab(self._llama.model)
        trained = native.llama_model_n_ctx_train(self._llama.model)
        self.context_tokens = min(self._llama.n_ctx(), trained)
        template = self._llama.metadata.get("tokenizer.chat_template", CHATML)
        self._formatter = Jinja2ChatFormatter(template=template, eos_token="", bos_token="")
        self._grammars: dict[str, str] = {}

    def complete(
        self,
        messages: Sequence[tuple[str, str]],
        schema: Mapping[str, Any] | None,
        max_tokens: int,
        temperature: float,
        cancelled: Callable[[], bool],
        run: Run,
    ) -> Iterator[str]:
        """Yield the reply to `messages` piece by piece and fill `run`; with `schema` the reply is JSON that fits it."""
        tokens = prompt_tokens(messages, self._render, self._tokenize)
        run.prompt_tokens = len(tokens)
        if len(tokens) + 16 > self.context_tokens:
            raise EngineError("too_long", "the prompt does not fit", tokens=len(tokens), limit=self.context_tokens)
        max_tokens = min(max_tokens, self.context_tokens - len(tokens))
        if not self._read_prompt(tokens, cancelled, run):
            run.stop = "cancelled"
            return
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        with _Sampler(self._llama, self._vocab, self._grammar(schema), temperature) as sampler:
            started = time.perf_counter()
            while True:
                token = sampler.next()
                if native.llama_vocab_is_eog(self._vocab, token):
                    break
                run.completion_tokens += 1
                if text := decoder.decode(self._llama.detokenize([token])):
                    yield text
                if run.completion_tokens >= max_tokens:
                    run.stop = "length"
                    break
                if cancelled():
                    run.stop = "cancelled"
                    break
                self._llama.eval([token])
            run.decode_s = time.perf_counter() - started

    def _read_prompt(self, tokens: list[int], cancelled: Callable[[], bool], run: Run) -> bool:
        llama = self._llama
        known = [int(token) for token in llama.input_ids[: llama.n_tokens]]
        # At least one token is read again: its logits are what the first new token is sampled from.
        kept = min(llama.longest_token_prefix(known, tokens), len(tokens) - 1)
        run.cached_tokens = kept
        llama.n_tokens = kept
        for start in range(kept, len(tokens), PROMPT_CHUNK_TOKENS):
            if cancelled():
                return False
            llama.eval(tokens[start : start + PROMPT_CHUNK_TOKENS])
        return True

    def _render(self, messages: list[dict[str, str]]) -> str:
        return str(self._formatter(messages=messages).prompt)  # type: ignore[arg-type]

    def _tokenize(self, text: str, special: bool) -> list[int]:
        return self._llama.tokenize(text.encode("utf-8", "replace"), add_bos=False, special=special)

    def _grammar(self, schema: Mapping[str, Any] | None) -> str | None:
        if schema is None:
            return None
        key = json.dumps(schema)
        if key not in self._grammars:
            try:
                self._grammars[key] = json_schema_to_gbnf(key)
            except Exception as error:  # whatever the converter stumbles over: the model lives on
                raise EngineError("bad_schema", "the reply's schema cannot be made a grammar") from error
        return self._grammars[key]


class _Sampler:
    """Greedy or tempered sampling; a grammar checks the sampled token, and the whole vocabulary only if that fails.

    That is what llama.cpp's own common_sampler does: the same text, one per cent of cost instead of a quarter.
    """

    def __init__(self, llama: llama_cpp.Llama, vocab: Any, grammar: str | None, temperature: float) -> None:
        self._context = llama.ctx
        self._vocab = vocab
        self._size = llama.n_vocab()
        self._grammar: Any = None
        if grammar is not None:
            self._grammar = native.llama_sampler_init_grammar(vocab, grammar.encode(), b"root")
            if not self._grammar:
                raise EngineError("bad_schema", "the reply's schema cannot be made a grammar")
        self._chain = native.llama_sampler_chain_init(native.llama_sampler_chain_default_params())
        if temperature <= 0:
            self._add(native.llama_sampler_init_greedy())
        else:
            self._add(native.llama_sampler_init_penalties(self._size, 64, 1.1, 0.0, 0.0))
            self._add(native.llama_sampler_init_top_k(40))
            self._add(native.llama_sampler_init_min_p(0.05, 1))
            self._add(native.llama_sampler_init_temp(temperature))
            self._add(native.llama_sampler_init_dist(int.from_bytes(os.urandom(4), "little")))

    def _add(self, sampler: Any) -> None:
        native.llama_sampler_chain_add(self._chain, sampler)

    def __enter__(self) -> _Sampler:
        return self

    def __exit__(self, *_: object) -> None:
        native.llama_sampler_free(self._chain)
        if self._grammar:
            native.llama_sampler_free(self._grammar)

    def next(self) -> int:
        """Return the next token."""
        token = int(native.llama_sampler_sample(self._chain, self._context, -1))
        if self._grammar:
            if not self._fits(token):
                token = self._next_that_fits()
            native.llama_sampler_accept(self._grammar, token)
        return token

    def _fits(self, token: int) -> bool:
        one = (native.llama_token_data * 1)(native.llama_token_data(id=token, logit=1.0, p=0.0))
        array = native.llama_token_data_array(data=one, size=1, selected=-1, sorted=False)
        native.llama_sampler_apply(self._grammar, ctypes.byref(array))
        return bool(one[0].logit != float("-inf"))

    def _next_that_fits(self) -> int:
        logits = np.ctypeslib.as_array(native.llama_get_logits_ith(self._context, -1), (self._size,))
        candidates = np.zeros(self._size, np.dtype([("id", "i4"), ("logit", "f4"), ("p", "f4")]))
        candidates["id"] = np.arange(self._size)
        candidates["logit"] = logits
        data = candidates.ctypes.data_as(ctypes.POINTER(native.llama_token_data))
        array = native.llama_token_data_array(data=data, size=self._size, selected=-1, sorted=False)
        native.llama_sampler_apply(self._grammar, ctypes.byref(array))
        native.llama_sampler_apply(self._chain, ctypes.byref(array))
        token = int(array.data[array.selected].id)
        native.llama_sampler_accept(self._chain, token)
        return token


class _model_defaults:
    """Loads without extra buffers where asked: `Llama` has no argument for `use_extra_bufts`."""

    def __init__(self, extra_buffers: bool) -> None:
        self._extra_buffers = extra_buffers
        self._original = native.llama_model_default_params

    def __enter__(self) -> None:
        if not self._extra_buffers:
            native.llama_model_default_params = self._without_extra_buffers

    def _without_extra_buffers(self) -> Any:
        params = self._original()
        params.use_extra_bufts = False
        return params

    def __exit__(self, *_: object) -> None:
        native.llama_model_default_params = self._original


def _usable_cores() -> int:
    # Hyper-threads share one vector unit: more threads than cores decode slower.
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))
