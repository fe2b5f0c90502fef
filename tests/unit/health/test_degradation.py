"""What is given up for want of what: background work first, then caches, then the model, and back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.health.degradation import ORDER, Cause, Degradation, Pressure, advise, degrade, explain

ROOMY = Pressure(0.5, 100 << 30, 0.1)


@pytest.mark.parametrize(
    ("changes", "step", "cause"),
    [
        ({}, "normal", ""),
        ({"memory_share": 0.14}, "no_background", "memory"),
        ({"memory_share": 0.09}, "no_caches", "memory"),
        ({"memory_share": 0.04}, "no_model", "memory"),
        ({"disk_free_bytes": 400 << 20}, "no_background", "disk"),
        ({"disk_free_bytes": 50 << 20}, "no_caches", "disk"),
        ({"load_per_core": 5.0}, "no_background", "processor"),
        ({"load_per_core": None}, "normal", ""),
        ({"load_per_core": 50.0, "memory_share": 0.09}, "no_caches", "memory"),
    ],
)
def test_each_shortage(changes: dict[str, object], step: Degradation, cause: Cause) -> None:
    assert degrade(replace(ROOMY, **changes)) == (step, cause)  # type: ignore[arg-type]


def test_memory_that_shrinks_and_comes_back_takes_the_steps_in_order_both_ways() -> None:
    step: Degradation = "normal"
    down, up = [], []
    for percent in range(30, 1, -1):
        step, _ = degrade(replace(ROOMY, memory_share=percent / 100), step)
        down.append(step)
    for percent in range(2, 31):
        step, _ = degrade(replace(ROOMY, memory_share=percent / 100), step)
        up.append(step)
    assert sorted(set(down), key=ORDER.index) == list(ORDER)
    assert down == sorted(down, key=ORDER.index)
    assert up == sorted(up, key=ORDER.index, reverse=True) and up[-1] == "normal"


@given(st.floats(0.0, 1.0), st.floats(0.99, 1.01))
def test_what_trembles_does_not_flutter(share: float, wobble: float) -> None:
    one, _ = degrade(replace(ROOMY, memory_share=share))
    two, _ = degrade(replace(ROOMY, memory_share=share * wobble), one)
    three, _ = degrade(replace(ROOMY, memory_share=share), two)
    assert three == two


def test_each_step_says_what_is_short_what_goes_and_what_to_do() -> None:
    assert "memory" in explain("no_caches", "memory") and advise("memory")
    assert "disk" in explain("no_background", "disk") and advise("disk")
    assert "processor" in explain("no_background", "processor")
    assert explain("normal", "") and len({explain(step, "memory") for step in ORDER}) == len(ORDER)
