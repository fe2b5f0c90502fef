"""How fast a download goes, and how long it will take."""

from __future__ import annotations

import pytest

from openclaw_desktop.inference.download.pace import WINDOW_S, Pace


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_steady_download_has_a_rate_and_an_end() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.measure(0, 1000) == (None, None), "the first look knows nothing"
    for second in range(1, 5):
        clock.now_s += 1
        rate, left = pace.measure(second * 100, 1000)
        assert rate == pytest.approx(100)
        assert left == pytest.approx((1000 - second * 100) / 100)


def test_what_was_here_before_does_not_count_as_speed() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.measure(900, 1000)
    clock.now_s += 2
    assert pace.measure(920, 1000) == (10.0, 8.0)


def test_a_stall_shows_within_the_window() -> None:
    clock = Clock()
    pace = Pace(clock)
    for second in range(20):
        pace.measure(second * 100, 10_000)
        clock.now_s += 1
    for _ in range(int(WINDOW_S) + 2):
        clock.now_s += 1
        rate, left = pace.measure(1900, 10_000)
    assert (rate, left) == (0.0, None)


def test_what_was_thrown_away_begins_the_measuring_anew() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.measure(500, 1000)
    clock.now_s += 2
    assert pace.measure(0, 1000) == (None, None)
