"""How much of a prompt is read at once: a slow model must see a cancel in time, a fast one must stay fast."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from openclaw_desktop.inference.pipe import CANCEL_GRACE_S
from openclaw_desktop.inference.worker.chunks import CHUNK_S, LEAST_TOKENS, MOST_TOKENS, first_chunk_tokens
from openclaw_desktop.inference.worker.chunks import next_chunk_tokens as following


def read(chunk_tokens: int, seconds: Callable[[int], float], chunks: int = 6) -> list[int]:
    sizes = [chunk_tokens]
    for _ in range(chunks):
        sizes.append(following(sizes[-1], sizes[-1], seconds(sizes[-1])))
    return sizes


@pytest.mark.parametrize("tokens_per_s", [3, 5, 10, 15, 20, 40])
def test_no_chunk_but_the_first_outlasts_the_wait_for_a_cancel(tokens_per_s: int) -> None:
    for first in (LEAST_TOKENS, MOST_TOKENS):
        for size in read(first, lambda size: size / tokens_per_s)[1:]:
            assert LEAST_TOKENS <= size <= MOST_TOKENS
            assert size / tokens_per_s <= max(CHUNK_S, LEAST_TOKENS / tokens_per_s) < CANCEL_GRACE_S


def test_a_fast_model_reads_as_much_as_ever() -> None:
    assert set(read(MOST_TOKENS, lambda size: size / 50)) == {MOST_TOKENS}
    # A piece costs something however small it is; a moment's disturbance is made good again.
    sizes = read(LEAST_TOKENS, lambda size: 0.1 + size / 100)
    assert sizes[3:] == [MOST_TOKENS] * 4


@pytest.mark.parametrize(("billions", "least", "most"), [(0.135, 64, 64), (1.5, 64, 64), (8, 8, 30), (32, 8, 8)])
def test_of_a_model_that_has_read_nothing_its_size_tells(billions: float, least: int, most: int) -> None:
    assert least <= first_chunk_tokens(int(billions * 1e9)) <= most


def test_a_few_tokens_say_nothing_of_a_whole_chunk_unless_they_took_too_long() -> None:
    assert following(MOST_TOKENS, 1, 0.2) == MOST_TOKENS
    assert following(MOST_TOKENS, 30, 2 * CHUNK_S) == 15
    assert following(20, 20, 0.0) == MOST_TOKENS
