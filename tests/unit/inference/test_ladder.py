"""The ladder: every death leads one step down, and there is an end."""

from __future__ import annotations

import itertools
import signal

import pytest

from openclaw_desktop.inference.ladder import (
    Cause,
    Footing,
    Step,
    cause_of,
    count_death,
    describe,
    explain_step,
    give_up,
    next_step,
    smaller_cannot,
    take_step,
)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGILL, signal.SIGABRT, signal.SIGBUS, None])
def test_every_death_but_by_sigkill_is_a_crash(number: int | None) -> None:
    assert cause_of(number) == "crash"
    assert cause_of(int(signal.SIGKILL)) == "memory"


@pytest.mark.parametrize(
    ("footing", "extra_buffers", "context_tokens", "step"),
    [
        (Footing(deaths_in_row=1, deaths=1), True, 4096, "again"),
        (Footing(deaths_in_row=1, deaths=9, extra_buffers=False), False, 4096, "again"),
        (Footing(deaths_in_row=2, deaths=2), True, 4096, "no_buffers"),
        # Memory was short when it was loaded: it had no extra buffers to begin with.
        (Footing(deaths_in_row=2, deaths=2), False, 4096, "smaller_context"),
        (Footing(deaths_in_row=3, deaths=3, extra_buffers=False), False, 4096, "smaller_context"),
        (Footing(deaths_in_row=3, deaths=3, extra_buffers=False), False, 2047, "smaller_model"),
        (Footing(deaths_in_row=4, deaths=4, extra_buffers=False, shrunk_from=4096), False, 2048, "smaller_model"),
    ],
)
def test_the_next_step(footing: Footing, extra_buffers: bool, context_tokens: int, step: Step) -> None:
    assert next_step(footing, extra_buffers, context_tokens) == step


def descend(context_tokens: int) -> list[Step]:
    """Return the steps of a model that dies on every one of them."""
    footing, steps, extra_buffers = Footing(), [], True
    while "smaller_model" not in steps:
        footing = count_death(footing)
        step = next_step(footing, extra_buffers, context_tokens)
        footing = take_step(footing, step, context_tokens, "big")
        extra_buffers = footing.extra_buffers
        context_tokens //= 2 if step == "smaller_context" else 1
        steps.append(step)
    return steps


def test_a_model_that_always_dies_goes_down_step_by_step() -> None:
    assert descend(4096) == ["again", "no_buffers", "smaller_context", "smaller_model"]
    assert descend(1024) == ["again", "no_buffers", "smaller_model"]


def test_a_smaller_model_keeps_what_made_the_larger_one_crash_away_but_gets_its_own_context() -> None:
    footing = take_step(Footing(False, 4096, 4, 4), "smaller_model", 2048, "big")
    assert (footing.extra_buffers, footing.shrunk_from, footing.left) == (False, 0, ("big",))


def test_every_step_is_a_sentence_of_its_own_that_says_why() -> None:
    steps: tuple[Step, ...] = ("again", "no_buffers", "smaller_context", "smaller_model")
    causes: tuple[Cause, ...] = ("crash", "memory")
    sentences = {explain_step(step, cause, 4096, "small") for step, cause in itertools.product(steps, causes)}
    assert len(sentences) == 8
    assert all("memory ran out" in explain_step(step, "memory", 4096, "small") for step in steps)
    shrunk = explain_step("smaller_context", "crash", 4096, "small")
    assert "2048" in shrunk and "4096" in shrunk, "both numbers are told"
    assert "small" in explain_step("smaller_model", "crash", 4096, "small")


def test_the_status_tells_what_is_missing_and_nothing_where_nothing_is() -> None:
    assert describe(Footing(), 4096) == ""
    assert describe(Footing(deaths=1), 4096) == "", "it came back whole"
    told = describe(Footing(False, 4096, 0, 3, ("big",)), 2048)
    assert all(word in told for word in ("3 times", "without extra buffers", "2048", "4096", "big", "model use"))


def test_the_end_of_the_ladder_says_how_often_and_what_to_do() -> None:
    assert "memory ran out" in give_up("memory", 4).failure.sentence
    crashed = give_up("crash", 4).failure
    assert "4 times" in crashed.sentence and "model use" in crashed.advice
    assert "Ask again" in smaller_cannot("small").failure.advice
