"""What a model is loaded with, and how hard it may work."""

from __future__ import annotations

from pathlib import Path

import pytest

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
from openclaw_desktop.system.battery import Power

MAINS, UNKNOWN = Power("mains", None), Power("unknown", None)
BATTERY, LOW = Power("battery", 80.0), Power("battery", 20.0)
GB = 1 << 30


@pytest.mark.parametrize(
    ("power", "lane", "can_raise", "effort"),
    [
        (MAINS, "chat", True, Effort(8, 0)),
        (MAINS, "chat", False, Effort(8, 0)),
        (UNKNOWN, "chat", True, Effort(8, 0)),
        (MAINS, "background", True, Effort(8, NICE)),
        # A priority that stays lowered would slow the next chat: there it is threads that give way.
        (MAINS, "background", False, Effort(4, 0)),
        (BATTERY, "chat", True, Effort(4, NICE)),
        (BATTERY, "background", False, Effort(4, NICE)),
        (LOW, "chat", True, Effort(2, NICE)),
        (LOW, "background", True, Effort(2, NICE)),
        (Power("battery", None), "chat", True, Effort(4, NICE)),
    ],
)
def test_threads_and_priority_follow_the_power_state(power: Power, lane: Lane, can_raise: bool, effort: Effort) -> None:
    assert plan_effort(power, lane, 8, None, can_raise) == effort


def test_one_core_is_never_halved_away_and_the_users_own_number_counts() -> None:
    assert plan_effort(LOW, "background", 1, None, True).threads == 1
    assert plan_effort(LOW, "chat", 8, 6, True) == Effort(6, NICE)
    assert plan_effort(MAINS, "chat", 8, 1, True) == Effort(1, 0)


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
