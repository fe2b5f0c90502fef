"""What the model has read and remembers: one memory, with a lane for the chat and one for background work.

Owns the llama.cpp context and which tokens stand in it. Must not know prompts, files' names or sampling. Model
process, main thread.

Both lanes share the context's room. Background work that needs the chat's part of it moves the chat into ordinary
memory meanwhile; the chat, needing the room, makes background work read its prompt again.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import llama_cpp
import llama_cpp.llama_cpp as native
import numpy as np
from numpy.typing import NDArray

from openclaw_desktop.inference.worker.model import EngineError, Model

BATCH_TOKENS = 512
# A sequence beside the lanes' own, for a moment: the part of a lane that is written to a file.
_COPY = 2


@dataclass(slots=True)
class Lane:
    """One line of reading, with a sequence of the context.

    `saved`: so many of its first tokens are in a file too; `aside`: its state while it waits outside of the context.
    """

    sequence: int
    tokens: list[int] = field(default_factory=list)
    saved: int = 0
    aside: Any = None

    def common(self, tokens: Sequence[int]) -> int:
        """Return how many first tokens both have."""
        return common_prefix(self.tokens, tokens)


def common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many first tokens are the same."""
    shortest = min(len(one), len(other))
    differ = np.flatnonzero(np.asarray(one[:shortest], "i4") != np.asarray(other[:shortest], "i4"))
    return int(differ[0]) if len(differ) else shortest


class Memory:
    """A context of `context_tokens` tokens, rounded up as llama.cpp does, with its lanes."""

    def __init__(self, model: Model, context_tokens: int, threads: int) -> None:
        self._model = model
        params = native.llama_context_default_params()
        params.n_ctx = min(context_tokens, model.trained_tokens) if model.trained_tokens > 0 else context_tokens
        params.n_batch = params.n_ubatch = BATCH_TOKENS
        params.n_seq_max = 3
        params.kv_unified = True
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self._context: Any = native.llama_init_from_model(model.native, params)
        if not self._context:
            raise EngineError("no_context", "there is no memory for this context", tokens=context_tokens)
        self._memory: Any = native.llama_get_memory(self._context)
        self._batch = native.llama_batch_init(BATCH_TOKENS, 0, 1)
        self.cells: int = native.llama_n_ctx(self._context)
        self.tokens = min(self.cells, model.trained_tokens) if model.trained_tokens > 0 else self.cells
        self.chat, self.background = Lane(0), Lane(1)
        # How states are laid out: one of another layout would not fit.
        self.layout = f"k{params.type_k} v{params.type_v} fa{params.flash_attn_type}"

    def close(self) -> None:
        """Free the context."""
        native.llama_batch_free(self._batch)
        native.llama_free(self._context)

    def set_threads(self, threads: int) -> None:
        """Use so many threads from the next token on."""
        native.llama_set_n_threads(self._context, threads, threads)

    def enter(self, lane: Lane, kept: int, needed: int) -> int:
        """Cut `lane` to its first `kept` tokens, with room for `needed` in all; return how many it has now."""
        other = self.background if lane is self.chat else self.chat
        if other.tokens and other.aside is None and len(other.tokens) + needed > self.cells:
            self._put_aside(other)
        if lane.aside is not None:
            state, lane.aside = lane.aside, None
            if not native.llama_state_seq_set_data(self._context, state, len(state), lane.sequence):
                self.cut(lane, 0)
        self.cut(lane, kept)
        return len(lane.tokens)

    def _put_aside(self, lane: Lane) -> None:
        if lane is self.background:
            self.cut(lane, 0)
            return
        state = (ctypes.c_uint8 * native.llama_state_seq_get_size(self._context, lane.sequence))()
        if native.llama_state_seq_get_data(self._context, state, len(state), lane.sequence) != len(state):
            self.cut(lane, 0)
            return
        native.llama_memory_seq_rm(self._memory, lane.sequence, -1, -1)
        lane.aside = state

    def cut(self, lane: Lane, count: int) -> None:
        """Forget all but the first `count` tokens, or all where this model cannot forget a part."""
        if count >= len(lane.tokens):
            return
        if not native.llama_memory_seq_rm(self._memory, lane.sequence, count, -1):
            count = 0
            native.llama_memory_seq_rm(self._memory, lane.sequence, -1, -1)
        del lane.tokens[count:]
        lane.saved = min(lane.saved, count)

    def read(self, lane: Lane, tokens: Sequence[int], wanted: int = 1) -> None:
        """Read up to 512 more tokens; afterwards the logits of the last `wanted` are there."""
        batch = self._batch
        for index, token in enumerate(tokens):
            batch.token[index] = token
            batch.pos[index] = len(lane.tokens) + index
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = lane.sequence
            batch.logits[index] = index >= len(tokens) - wanted
        batch.n_tokens = len(tokens)
        if (code := native.llama_decode(self._context, batch)) != 0:
            # What was half read is in an unknown state.
            native.llama_memory_seq_rm(self._memory, lane.sequence, -1, -1)
            lane.tokens.clear()
            lane.saved = 0
            raise EngineError("not_read", f"llama.cpp could not read on ({code})")
        lane.tokens += tokens

    def logits(self, index: int = -1) -> NDArray[np.float32]:
        """Return the logits after the token at `index` of the last read (-1: its last); valid until the next."""
        return np.ctypeslib.as_array(native.llama_get_logits_ith(self._context, index), (self._model.size,))

    def state_bytes(self, lane: Lane) -> int:
        """Return how large the whole lane's state is."""
        return int(native.llama_state_seq_get_size(self._context, lane.sequence))

    def save(self, lane: Lane, count: int, path: Path) -> bool:
        """Write the state of the first `count` tokens to `path`."""
        sequence = lane.sequence
        if count < len(lane.tokens):
            sequence = _COPY
            native.llama_memory_seq_cp(self._memory, lane.sequence, sequence, 0, count)
        none = (ctypes.c_int32 * 1)()
        written = native.llama_state_seq_save_file(self._context, os.fsencode(path), sequence, none, 0)
        if sequence == _COPY:
            native.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return bool(written)

    def load(self, lane: Lane, tokens: Sequence[int], path: Path) -> bool:
        """Put the state in a file, which must be whole, in the place of what `lane` holds; `tokens` made it."""
        self.cut(lane, 0)
        none, count = (ctypes.c_int32 * 1)(), ctypes.c_size_t()
        read = native.llama_state_seq_load_file(
            self._context, os.fsencode(path), lane.sequence, none, 1, ctypes.byref(count)
        )
        last = native.llama_memory_seq_pos_max(self._memory, lane.sequence)
        if not read or last != len(tokens) - 1:
            native.llama_memory_seq_rm(self._memory, lane.sequence, -1, -1)
            return False
        lane.tokens[:] = tokens
        lane.saved = len(tokens)
        return True
