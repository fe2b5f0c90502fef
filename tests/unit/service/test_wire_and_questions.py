"""Every event crosses the socket unchanged; a question takes only one of its own answers."""

import asyncio
import json
from typing import Any, get_args

import pytest

from openclaw_desktop.core import events as ev
from openclaw_desktop.core.errors import Failure
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Answer, CallOutcome, Receipt, Timing, ToolCall, Usage
from openclaw_desktop.core.power import LevelChanged, Woke
from openclaw_desktop.service.stores import is_statement
from openclaw_desktop.service.walls.questions import QUESTIONS_A_TURN, QuestionDesk
from openclaw_desktop.service.wire import decode_event, encode, encode_frame

LABEL = Label("untrusted", "private", ("file:/x",))
QUESTION = ev.Question(
    "q", "May it?", "It wants", "/x", (ev.Choice("file", "This"), ev.Choice("no", "No")), ("o",), "h"
)
OUTCOME = CallOutcome("c", "read_file", {"path": "/x"}, "done", result="ü\n😀", label=LABEL)
RECEIPT = Receipt("file.read", "read x", "c", "/x")
ANSWER = Answer("t", "s", "hi", None, LABEL, (OUTCOME,), (RECEIPT,), ("m",), Usage(1, 2, 3), Timing(None, 4.5), "big")
EVENTS: list[Any] = [
    ev.TurnStarted("t", "s", "m"),
    ev.TextAdded("t", "\x00 ü"),
    ev.TextWithdrawn("t"),
    ev.NoticeShown("t", "n"),
    ev.ToolStarted("t", ToolCall("c", "read_file", {"path": "/x"})),
    ev.ToolFinished("t", OUTCOME, (RECEIPT,)),
    ev.QuestionRaised("t", QUESTION),
    ev.QuestionClosed("t", "q", None),
    ev.ModelOffered("t", "m", "M", 5),
    ev.TurnFinished("t", ANSWER),
    ev.TurnStopped("t", "half"),
    ev.TurnFailed("t", Failure("c", "s", "a", 4)),
    ev.ModelStateChanged(None, "failed"),
    ev.WindowRequested("toggle"),
    ev.ModelPulled("m", 1, 2, True),
    ev.InboxChanged(1, "inb", "write_file waits", "open"),
    ev.ChatChanged("s"),
    LevelChanged("low", "away", "The battery is low (15 %)."),
    Woke(61.5),
    ev.NoticesChanged(2, 3, "2026-11-23T08:00:00+01:00"),
    ev.NoticeFollowed("ntc", "job:1", None),
    ev.AgentStopping(),
]


def test_the_list_above_is_complete() -> None:
    assert {type(event) for event in EVENTS} == {*get_args(ev.TurnEvent), *get_args(ev.AgentEvent)}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_as_it_went(event: Any) -> None:
    line = encode_frame({"id": 1, "item": encode(event)})
    assert line.count(b"\n") == 1
    assert decode_event(json.loads(line)["item"]) == event


async def test_a_question_waits_for_one_of_its_choices() -> None:
    desk, told = QuestionDesk(), []
    asking = asyncio.ensure_future(desk.for_turn("t", told.append)(QUESTION))
    await asyncio.sleep(0)
    assert told == [ev.QuestionRaised("t", QUESTION)]
    assert not desk.answer("other", "file")
    assert not desk.answer("q", "always")
    assert desk.answer("q", "file")
    assert await asking == "file"
    assert told[-1] == ev.QuestionClosed("t", "q", "file")
    assert not desk.answer("q", "file"), "an answer holds for one question, once"


async def test_the_fourth_question_of_a_turn_is_answered_no_unasked() -> None:
    desk, told = QuestionDesk(), []
    ask = desk.for_turn("t", told.append)
    for _ in range(QUESTIONS_A_TURN):
        asking = asyncio.ensure_future(ask(QUESTION))
        await asyncio.sleep(0)
        desk.answer("q", "file")
        assert await asking == "file"
    told.clear()
    assert await ask(QUESTION) == "no"
    assert told == []


async def test_a_stopped_turn_closes_its_question() -> None:
    desk, told = QuestionDesk(), []
    asking = asyncio.ensure_future(desk.for_turn("t", told.append)(QUESTION))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert told[-1] == ev.QuestionClosed("t", "q", None)
    assert not desk.answer("q", "file")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("I moved to Lisbon last week", True),
        ("My boss is called Rita", True),
        ("Where do I live?", False),
        ("what is my name", False),
        ("Hello", False),
        ("The sky is blue today", False),
        ("I " * 400, False),
    ],
)
def test_what_the_user_tells_of_themselves_is_kept(text: str, kept: bool) -> None:
    assert is_statement(text) is kept
