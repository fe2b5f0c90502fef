"""What an endpoint's model takes is counted, a weighing of words as well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from endpoint_server import EndpointServer, Reply, refuses, says

from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import Message
from openclaw_desktop.core.protocols import CompletionEvent, Prompt
from openclaw_desktop.core.tokens import estimate_tokens
from openclaw_desktop.inference.endpoints.desk import EndpointDesk
from openclaw_desktop.inference.records import CompletionRecord, Readers
from openclaw_desktop.inference.router import BuiltIn, ModelRouter

QUESTION = Prompt((Message("user", "Is it?", USER),), lane="aside", turn_id="t1")
TOP = [{"token": "yes", "logprob": -0.1}, {"token": "no", "logprob": -2.0}]
WEIGHED = {"choices": [{"logprobs": {"content": [{"top_logprobs": TOP}]}}]}
TOLD = {"prompt_tokens": 40, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 30}}


async def not_asked(prompt: Prompt) -> AsyncIterator[CompletionEvent]:
    raise AssertionError(prompt)
    yield


async def not_weighed(prompt: Prompt, choices: Sequence[str]) -> tuple[float, ...]:
    raise AssertionError(prompt)


@pytest.mark.parametrize(
    ("answers", "taken"),
    [
        ([Reply(body=WEIGHED | {"usage": TOLD})], (40, 30, 1)),
        # What no server tells is estimated.
        ([Reply(body=WEIGHED)], (estimate_tokens("Is it?"), 0, 1)),
        ([Reply(body=WEIGHED | {"usage": {"prompt_tokens": "many"}})], (estimate_tokens("Is it?"), 0, 1)),
        # A server without such numbers is asked for a reply instead.
        ([refuses(400, "logprobs is not supported"), says('{"choice": "yes"}', usage=TOLD)], (40, 30, 1)),
    ],
)
async def test_a_weighing_is_counted_with_its_turn(
    tmp_path: Path, answers: list[Reply], taken: tuple[int, int, int]
) -> None:
    records: list[CompletionRecord] = []
    replies: Any = iter(answers)
    async with EndpointServer(lambda _: next(replies)) as server:
        desk = EndpointDesk(tmp_path / "e.toml", None, tmp_path / "d.json", context_tokens=4096)
        desk.book.put(server.endpoint("there", model="m"))
        router = ModelRouter(BuiltIn(not_asked, not_weighed), desk, lambda: "there/m", lambda *_: None)
        router.on_finished(records.append)
        yes, no = await router.weigh(QUESTION, ("yes", "no"))
        await desk.close()
    assert yes > no
    (record,) = records
    assert (record.prompt_tokens, record.cached_tokens, record.completion_tokens) == taken
    assert (record.model, record.lane, record.turn_id) == ("there/m", "aside", "t1")


def test_whoever_fails_to_count_costs_nobody_an_answer() -> None:
    def fail(_record: CompletionRecord) -> None:
        raise ZeroDivisionError

    read: list[CompletionRecord] = []
    readers = Readers()
    readers.add(fail)
    readers.add(read.append)
    record = CompletionRecord("m", "chat", 1, 0, 1, 0.1, 0.1, 0.2, 0.1, 2, 512, 0)
    readers.tell(record)
    assert read == [record]
