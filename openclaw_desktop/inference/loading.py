"""With what a model is loaded and how hard it may work: context, buffers, threads, priority.

Owns these decisions. Must not know the worker, nor read the machine itself. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from openclaw_desktop.core.power import WORKER_SHARE, PowerLevel
from openclaw_desktop.core.protocols import Lane

NICE = 10
# Predictions are good to a tenth; the rest is for what other programs take meanwhile.
MARGIN_SHARE, MARGIN_BYTES = 0.1, 256 << 20
# A reply needs some room beside its prompt.
LEAST_REPLY_TOKENS = 64


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model to answer with: which file, how large a context in tokens to begin with, and the user's own threads."""

    id: str
    path: Path
    context_tokens: int
    threads: int | None = None
    calls_tools: bool = True


@dataclass(frozen=True, slots=True)
class Load:
    """How a model is loaded. `extra_buffers`: weights are repacked into buffers of their own.

    Repacked weights are a copy: the file is mapped only where they are not repacked, or memory would hold them twice.
    """

    model: LoadedModel
    context_tokens: int
    extra_buffers: bool

    @property
    def mmap(self) -> bool:
        """Whether the file is mapped."""
        return not self.extra_buffers


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard the worker may work. `nice`: 0 is normal, 19 gives way to everything."""

    threads: int
    nice: int


def fits_memory(need_bytes: int | None, available_bytes: int) -> bool:
    """Say whether a need fits what is available, with a margin; one that nobody knows is taken to fit."""
    return need_bytes is None or need_bytes * (1 + MARGIN_SHARE) + MARGIN_BYTES <= available_bytes


def plan_effort(
    level: PowerLevel, lane: Lane, cores: int, chosen_threads: int | None, can_raise_priority: bool
) -> Effort:
    """Return threads and priority: all of it for the chat on mains, the level's share and behind others on battery.

    A lowered priority that cannot be raised again would stay with the next chat: there, background work on mains takes
    half of the cores instead. `chosen_threads`, the user's own, always counts.
    """
    if level != "full":
        effort = Effort(max(1, int(cores * WORKER_SHARE[level])), NICE)
    elif lane != "background":
        effort = Effort(cores, 0)
    else:
        effort = Effort(cores, NICE) if can_raise_priority else Effort(max(1, cores // 2), 0)
    return Effort(chosen_threads or effort.threads, effort.nice)


def grown_context(context_tokens: int, trained_tokens: int, prompt_tokens: int, reply_tokens: int) -> int | None:
    """Return the next context that holds the prompt and its reply, doubled as often as needed; None: there is none.

    Where not all of the reply fits what the model was trained for, some of it must.
    """
    if prompt_tokens + LEAST_REPLY_TOKENS > trained_tokens or context_tokens >= trained_tokens:
        return None
    size = context_tokens
    while size < min(prompt_tokens + reply_tokens, trained_tokens):
        size = min(2 * size, trained_tokens)
    return size if size > context_tokens else min(2 * context_tokens, trained_tokens)
