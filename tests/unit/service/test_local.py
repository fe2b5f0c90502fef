"""Every turn ends with an event, whatever happens in it; the last error is one line."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from openclaw_desktop.agent.session import Task
from openclaw_desktop.core.events import TurnEvent, TurnFailed, TurnStarted
from openclaw_desktop.service import local
from openclaw_desktop.service.api import AskRequest
from openclaw_desktop.service.doctor.health import LastError
from openclaw_desktop.service.local import LocalService


class Models:
    async def ready(self) -> None:
        pass

    @contextlib.contextmanager
    def in_use_by_turn(self) -> Iterator[None]:
        yield


async def nothing_to_tell() -> str:
    return ""


class Agent:
    """A part of it runs out of time."""

    async def run(self, task: Task) -> AsyncGenerator[TurnEvent, None]:
        yield TurnStarted(task.turn_id, task.session_id, None)
        raise TimeoutError


@pytest.mark.parametrize("timeout_s", [None, 60.0])
async def test_a_part_that_runs_out_of_time_is_not_taken_for_the_limit_of_the_turn(timeout_s: float | None) -> None:
    parts: Any = SimpleNamespace(agent=Agent(), models=Models(), notice=nothing_to_tell)
    service = LocalService(parts)
    *_, last = [event async for event in service.ask(AskRequest("hello", incognito=True, timeout_s=timeout_s))]
    assert isinstance(last, TurnFailed) and last.failure.code == "internal"


@pytest.mark.parametrize(
    ("message", "kept"), [("one\ntwo", "one"), ("", "x"), ("\x1b", "x")], ids=["two lines", "empty", "controls"]
)
def test_the_last_error_is_one_line(message: str, kept: str) -> None:
    errors = LastError()
    errors.emit(logging.LogRecord("x", logging.ERROR, "", 0, message, (), None))
    assert errors.text == kept


class Silent:
    """It never comes to an end by itself."""

    async def run(self, task: Task) -> AsyncGenerator[TurnEvent, None]:
        yield TurnStarted(task.turn_id, task.session_id, None)
        await asyncio.Event().wait()


async def test_a_turn_that_nobody_watches_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "ALONE_LIMIT_S", 0.0)
    parts: Any = SimpleNamespace(agent=Silent(), models=Models(), notice=nothing_to_tell)
    last = await LocalService(parts).run_alone(Task("turn_1", "ses_1", "hello", None))
    assert isinstance(last, TurnFailed) and last.failure.code == "timeout"
