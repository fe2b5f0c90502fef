"""What a model is loaded with, and how hard it may work."""

from __future__ import annotations

from pathlib import Path

import pytest

from openclaw_desktop.core.power import PowerLevel
from openclaw_desktop.core.protocols import Lane
from openclaw_desktop.inference.loading import (
    NICE,
    Effort,
    Load,
    LoadedModel,
    fits_memory,
    grown_context,
    plan_effort,
)

GB = 1 << 30


@pytest.mark.parametrize(
    ("level", "lane", "can_raise", "effort"),
    [
        ("full", "chat", True, Effort(8, 0)),
        ("full", "chat", False, Effort(8, 0)),
        ("full", "background", True, Effort(8, NICE)),
        # A priority that stays lowered would slow the next chat: there it is threads that give way.
        ("full", "background", False, Effort(4, 0)),
        ("saver", "chat", True, Effort(4, NICE)),
        ("saver", "background", False, Effort(4, NICE)),
        ("low", "chat", True, Effort(2, NICE)),
        ("low", "background", True, Effort(2, NICE)),
        ("critical", "chat", True, Effort(2, NICE)),
    ],
)
def test_threads_and_priority_follow_the_level(level: PowerLevel, lane: Lane, can_raise: bool, effort: Effort) -> None:
    assert plan_effort(level, lane, 8, None, can_raise) == effort


def test_one_core_is_never_halved_away_and_the_users_own_number_counts() -> None:
    assert plan_effort("low", "background", 1, None, True).threads == 1
    assert plan_effort("low", "chat", 8, 6, True) == Effort(6, NICE)
    assert plan_effort("full", "chat", 8, 1, True) == Effort(1, 0)


def test_a_need_fits_with_a_margin() -> None:
    assert fits_memory(None, 0), "what nobody knows is tried"
    assert fits_memory(2 * GB, 3 * GB)
    assert not fits_memory(2 * GB, 2 * GB + (100 << 20))
    assert not fits_memory(3 * GB, 2 * GB)


def test_a_file_is_mapped_only_where_it_is_not_copied() -> None:
    model = LoadedModel("m", Path("m.gguf"), 4096)
    assert not Load(model, 4096, extra_buffers=True).mmap
    assert Load(model, 4096, extra_buffers=False).mmap


@pytest.mark.parametrize(
    ("now", "trained", "prompt", "reply", "size"),
    [
        (4096, 32_768, 4500, 700, 8192),
        (4096, 32_768, 8000, 700, 16_384),
        (4096, 32_768, 4090, 2, 8192),
        (512, 2048, 600, 64, 1024),
        # Not all of the reply fits what it was trained for, but some does.
        (4096, 8192, 8000, 700, 8192),
        (4096, 8192, 8150, 700, None),
        (4096, 8192, 9000, 700, None),
        (8192, 8192, 8000, 700, None),
        (4096, 0, 4500, 700, None),
    ],
)
def test_a_context_grows_up_to_what_the_model_was_trained_for(
    now: int, trained: int, prompt: int, reply: int, size: int | None
) -> None:
    assert grown_context(now, trained, prompt, reply) == size
