"""How fast a model will write here: as it was measured, else guessed, and then the guess says from what.

Owns the guess. Must not measure. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from openclaw_desktop.core.text import tr
from openclaw_desktop.inference.fit import Dimensions
from openclaw_desktop.inference.measured import Measured

# Writing a token reads the weights once: as fast as the cores unpack them (3.6 and 6.4 GB/s a core were measured for
# two models of four bits), and no faster than memory gives them.
CORE_BYTES_PER_S = 5e9
# Tokens read for one written: 3.9 and 5.2 were measured for these two.
PREFILL_PER_DECODE = 4.0
# The question that a guess of the time to the first word is for: some instructions, nothing of it known from before.
FIRST_PROMPT_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens a second read and written, seconds to the first word of a question with so many tokens to be read.

    `source` says where the figures come from.
    """

    prefill_tokens_per_s: float
    decode_tokens_per_s: float
    first_token_s: float
    first_prompt_tokens: int
    source: str
    measured: bool


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A model that ran here: its name for people, its dimensions, and what was measured."""

    title: str
    size: Dimensions
    run: Measured


def measured_speed(run: Measured) -> Speed | None:
    """Return the speed of a model that has run; None where it wrote too little to tell."""
    if not (run.decode_tokens_per_s and run.prefill_tokens_per_s):
        return None
    return Speed(
        run.prefill_tokens_per_s,
        run.decode_tokens_per_s,
        run.first_token_s,
        run.first_prompt_tokens,
        tr("measured on this machine"),
        measured=True,
    )


def guess_speed(size: Dimensions, known: Sequence[KnownRun], memory_bytes_per_s: float, cores: int) -> Speed:
    """Return a guess from the model nearest in size that ran here, else from this machine's cores and memory."""
    usable = [each for each in known if each.run.decode_tokens_per_s]
    if usable:
        nearest = min(usable, key=lambda each: abs(math.log(_per_token(each.size) / _per_token(size))))
        decode = nearest.run.decode_tokens_per_s * _per_token(nearest.size) / _per_token(size)
        # Reading is computing: it goes by the number of weights, however many bytes they take.
        ratio = max(1, nearest.size.compute_parameters) / max(1, size.compute_parameters)
        prefill = nearest.run.prefill_tokens_per_s * ratio or PREFILL_PER_DECODE * decode
        return _guess(prefill, decode, tr("guessed from {model}, measured here", model=nearest.title))
    decode = min(cores * CORE_BYTES_PER_S, memory_bytes_per_s) / _per_token(size)
    source = tr("guessed from this machine's cores and memory")
    return _guess(PREFILL_PER_DECODE * decode, decode, source)


def _per_token(size: Dimensions) -> int:
    return max(1, size.read_bytes)


def _guess(prefill: float, decode: float, source: str) -> Speed:
    return Speed(prefill, decode, FIRST_PROMPT_TOKENS / prefill, FIRST_PROMPT_TOKENS, source, measured=False)
