"""How much memory a model will take in the worker, and whether this machine has it.

Owns the prediction and the verdict. Must not read the machine or a file. Pure.

What counts is the most that the worker process holds at once (VmHWM): the weights, the KV cache for the whole context,
the buffers of a computation, and what the process needs before any of these. The worker loads without mmap, so the
weights are its own pages; mapped weights are pages of the file that the system may take back, and count all the same
while the model is being read. docs/adr/0009 says how the parts of the formula were found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from openclaw_desktop.core.text import tr
from openclaw_desktop.inference.catalogue import ModelShape
from openclaw_desktop.inference.gguf import GgufHeader
from openclaw_desktop.inference.loading import fits_memory

Verdict = Literal["green", "amber", "red"]

# Keys and values are kept as F16.
KV_BYTES = 2
FLOAT_BYTES = 4
# The worker reads a prompt in pieces of at most so many tokens (worker.chunks.MOST_TOKENS).
CHUNK_TOKENS = 64
# Python, numpy, the chat template's engine and llama.cpp's own code and tables, before any model.
RUNTIME_BYTES = 48 << 20
# A token of the vocabulary: its text twice (list and table), its score, the entry of the table, and its merge.
VOCABULARY_ENTRY_BYTES = 400
# Below that a conversation is no use.
LEAST_CONTEXT_TOKENS = 1024
SLOW_TOKENS_PER_S = 3.0


@dataclass(frozen=True, slots=True)
class Dimensions:
    """What memory and speed are computed from. `kv_width`: keys and values of all layers, in numbers a token.

    `weights_bytes`: all tensors. `read_bytes`: what is read to write one token. `repacked_bytes`: what the worker may
    lay out anew in buffers of its own. `doubled_bytes`: a token embedding that is the output too, and is repacked for
    that alone. `compute_parameters`: the weights that a token passes through.
    """

    weights_bytes: int
    read_bytes: int
    repacked_bytes: int
    doubled_bytes: int
    compute_parameters: int
    kv_width: int
    head_count: int
    embedding_length: int
    feed_forward_length: int
    vocab_size: int


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Bytes by what they are for."""

    weights: int
    kv_cache: int
    compute: int
    overhead: int

    @property
    def total(self) -> int:
        """The most that the worker will hold at once."""
        return self.weights + self.kv_cache + self.compute + self.overhead


def dimensions_of_header(header: GgufHeader) -> Dimensions:
    """Return the dimensions of a model whose file is here."""
    tensors = header.tensors
    used = header.expert_used_count / header.expert_count if header.expert_count else 1.0
    idle = int(tensors.experts * (1 - used))
    # The token embedding is looked up row by row, unless it is the output as well.
    read = tensors.blocks + tensors.other + (tensors.output or tensors.token_embedding) - idle
    return Dimensions(
        weights_bytes=tensors.total,
        read_bytes=read,
        repacked_bytes=tensors.repackable,
        doubled_bytes=tensors.shared_repackable,
        compute_parameters=int(header.parameters * read / max(1, tensors.total)),
        kv_width=sum(header.head_count_kv) * (header.key_length + header.value_length),
        head_count=header.head_count,
        embedding_length=header.embedding_length,
        feed_forward_length=header.feed_forward_length,
        vocab_size=header.vocab_size,
    )


def dimensions_of_shape(shape: ModelShape, size_bytes: int) -> Dimensions | None:
    """Return the dimensions of a model that is not here yet, from the catalogue; None where that says too little.

    Where it does not say so, the heads are as wide as keys are and feed-forward is four times the embedding: both
    matter for the smallest part alone.
    """
    if not (shape.block_count and shape.head_count_kv and shape.key_length and shape.embedding_length):
        return None
    width = shape.key_length + (shape.value_length or shape.key_length)
    parameters = shape.parameters or size_bytes
    active = shape.active_parameters or parameters
    return Dimensions(
        weights_bytes=size_bytes,
        read_bytes=int(size_bytes * active / parameters),
        repacked_bytes=size_bytes,
        doubled_bytes=0,
        compute_parameters=active,
        kv_width=shape.block_count * shape.head_count_kv * width,
        head_count=max(1, shape.embedding_length // shape.key_length),
        embedding_length=shape.embedding_length,
        feed_forward_length=4 * shape.embedding_length,
        vocab_size=shape.vocab_size or 0,
    )


def predict_memory_bytes(
    model: GgufHeader | Dimensions, context_tokens: int, *, extra_buffers: bool = True, mmap: bool = False
) -> MemoryNeed:
    """Return what the worker will hold at its peak, within a tenth.

    `extra_buffers`: weights are repacked; with `mmap` too they are held twice, once in the mapped file.
    """
    size = dimensions_of_header(model) if isinstance(model, GgufHeader) else model
    weights = size.weights_bytes
    if extra_buffers:
        weights += size.doubled_bytes + (size.repacked_bytes if mmap else 0)
    kv_cache = context_tokens * size.kv_width * KV_BYTES
    # Attention without flash attention: scores of every head for every token of the chunk, before and after softmax.
    scores = 2 * CHUNK_TOKENS * context_tokens * size.head_count * FLOAT_BYTES
    layer = CHUNK_TOKENS * (3 * size.feed_forward_length + 4 * size.embedding_length) * FLOAT_BYTES
    # Logits in llama.cpp's output buffer, and copies of them while a token is sampled.
    logits = 4 * size.vocab_size * FLOAT_BYTES
    overhead = RUNTIME_BYTES + size.vocab_size * VOCABULARY_ENTRY_BYTES
    return MemoryNeed(weights, kv_cache, scores + layer + logits, overhead)


@dataclass(frozen=True, slots=True)
class Room:
    """What this machine has, in bytes: memory in all, memory that is free now, and disk where models are kept."""

    memory_bytes: int
    available_bytes: int
    disk_free_bytes: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason in whole sentences; `context_tokens`: the largest that memory has room for, or 0."""

    verdict: Verdict
    reason: str
    context_tokens: int


def judge(
    size: Dimensions, context_tokens: int, room: Room, tokens_per_s: float | None, needed_bytes: int = 0
) -> Judgement:
    """Say whether a model will run: red not at all, amber with less than asked for or slowly, green well.

    `needed_bytes`: the room on the disk that fetching it takes. `tokens_per_s`: None where nobody knows.
    """
    need = predict_memory_bytes(size, context_tokens).total
    fitting = largest_context(size, context_tokens, room.memory_bytes)
    if fitting == 0:
        least = predict_memory_bytes(size, LEAST_CONTEXT_TOKENS).total
        reason = tr(
            "It needs {need} of memory even for a short chat, and this machine has {memory}.",
            need=in_gb(least),
            memory=in_gb(room.memory_bytes),
        )
        return Judgement("red", reason, 0)
    if needed_bytes > room.disk_free_bytes:
        reason = tr(
            "There is no room on the disk to fetch it: {needed} are needed, {free} are free.",
            needed=in_gb(needed_bytes),
            free=in_gb(room.disk_free_bytes),
        )
        return Judgement("red", reason, fitting)
    reasons = []
    if fitting < context_tokens:
        reasons.append(
            tr(
                "{wanted} tokens of context do not fit into memory; {fitting} do.",
                wanted=context_tokens,
                fitting=fitting,
            )
        )
    elif not fits_memory(need, room.available_bytes):
        reasons.append(
            tr(
                "It needs {need} of memory; {free} are free, too little beside other programs: close some first.",
                need=in_gb(need),
                free=in_gb(room.available_bytes),
            )
        )
    if tokens_per_s is not None and tokens_per_s < SLOW_TOKENS_PER_S:
        reasons.append(tr("It would be slow here: about {rate} tokens a second.", rate=f"{tokens_per_s:.1f}"))
    if reasons:
        return Judgement("amber", " ".join(reasons), fitting)
    return Judgement("green", tr("It runs well here."), fitting)


def largest_context(size: Dimensions, context_tokens: int, memory_bytes: int) -> int:
    """Return the largest of the context, its half, its quarter and so on that memory has room for; 0: none."""
    context = context_tokens
    while not fits_memory(predict_memory_bytes(size, context).total, memory_bytes):
        context //= 2
        if context < LEAST_CONTEXT_TOKENS:
            return 0
    return context


def in_gb(count: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
