"""The cache of answers: only for what runs unasked and without chance, and only whole answers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from openclaw_desktop.core.cache import CacheCounts
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import Message, Usage
from openclaw_desktop.core.protocols import CompletionDone, CompletionEvent, Prompt, TextDelta, TextDropped
from openclaw_desktop.inference.answers import AnswerCache


class Model:
    def __init__(self, stop: str = "end", by: str = "") -> None:
        self.calls = 0
        self.stop = stop
        self.by = by

    async def __call__(self, prompt: Prompt) -> AsyncIterator[CompletionEvent]:
        self.calls += 1
        yield TextDelta("lost")
        yield TextDropped("It crashed.")
        yield TextDelta(f"answer {self.calls}")
        yield CompletionDone(Usage(9, 0, 3), self.stop, self.by)


def prompt(text: str = "score this", **fields: Any) -> Prompt:
    return Prompt((Message("user", text, USER),), **{"lane": "background", **fields})


async def said(complete: AnswerCache, asked: Prompt) -> tuple[str, Usage]:
    text, usage = "", Usage()
    async for event in complete(asked):
        match event:
            case TextDelta(piece):
                text += piece
            case TextDropped():
                text = ""
            case CompletionDone(taken, _):
                usage = taken
    return text, usage


async def test_the_same_question_is_answered_without_the_model() -> None:
    model = Model()
    cached = AnswerCache(model, lambda: "qwen")
    assert await said(cached, prompt()) == ("answer 1", Usage(9, 0, 3))
    assert await said(cached, prompt()) == ("answer 1", Usage())
    assert await said(cached, prompt("another")) == ("answer 2", Usage(9, 0, 3))
    assert cached.cache.counts() == CacheCounts(1, 2)


@pytest.mark.parametrize("fields", [{"lane": "chat"}, {"temperature": 0.3}])
async def test_a_chat_and_chance_always_reach_the_model(fields: dict[str, Any]) -> None:
    cached = AnswerCache(Model(), lambda: "qwen")
    assert [(await said(cached, prompt(**fields)))[0] for _ in range(2)] == ["answer 1", "answer 2"]


async def test_another_model_or_schema_is_another_question() -> None:
    name = "qwen"
    cached = AnswerCache(Model(), lambda: name)
    await said(cached, prompt())
    name = "smollm2"
    assert (await said(cached, prompt()))[0] == "answer 2"
    assert (await said(cached, prompt(schema={"type": "object"})))[0] == "answer 3"


async def test_what_a_smaller_model_said_in_its_place_is_not_taken_for_its_own() -> None:
    model = Model(by="smollm2")
    cached = AnswerCache(model, lambda: "qwen")
    assert [(await said(cached, prompt()))[0] for _ in range(2)] == ["answer 1", "answer 2"]
    model.by = "qwen"
    assert [(await said(cached, prompt()))[0] for _ in range(2)] == ["answer 3", "answer 3"]


async def test_an_answer_that_was_cut_is_not_kept() -> None:
    cached = AnswerCache(Model("length"), lambda: "qwen")
    assert [(await said(cached, prompt()))[0] for _ in range(2)] == ["answer 1", "answer 2"]
