"""The agent's side of a bridge that does its worst: it holds nobody up, ends nothing, and lets no secret through."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hostile_web import KeptSecrets

from openclaw_desktop.security.broker.blotting import Blotter
from openclaw_desktop.security.broker.dialling import Dialler
from openclaw_desktop.security.broker.fetching import Broker
from openclaw_desktop.tools.mcp import bridge, link
from openclaw_desktop.tools.mcp.form import Server
from openclaw_desktop.workers import jailed_process
from openclaw_desktop.workers.jailed_process import ProcessEnd


class Process:
    """Stands in for the jailed process; its real counterpart is tests/integration/test_mcp_hostile.py."""

    pid, stderr_tail = 0, ""

    def __init__(self, *, reads: bool = True) -> None:
        self.stdout, self.stdin = asyncio.StreamReader(), self
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._reads = reads

    def write(self, data: bytes) -> None:
        self.said.put_nowait(json.loads(data))

    async def drain(self) -> None:
        if not self._reads:
            await asyncio.Event().wait()

    def tell(self, line: Mapping[str, Any]) -> None:
        self.stdout.feed_data(json.dumps(line).encode() + b"\n")

    async def close(self) -> ProcessEnd:
        self.stdout.feed_eof()
        return ProcessEnd("life", None)


def linked(process: Process, secret: str = "") -> link.Link:
    dialler = Dialler(KeptSecrets({}))
    ways = link.Ways(Broker(dialler), dialler, KeptSecrets({}), open_timeout_s=0.01)
    server = Server("api", url="https://api.example.com/mcp")
    return link.Link(server, process, ways, Blotter({"pin": (secret,)}), None)  # type: ignore[arg-type]


async def test_a_bridge_that_reads_nothing_more_holds_nobody_up() -> None:
    one = linked(Process(reads=False))
    with pytest.raises(link.LinkEnded, match="timeout"):
        await one.begin({"kind": "http"})
    with pytest.raises(TimeoutError):
        await one.call("look", {}, 0.01)
    await one.close()


@pytest.mark.parametrize("data", [{"n": 471147}, {"n": 94711479}, {"n": "is 471147"}, [471147]])
async def test_r15_a_secret_that_comes_back_as_a_number_is_blotted_out_and_ends_nothing(data: Any) -> None:
    process = Process()
    one = linked(process, "471147")
    waiting = asyncio.create_task(one.call("look", {}, 20.0))
    number = (await process.said.get())["id"]
    process.tell({"answer": number, "text": "", "data": data, "failed": False, "cut": False})
    answer = await waiting
    assert "4711" not in repr(answer) and "secret:pin" in repr(answer) and one.running
    await one.close()


@pytest.mark.parametrize(
    "request_",
    [{}, {"method": "GET"}, {"method": "GET", "url": "https://api.example.com/mcp", "headers": [], "body": ""},
     {"method": "POST", "url": "https://api.example.com/mcp", "headers": {}, "body": "="},
     {"method": "POST", "url": "https://api.example.com/mcp", "headers": {}, "body": 7},
     {"method": "GET", "url": "https://evil.example.com/mcp", "headers": {}, "body": ""}],
)  # fmt: skip
async def test_a_request_that_makes_no_sense_is_answered_and_not_made(
    request_: Any, caplog: pytest.LogCaptureFixture
) -> None:
    process = Process()
    one = linked(process)
    process.tell({"http": 1, "request": request_})
    assert await process.said.get() == {"op": "http", "id": 1, "error": True}
    assert one.running and "Traceback" not in caplog.text
    await one.close()


async def test_a_call_that_may_take_long_over_http_may_be_silent_as_long() -> None:
    asked = {"method": "POST", "url": "https://api.example.com/mcp", "headers": {}, "body": ""}
    one = linked(Process())
    assert one._web_request(asked).timeout_s == link.HTTP_HEAD_S
    one.server = replace(one.server, timeout_s=600.0)
    assert one._web_request(asked).timeout_s == 600.0
    await one.close()


def test_the_longest_answer_fits_into_a_line() -> None:
    text, data = "\U0001f600" * bridge.TEXT_CHARS, "x" * bridge.DATA_CHARS
    line = json.dumps({"answer": 1, "text": text, "data": data, "failed": False, "cut": True})
    assert len(line) < link.LINE_BYTES


async def test_where_no_jail_is_for_what_lives_long_a_server_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jailed_process, "sys", SimpleNamespace(platform="darwin"))
    dialler = Dialler(KeptSecrets({}))
    ways = link.Ways(Broker(dialler), dialler, KeptSecrets({}))
    with pytest.raises(link.LinkEnded) as caught:
        await link.open_link(Server("api", url="https://api.example.com/mcp"), ways)
    assert caught.value.code == "no_jail" and "Linux alone" in link.SENTENCES["no_jail"]
