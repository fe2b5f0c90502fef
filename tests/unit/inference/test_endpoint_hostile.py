"""Endpoints: a server's reply may be anything, of any size and depth, and costs a sentence at most."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from endpoint_server import EndpointServer, Reply, Seen, says
from test_endpoints import CHAT, PLAIN, SCHEMA, client_of, events_of, failure_of, text_of

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import CompletionDone, Prompt
from openclaw_desktop.inference.endpoints.client import CHARS_PER_TOKEN
from openclaw_desktop.inference.endpoints.forms import ReplyForm, ReplyText


async def test_a_packed_reply_is_neither_asked_for_nor_unpacked() -> None:
    packed = gzip.compress(b'{"data": [' + b" " * (64 << 20) + b"]}")
    async with EndpointServer(lambda _: Reply(200, packed, headers={"content-encoding": "gzip"})) as server:
        client = client_of(server.endpoint())
        with pytest.raises(UserError) as caught:
            await client.models()
        await client.close()
    assert caught.value.failure.code == "not_openai"
    assert server.seen[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("prompt", [PLAIN, CHAT])
@pytest.mark.parametrize("piece", ["word ", " ", '{"tool": "answer", "text": "'])
async def test_a_server_that_writes_on_and_on_is_stopped_at_what_was_asked_for(prompt: Prompt, piece: str) -> None:
    never = asyncio.Event()
    endless = [piece * 100] * 1000
    async with EndpointServer(lambda _: says(*endless, stop=None, hold=never)) as server:
        events = await events_of(client_of(server.endpoint()), replace(prompt, max_tokens=16))
        await asyncio.wait_for(server.left.wait(), 30)
    assert isinstance(events[-1], CompletionDone) and events[-1].stop == "length"
    assert len(text_of(events)) <= 16 * CHARS_PER_TOKEN + 2 * 100 * len(piece) and len(server.seen) < 5


async def test_lines_are_told_apart_however_they_are_cut() -> None:
    body = {"choices": [{"index": 0, "delta": {"content": "Grüße"}, "finish_reason": "stop"}]}
    stream = b": hello\r\n\r\ndata: " + json.dumps(body, ensure_ascii=False).encode() + b"\r\n\r\ndata: [DONE]\n\n"

    class Cut(EndpointServer):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0]))
            writer.write(b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            for place in range(len(stream)):
                writer.write(b"1\r\n" + stream[place : place + 1] + b"\r\n")
            writer.write(b"0\r\n\r\n")
            await writer.drain()
            return True

    async with Cut(lambda _: Reply()) as server:
        assert text_of(await events_of(client_of(server.endpoint()), PLAIN)) == "Grüße"


async def test_an_error_that_is_none_is_none() -> None:
    piece = {"error": None, "choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    async with EndpointServer(lambda _: Reply(events=(piece, "[DONE]"))) as server:
        assert text_of(await events_of(client_of(server.endpoint()), PLAIN)) == "Hi"


@pytest.mark.parametrize("piece", ['{"a":', "{", "<think>", '{"a":[', " "])
def test_no_reply_takes_long_to_be_read(piece: str) -> None:
    text = ReplyText(ReplyForm.of(SCHEMA), "json_schema" if piece == " " else "plain")
    began_s = time.process_time()
    for _ in range(1000):
        text.feed_text(piece * (500 // len(piece)))
    text.close()
    assert time.process_time() - began_s < 10  # square in its length, it would be minutes


async def test_a_line_without_an_end_is_not_read_for_ever() -> None:
    whole = Reply(200, {"choices": []})
    endless = Reply(events=("x" * (2 << 20),))
    async with EndpointServer(lambda seen: endless if seen.body["stream"] else whole) as server:
        assert (await failure_of(client_of(server.endpoint()))).code == "endpoint_died"


@pytest.mark.parametrize(
    "item", [{"choices": [3]}, {"choices": {"a": 1}}, {"choices": [{"delta": "x"}]}, {"usage": {"prompt_tokens": "x"}},
             '{"usage": {"prompt_tokens": 1e999}}', {"usage": {"prompt_tokens": 10**300}},
             {"usage": {"completion_tokens": -1}}, "[" * 100_000, {"choices": [{"delta": {"tool_calls": 1}}]}]
)  # fmt: skip
async def test_a_reply_of_another_form_is_told(item: Any) -> None:
    async with EndpointServer(lambda seen: Reply(events=(item,)) if seen.body["stream"] else Reply(200, {})) as server:
        assert (await failure_of(client_of(server.endpoint()))).code == "endpoint_died"


@pytest.mark.parametrize(
    "top", ["x", ["x"], [{"token": "yes", "logprob": 1e6}], [{"token": "yes", "logprob": -(10**400)}],
            [{"token": "yes", "logprob": float("nan")}], [{"token": "yes", "logprob": float("inf")}]]
)  # fmt: skip
async def test_probabilities_that_are_none_weigh_nothing(top: Any) -> None:
    deep = '{"choice": ' + "[" * 20_000

    def script(seen: Seen) -> Reply:
        if "logprobs" in seen.body:
            return Reply(200, {"choices": [{"logprobs": {"content": [{"top_logprobs": top}]}}]})
        return says(deep)

    async with EndpointServer(script) as server:
        client = client_of(server.endpoint())
        assert await client.weigh("m", PLAIN, ("yes", "no")) == (0.5, 0.5)
        await client.close()
