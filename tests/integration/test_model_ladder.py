"""The ladder with the real worker: the signals that end one, what is tried next, and what the user hears of it."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from test_model_life import FILE, HELLO, Life, around, life_of, maps_the_model, prompt
from test_model_worker import turn

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import NoticeShown, TurnFinished
from openclaw_desktop.core.protocols import CompletionDone, TextDropped
from openclaw_desktop.inference.client import ModelClient
from openclaw_desktop.inference.loading import LoadedModel
from openclaw_desktop.runtime import attach_or_start
from openclaw_desktop.service.api import AgentService, AskRequest
from openclaw_desktop.system.paths import find_home
from openclaw_desktop.workers.supervisor import Supervisor

SEA = prompt("Tell me about the sea.", max_tokens=24)
Doom = Callable[..., None]
SIGNALS = [signal.SIGSEGV, signal.SIGILL, signal.SIGABRT, signal.SIGBUS, signal.SIGKILL]


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
async def test_every_death_is_a_step_down_and_the_answer_comes_all_the_same(
    smollm2: Path, doom: Doom, number: int
) -> None:
    async with life_of(smollm2) as life:
        life.client.find_smaller = lambda model: LoadedModel("smaller", smollm2 / FILE, 1024)
        why = "memory ran out" if number == signal.SIGKILL else "crashed"
        steps = (
            "asking once more",
            "without extra buffers",
            "1024 tokens of a chat instead of 2048",
            "smaller answers",
        )
        doom(number, 4)
        events = await life.ask(SEA)
        told = [event.reason for event in events if isinstance(event, TextDropped)]
        assert len(told) == 4
        for sentence, step in zip(told, steps, strict=True):
            assert why in sentence and step in sentence
        assert life.client.chosen is not None and life.client.chosen.id == "smaller"
        assert life.client.deaths == 4
        assert "smollm2-135m" in life.client.ladder and "without extra buffers" in life.client.ladder
        assert maps_the_model(life.client.pid), "without extra buffers"
        done, record = events[-1], life.records[-1]
        assert isinstance(done, CompletionDone) and done.model == "smaller", "the one that wrote it"
        assert (record.model, record.extra_buffers, record.context_tokens) == ("smaller", False, 1024)


@pytest.mark.parametrize("number", SIGNALS)
async def test_one_death_alone_changes_nothing_for_later(smollm2: Path, doom: Doom, number: int) -> None:
    async with life_of(smollm2) as life:
        doom(number, 1)
        events = await life.ask(SEA)
        (dropped,) = (event for event in events if isinstance(event, TextDropped))
        assert "asking once more" in dropped.reason
        assert life.client.ladder == "" and life.client.deaths == 1
        assert life.records[-1].extra_buffers


async def test_a_step_down_holds_until_the_model_is_chosen_again(smollm2: Path, doom: Doom) -> None:
    async with life_of(smollm2) as life:
        doom(signal.SIGSEGV, 3)
        await life.ask(SEA)
        assert life.client.context_tokens == 1024
        chosen = life.client.chosen
        with pytest.raises(UserError, match="It read 2048 until") as caught:
            await life.ask(prompt("word " * 1500))
        assert caught.value.failure.code == "too_long"
        await life.ask(HELLO)
        assert "1024 tokens instead of 2048" in life.client.ladder
        life.client.choose(chosen)
        assert life.client.ladder == "" and life.client.context_tokens == 2048
        await life.ask(HELLO)
        assert life.records[-1].extra_buffers and life.records[-1].context_tokens == 2048


async def test_a_step_down_that_background_work_took_is_told_in_the_next_chat(smollm2: Path, doom: Doom) -> None:
    async with life_of(smollm2) as life:
        doom(signal.SIGSEGV, 2)
        events = await life.ask(replace(SEA, lane="background"))
        assert sum(isinstance(event, TextDropped) for event in events) == 2
        told, *rest = await life.ask(HELLO)
        assert isinstance(told, TextDropped) and "without extra buffers" in told.reason
        assert not any(isinstance(event, TextDropped) for event in (*rest, *await life.ask(HELLO))), "once"


@pytest.mark.parametrize("able", [True, False])
async def test_a_question_in_a_form_that_the_smaller_model_does_not_know_is_handed_back(
    smollm2: Path, doom: Doom, able: bool
) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 200}}, "required": ["a"]}
    form = prompt("Tell me about the sea.", schema=schema, max_tokens=60, model="smollm2-135m")
    async with life_of(smollm2) as life:
        life.client.find_smaller = lambda _: LoadedModel("smaller", smollm2 / FILE, 1024, calls_tools=able)
        doom(signal.SIGSEGV, 4)
        if able:
            assert await life.ask(form)
        else:
            with pytest.raises(UserError, match="Ask again") as caught:
                await life.ask(form)
            assert "smaller" in caught.value.failure.sentence
        await life.ask(replace(form, schema=None))
        assert life.records[-1].model == "smaller", "what needs no form is asked of the smaller one"


@pytest.fixture
async def service(tmp_path: Path, smollm2: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AgentService]:
    monkeypatch.setenv("OPENCLAW_MODELS", str(smollm2))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    agent = await attach_or_start(find_home(tmp_path / "home", {}), "serve", "test")
    yield agent.service
    await agent.stop()


async def test_what_was_taken_away_is_told_in_the_turn_and_in_the_status_until_the_model_is_chosen_again(
    service: AgentService, doom: Doom
) -> None:
    status = (await service.status()).model
    assert (status.ladder, status.deaths, status.context_tokens) == ("", 0, 2048)
    doom(signal.SIGSEGV, 3)
    events = await turn(service, AskRequest("Say hello."))
    notices = [event.text for event in events if isinstance(event, NoticeShown)]
    assert len(notices) == 3 and "1024 tokens of a chat instead of 2048" in notices[-1]
    assert isinstance(events[-1], TurnFinished)
    status = (await service.status()).model
    assert status.deaths == 3 and status.context_tokens == 1024
    assert "without extra buffers" in status.ladder and "2048" in status.ladder
    await service.use_model("smollm2-135m")
    status = (await service.status()).model
    assert (status.ladder, status.deaths, status.context_tokens) == ("", 0, 2048)


async def test_a_smaller_model_takes_over_until_the_user_chooses_again(
    service: AgentService, smollm2: Path, tmp_path: Path, doom: Doom
) -> None:
    # A larger model of the user's: the same weights, and room for nothing at the end of the file.
    larger = tmp_path / "larger.gguf"
    shutil.copyfile(smollm2 / FILE, larger)
    with larger.open("ab") as file:
        file.write(bytes(1 << 20))
    own = await service.add_model(str(larger), copy=False)
    await service.use_model(own.id)
    doom(signal.SIGSEGV, 4)
    events = await turn(service, AskRequest("Say hello."))
    notices = [event.text for event in events if isinstance(event, NoticeShown)]
    assert len(notices) == 4 and "smollm2-135m answers" in notices[-1]
    assert isinstance(events[-1], TurnFinished)
    assert (await service.status()).model.name == "smollm2-135m"
    assert [model.id for model in await service.list_models() if model.chosen] == ["smollm2-135m"]
    events = await turn(service, AskRequest("Say hello."))
    assert isinstance(events[-1], TurnFinished) and events[-1].answer.model == "smollm2-135m"
    await service.use_model(own.id)
    assert (await service.status()).model.name == own.id


# What a stock build does on a processor with AMX: it loads, and crashes at the first token but for plain buffers.
AMX = """
import json, os, signal, sys
for line in sys.stdin:
    request = json.loads(line)
    if request["op"] == "load":
        buffers = request["extra_buffers"]
        reply = {"loaded": {"context_tokens": 512}}
    else:
        if buffers:
            os.kill(os.getpid(), signal.SIGSEGV)
        tokens = {"prompt_tokens": 1, "cached_tokens": 0, "completion_tokens": 1}
        reply = {"done": {**tokens, "decode_s": 0.1, "stop": "end"}}
    print(json.dumps({"id": request["id"], **reply}), flush=True)
"""


async def test_what_crashes_with_extra_buffers_alone_ends_working_without_them(tmp_path: Path) -> None:
    life = Life(tmp_path / "model.gguf", 512, around())
    life.client = ModelClient(Supervisor("inference", command=[sys.executable, "-c", AMX]), life._note, around())
    life.client.choose(LoadedModel("m", tmp_path / "model.gguf", 512))
    try:
        for deaths in (2, 0):
            events = await life.ask(HELLO)
            assert sum(isinstance(event, TextDropped) for event in events) == deaths, "it is not tried again each time"
        assert "without extra buffers" in life.client.ladder
    finally:
        await life.client.stop()


async def test_a_step_taken_while_a_question_waited_is_told_with_its_own(tmp_path: Path) -> None:
    life = Life(tmp_path / "model.gguf", 512, around())
    life.client = ModelClient(Supervisor("inference", command=[sys.executable, "-c", AMX]), life._note, around())
    life.client.choose(LoadedModel("m", tmp_path / "model.gguf", 512))
    try:
        async with life.client._lanes.turn("background"):
            asking = asyncio.create_task(life.ask(HELLO))
            while not life.client._lanes._waiting["chat"]:
                await asyncio.sleep(0)
            life.client._untold.append("Other work lost something.")
        told = [event.reason for event in await asking if isinstance(event, TextDropped)]
        assert [sentence.split(".")[0] for sentence in told] == [
            "Other work lost something",
            "The model crashed",
            "The model crashed",
        ]
    finally:
        await life.client.stop()


async def test_what_was_taken_away_unseen_is_no_news_once_the_model_is_chosen_again(tmp_path: Path) -> None:
    model = LoadedModel("m", tmp_path / "model.gguf", 512)
    life = Life(tmp_path / "model.gguf", 512, around())
    life.client = ModelClient(Supervisor("inference", command=[sys.executable, "-c", AMX]), life._note, around())
    life.client.choose(model)
    try:
        for chosen_again in (False, True):
            life.client.choose(None)
            await life.client.release()
            life.client.choose(model)
            await life.client.warm_up(HELLO)
            assert life.client.deaths == 2
            if chosen_again:
                life.client.choose(model)
            events = await life.ask(HELLO)
            assert any(isinstance(event, TextDropped) for event in events) is not chosen_again
    finally:
        await life.client.stop()
