"""A download in a terminal: its pace in words, and what is said of one that stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from openclaw_desktop.cli.progress import describe_pace, pull_with_progress
from openclaw_desktop.core.events import ModelPulled

STEP = ModelPulled("m", 430_000_000, 1_100_000_000)


class Fetching:
    """The one command of the service that is asked."""

    def __init__(self, *steps: ModelPulled) -> None:
        self._steps = steps

    async def pull_model(self, model_id: str) -> AsyncIterator[ModelPulled]:
        for step in self._steps:
            yield step


@pytest.mark.parametrize(
    ("rate", "left", "text"),
    [
        (None, None, ""),
        (12_340_000.0, 53.4, "12.3 MB/s, 0:53 left"),
        (1_000_000.0, 670.0, "1.0 MB/s, 11:10 left"),
        (100_000.0, 6700.0, "0.1 MB/s, 1:51:40 left"),
        (0.0, None, "waiting for the network"),
    ],
)
def test_the_pace_in_words(rate: float | None, left: float | None, text: str) -> None:
    assert describe_pace(replace(STEP, rate_bytes_s=rate, left_s=left)) == text


def test_a_check_says_so() -> None:
    assert describe_pace(replace(STEP, state="verifying")) == "checking"


async def test_each_tenth_is_told_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [replace(STEP, received_bytes=size) for size in (0, 50_000_000, 110_000_000, 120_000_000)]
    done = replace(STEP, received_bytes=1_100_000_000, done=True, state="done")
    assert await pull_with_progress(Fetching(*steps, done), "m")
    assert capsys.readouterr().err.splitlines() == ["m: 0 %", "m: 10 %", "m: 100 %"]


async def test_a_notice_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    await pull_with_progress(Fetching(replace(STEP, notice="hub gives 404. Trying b next."), STEP), "m")
    assert "hub gives 404. Trying b next." in capsys.readouterr().err


async def test_a_pause_says_what_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert not await pull_with_progress(Fetching(STEP, replace(STEP, state="paused")), "m")
    assert "Paused. 430 of 1100 MB are kept" in capsys.readouterr().err
