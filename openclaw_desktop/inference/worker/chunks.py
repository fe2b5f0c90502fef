"""How much of a prompt is read at once: a cancel is seen in between, and smaller pieces cost speed.

Owns that size. Must not know the model. Pure.
"""

from __future__ import annotations

LEAST_TOKENS, MOST_TOKENS = 8, 64
# Half of what the agent waits after a cancel (`pipe.CANCEL_GRACE_S`): a model that is only slow is never killed for it.
CHUNK_S = 1.5
# Two cores read about so fast; until a model has shown its own speed.
ASSUMED_PARAMETERS_PER_S = 100e9


def first_chunk_tokens(parameters: int) -> int:
    """Return how many tokens to read at once of a model that has read nothing yet."""
    return _in_bounds(CHUNK_S * ASSUMED_PARAMETERS_PER_S / max(1, parameters))


def next_chunk_tokens(chunk_tokens: int, read_tokens: int, took_s: float) -> int:
    """Return how many tokens to read at once, now that so many of at most `chunk_tokens` took so long."""
    if read_tokens < chunk_tokens and took_s < CHUNK_S:
        return chunk_tokens  # of a few tokens each takes longer: they say nothing of a whole chunk
    return _in_bounds(read_tokens * CHUNK_S / max(took_s, 1e-6))


def _in_bounds(tokens: float) -> int:
    return max(LEAST_TOKENS, min(int(tokens), MOST_TOKENS))
