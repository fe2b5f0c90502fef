"""A chat in the terminal: what it does with a model on offer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from openclaw_desktop.cli import conversation
from openclaw_desktop.core.events import (
    Choice,
    ModelOffered,
    ModelPulled,
    PullState,
    Question,
    QuestionRaised,
    TurnEvent,
    TurnFinished,
    TurnStarted,
)
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import Answer
from openclaw_desktop.service.api import AskRequest


class Service:
    """It offers a model with every answer, and ends each download in the same state."""

    def __init__(self, state: PullState) -> None:
        self._state = state
        self.used: list[str] = []

    async def ask(self, request: AskRequest) -> AsyncIterator[TurnEvent]:
        yield ModelOffered("t", "good", "Good", 5_000_000)
        yield TurnFinished("t", Answer("t", "s", "partly", "small", USER))

    async def pull_model(self, model_id: str) -> AsyncIterator[ModelPulled]:
        yield ModelPulled(model_id, 5, 10, done=self._state == "done", state=self._state)

    async def use_model(self, model_id: str) -> None:
        self.used.append(model_id)

    async def new_session(self) -> str:
        return "s"

    async def warm_up(self) -> None:
        pass

    async def list_models(self) -> tuple[()]:
        return ()


@pytest.mark.parametrize(("state", "used"), [("done", ["good"]), ("paused", [])])
async def test_an_offered_model_is_used_once_it_is_whole(
    state: PullState, used: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = iter(["hello", "y", None])

    async def read_line(_prompt: str) -> str | None:
        return next(lines)

    monkeypatch.setattr(conversation, "read_line", read_line)
    monkeypatch.setattr(conversation, "is_real_terminal", lambda: True)
    service: Any = Service(state)
    await conversation.chat(service, None, None)
    assert service.used == used
    assert ("Paused." in capsys.readouterr().err) is (state == "paused")


class Elsewhere:
    """A service whose model may be on another machine."""

    def __init__(self, leaves_machine: bool) -> None:
        self._leaves_machine = leaves_machine

    async def ask(self, request: AskRequest) -> AsyncIterator[TurnEvent]:
        yield TurnStarted("t", "s", "work/qwen", self._leaves_machine)
        yield TurnFinished("t", Answer("t", "s", "yes", "work/qwen", USER))


@pytest.mark.parametrize("leaves_machine", [True, False])
async def test_each_answer_from_another_machine_is_marked(
    leaves_machine: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    service: Any = Elsewhere(leaves_machine)
    await conversation.run_turn(service, AskRequest("hello"), None)
    assert ("work/qwen is not on this machine" in capsys.readouterr().err) is leaves_machine


class Marked(Service):
    """It keeps the marks that its answers get."""

    def __init__(self) -> None:
        super().__init__("paused")
        self.marks: list[tuple[str | None, str | None]] = []

    async def ask(self, request: AskRequest) -> AsyncIterator[TurnEvent]:
        yield TurnFinished("t", Answer(f"turn of {request.text}", "s", "ok", "small", USER))

    async def give_feedback(self, turn_id: str | None, mark: str | None) -> None:
        self.marks.append((turn_id, mark))


async def test_good_and_bad_mark_the_last_answer_of_this_chat(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = iter(["/good", "one", "/good", "two", "/bad", None])

    async def read_line(_prompt: str) -> str | None:
        return next(lines)

    monkeypatch.setattr(conversation, "read_line", read_line)
    service: Any = Marked()
    assert len(await conversation.chat(service, None, None)) == 2
    assert service.marks == [("turn of one", "up"), ("turn of two", "down")]
    assert "There is no answer to mark yet." in capsys.readouterr().err


class Asking:
    """A turn that asks, and never ends."""

    def __init__(self) -> None:
        self.answers: list[str] = []

    async def ask(self, request: AskRequest) -> AsyncIterator[TurnEvent]:
        yield QuestionRaised("t", Question("q", "May it?", "", "x", (Choice("once", "Once"), Choice("no", "No"))))
        await asyncio.Event().wait()

    async def answer_question(self, question_id: str, choice: str) -> bool:
        self.answers.append(choice)
        return True


async def test_a_turn_that_is_stopped_asks_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def ask_in_terminal(_question: Question) -> str:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()
        raise AssertionError

    monkeypatch.setattr(conversation, "ask_in_terminal", ask_in_terminal)
    service: Any = Asking()
    turn = asyncio.ensure_future(conversation.run_turn(service, AskRequest("hello"), None))
    await asyncio.wait_for(asked.wait(), 20)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    await asyncio.wait_for(gone.wait(), 20)
    assert service.answers == []
