"""A model on offer: its progress, its pace, and the buttons that pause, resume and cancel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from PySide6.QtWidgets import QProgressBar, QPushButton
from scripted_service import GOOD, HUGE, SMALL, make_answer
from ui_bench import Bench, on_loop, until

from openclaw_desktop.core.errors import Failure, UserError
from openclaw_desktop.core.events import ModelOffered, ModelPulled, TurnFailed, TurnFinished
from openclaw_desktop.ui.bubble import FailureCard
from openclaw_desktop.ui.offer import OfferCard, format_pace
from openclaw_desktop.ui.welcome import choose_offers

TOTAL = 2_600_000_000


def arrived(received: int, rate: float | None = None, left: float | None = None, notice: str = "") -> ModelPulled:
    return ModelPulled("good-4b", received, TOTAL, rate_bytes_s=rate, left_s=left, notice=notice)


async def offer(bench: Bench) -> None:
    """Let the agent offer a model, and click its button."""
    await bench.start_turn()
    bench.service.emit(ModelOffered("turn_1", "good-4b", "Good 4B", TOTAL))
    bench.service.emit(TurnFinished("turn_1", make_answer("partly")))
    await bench.settle()
    bench.find(QPushButton, "get_good-4b").click()


@on_loop
async def test_a_model_is_offered_below_the_failure_that_it_would_mend(bench: Bench) -> None:
    await bench.start_turn()
    bench.service.emit(ModelOffered("turn_1", "good-4b", "Good 4B", TOTAL))
    bench.service.emit(TurnFailed("turn_1", Failure("no_model", "There is no model.", "Fetch one.")))
    await bench.settle()
    failure, card = bench.popup.findChildren(FailureCard)[-1], bench.popup.findChildren(OfferCard)[-1]
    assert failure.mapToGlobal(failure.rect().bottomLeft()).y() < card.mapToGlobal(card.rect().topLeft()).y()
    bench.find(QPushButton, "get_good-4b").click()
    bench.service.progress(1000, done=True)
    await until(lambda: bench.service.used == ["good-4b"])


@on_loop
async def test_pace_and_time_left_are_shown(bench: Bench) -> None:
    await offer(bench)
    bench.service.pulled(arrived(650_000_000, 12_300_000.0, 158.5))
    await until(lambda: bench.texts("offer_progress_text") == ["650 MB of 2.6 GB, 12.3 MB/s, 3 min left"])
    assert bench.find(QProgressBar, "offer_progress").value() == 250


@on_loop
async def test_why_a_mirror_was_left_is_said(bench: Bench) -> None:
    await offer(bench)
    bench.service.pulled(arrived(1_000_000, notice="hub.example does not give the model: it answers 404."))
    await until(lambda: bench.texts("offer_notice") == ["hub.example does not give the model: it answers 404."])


@on_loop
async def test_a_download_is_paused_and_goes_on(bench: Bench) -> None:
    await offer(bench)
    bench.service.pulled(arrived(650_000_000))
    await until(lambda: bench.texts("offer_progress_text") == ["650 MB of 2.6 GB"])
    bench.find(QPushButton, "pause_good-4b").click()
    await until(lambda: bench.find(QPushButton, "get_good-4b"))
    assert bench.find(QPushButton, "get_good-4b").text() == "Resume"
    assert bench.find(QPushButton, "pause_good-4b") is None
    assert bench.texts("offer_progress_text") == ["Paused; 650 MB are kept."]
    assert bench.find(QProgressBar, "offer_progress").value() == 250
    bench.find(QPushButton, "get_good-4b").click()
    bench.service.pulled(arrived(TOTAL))
    bench.service.pulled(replace(arrived(TOTAL), done=True, state="done"))
    await until(lambda: bench.service.used == ["good-4b"])
    await until(lambda: bench.texts("offer_sentence") == ["Good 4B is ready and answers from now on."])


@on_loop
async def test_a_resumed_download_begins_where_it_stopped_and_waits_for_the_one_that_ends(bench: Bench) -> None:
    pull, letting_go, pulls = bench.service.pull_model, asyncio.Event(), []

    async def slow_to_let_go(model_id: str) -> AsyncIterator[ModelPulled]:
        pulls.append(model_id)
        try:
            async for pulled in pull(model_id):
                yield pulled
        finally:
            await letting_go.wait()

    bench.service.pull_model = slow_to_let_go  # type: ignore[method-assign]
    await offer(bench)
    bench.service.pulled(arrived(650_000_000, notice="hub.example is left."))
    await until(lambda: bench.texts("offer_progress_text") == ["650 MB of 2.6 GB"])
    bench.find(QPushButton, "pause_good-4b").click()
    await asyncio.sleep(0)
    for again in ("get", "pause", "get"):
        bench.find(QPushButton, f"{again}_good-4b").click()
        await asyncio.sleep(0)
    assert pulls == ["good-4b"], "the first has not ended yet"
    letting_go.set()
    await until(lambda: len(pulls) == 2)
    assert bench.texts("offer_progress_text") == ["650 MB of 2.6 GB"]
    assert bench.texts("offer_notice") == [], "what was said of the first try is no longer true"
    assert bench.find(QPushButton, "get_good-4b") is None
    bench.chat.begin_session()
    bench.service.pulled(arrived(700_000_000))
    await until(lambda: bench.texts("offer_progress_text") == ["700 MB of 2.6 GB"])
    bench.service.pulled(replace(arrived(TOTAL), done=True, state="done"))
    await until(lambda: bench.service.used == ["good-4b"])


@on_loop
async def test_a_download_that_is_paused_before_it_began_keeps_nothing(bench: Bench) -> None:
    await offer(bench)
    bench.find(QPushButton, "pause_good-4b").click()
    assert bench.texts("offer_progress_text") == ["Paused."]


@on_loop
async def test_a_new_try_no_longer_says_why_the_last_one_failed(bench: Bench) -> None:
    bench.service.pull_error = UserError("offline", "The network is down.", "Try later.")
    await offer(bench)
    await until(lambda: bench.texts("offer_sentence") == ["The network is down. Try later."])
    bench.service.pull_error = None
    bench.find(QPushButton, "get_good-4b").click()
    assert bench.texts("offer_sentence") == ["With this model I can answer that."]


@on_loop
async def test_a_pause_from_elsewhere_shows(bench: Bench) -> None:
    await offer(bench)
    bench.service.pulled(replace(arrived(650_000_000), state="paused"))
    await until(lambda: bench.texts("offer_progress_text") == ["Paused; 650 MB are kept."])
    assert bench.find(QPushButton, "get_good-4b").text() == "Resume"
    assert bench.service.used == []


@pytest.mark.parametrize("paused", [False, True])
@on_loop
async def test_cancelling_says_what_is_kept(bench: Bench, paused: bool) -> None:
    await offer(bench)
    bench.service.pulled(arrived(650_000_000))
    await until(lambda: bench.texts("offer_progress_text") == ["650 MB of 2.6 GB"])
    if paused:
        bench.find(QPushButton, "pause_good-4b").click()
    bench.find(QPushButton, "cancel_good-4b").click()
    await until(lambda: bench.texts("offer_notice") == ["650 MB are kept; the next try goes on from there."])
    assert bench.find(QPushButton, "get_good-4b").text() == "Get Good 4B (2.6 GB)"
    assert bench.find(QPushButton, "cancel_good-4b") is None
    assert bench.find(QProgressBar, "offer_progress") is None


@pytest.mark.parametrize(
    ("pulled", "text"),
    [
        (arrived(0), ""),
        (arrived(5, 2_000_000.0, 42.2), "2.0 MB/s, 42 s left"),
        (arrived(5, 300_000.0, 9000.0), "0.3 MB/s, 2.5 h left"),
        (arrived(5, 0.0, None), "waiting for the network"),
        (replace(arrived(5), state="verifying"), "checking"),
    ],
)
def test_the_pace_in_words(pulled: ModelPulled, text: str) -> None:
    assert format_pace(pulled) == text


def test_what_was_measured_is_offered_before_what_is_bigger() -> None:
    huge = replace(HUGE, problem="")
    vectors = replace(SMALL, id="vectors", kind="embedding", recommended=True)
    assert choose_offers((huge, GOOD, SMALL, vectors)) == (SMALL, huge)
    small, good = replace(SMALL, recommended=True), replace(GOOD, recommended=True)
    assert choose_offers((huge, good, small, vectors)) == (small, good)
