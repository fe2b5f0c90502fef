"""One model's weights, vocabulary and template.

Owns the llama.cpp model object and the cache of texts' tokens. Must not know contexts, lanes or sampling. Model
process, main thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
from collections import OrderedDict
from typing import Any

import llama_cpp
import llama_cpp.llama_cpp as native
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)
# Histories repeat their messages turn after turn; a chat of this many pieces is tokenised once.
KEPT_TEXTS = 512


class EngineError(Exception):
    """A request that the worker cannot serve; `code` for programs."""

    def __init__(self, code: str, message: str, **details: int) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class Model:
    """A model in memory. `texts` and `texts_cached` count the texts tokenised so far, and those that were known."""

    def __init__(self, path: str, *, extra_buffers: bool, mmap: bool) -> None:
        # llama.cpp tells its whole life at lower levels.
        logging.getLogger("llama-cpp-python").setLevel(logging.ERROR)
        native.llama_backend_init()
        params = native.llama_model_default_params()
        params.n_gpu_layers = 0
        params.use_extra_bufts = extra_buffers
        params.load_mode = llama_cpp.LLAMA_LOAD_MODE_MMAP if mmap else llama_cpp.LLAMA_LOAD_MODE_NONE
        self.native: Any = native.llama_model_load_from_file(os.fsencode(path), params)
        if not self.native:
            raise EngineError("model_unreadable", "llama.cpp cannot load the file")
        self.vocabulary: Any = native.llama_model_get_vocab(self.native)
        self.size: int = native.llama_vocab_n_tokens(self.vocabulary)
        if self.size <= 0 or not native.llama_model_has_decoder(self.native):
            self.close()
            raise EngineError("model_unreadable", "the file holds no model that writes text")
        self.trained_tokens: int = native.llama_model_n_ctx_train(self.native)
        self.parameters: int = native.llama_model_n_params(self.native)
        # What such models remember is one running state: it cannot be cut back to a prefix.
        self.cuts_memory = not (
            native.llama_model_is_recurrent(self.native) or native.llama_model_is_hybrid(self.native)
        )
        template = native.llama_model_chat_template(self.native, None)
        source = template.decode("utf-8", "replace") if template else CHATML
        begin = native.llama_vocab_bos(self.vocabulary)
        self.begin = begin if native.llama_vocab_get_add_bos(self.vocabulary) and begin >= 0 else None
        try:
            self._formatter = Jinja2ChatFormatter(
                template=source,
                eos_token=self._spell(native.llama_vocab_eos(self.vocabulary)),
                bos_token=self._spell(begin),
            )
        except Exception as error:  # whatever a foreign template holds: the worker lives on
            self.close()
            raise EngineError("bad_template", "the model's chat template cannot be read") from error
        self._known: OrderedDict[tuple[str, bool], list[int]] = OrderedDict()
        self._piece = ctypes.create_string_buffer(256)
        self.texts = 0
        self.texts_cached = 0

    def close(self) -> None:
        """Give the weights' memory back."""
        if self.native:
            native.llama_model_free(self.native)
            self.native = None

    def render(self, messages: list[dict[str, str]]) -> str:
        """Return `messages` in the form of the model's own chat template.

        Some templates refuse a system message: its text then stands before that of the user's first.
        """
        try:
            return self._format(messages)
        except Exception as error:  # whatever a foreign template raises: the worker lives on
            if len(messages) < 2 or messages[0]["role"] != "system":
                raise EngineError("bad_template", "the model's chat template refuses this chat") from error
        first = {"role": "user", "content": messages[0]["content"] + "\n\n" + messages[1]["content"]}
        try:
            return self._format([first, *messages[2:]])
        except Exception as error:
            raise EngineError("bad_template", "the model's chat template refuses this chat") from error

    def _format(self, messages: list[dict[str, str]]) -> str:
        return str(self._formatter(messages=messages).prompt)  # type: ignore[arg-type]

    def _spell(self, token: int) -> str:
        """Return a control token written out, as templates want it."""
        return native.llama_vocab_get_text(self.vocabulary, token).decode("utf-8", "replace") if token >= 0 else ""

    def tokenize(self, text: str, special: bool) -> list[int]:
        """Return the tokens of `text`; with `special`, control tokens written out in it are those tokens."""
        self.texts += 1
        key = (text, special)
        with contextlib.suppress(KeyError):
            self._known.move_to_end(key)
            self.texts_cached += 1
            return self._known[key]
        tokens = self._tokenize(text.encode("utf-8", "replace"), special)
        self._known[key] = tokens
        if len(self._known) > KEPT_TEXTS:
            self._known.popitem(last=False)
        return tokens

    def _tokenize(self, data: bytes, special: bool) -> list[int]:
        room = len(data) + 8
        tokens = (ctypes.c_int32 * room)()
        count = native.llama_tokenize(self.vocabulary, data, len(data), tokens, room, False, special)
        if count < 0:
            tokens = (ctypes.c_int32 * -count)()
            count = native.llama_tokenize(self.vocabulary, data, len(data), tokens, -count, False, special)
        if count < 0:
            raise EngineError("not_tokenised", "the text cannot be read")
        return list(tokens[:count])

    def piece(self, token: int) -> bytes:
        """Return the text of one token, which may be part of a character; nothing for a control token."""
        buffer: Any = self._piece
        length = native.llama_token_to_piece(self.vocabulary, token, buffer, len(buffer), 0, False)
        if length < 0:
            buffer = self._piece = ctypes.create_string_buffer(-length)
            length = native.llama_token_to_piece(self.vocabulary, token, buffer, len(buffer), 0, False)
        return bytes(buffer.raw[: max(0, length)])

    def ends(self, token: int) -> bool:
        """Say whether a token ends the reply."""
        return bool(native.llama_vocab_is_eog(self.vocabulary, token))
