"""A small HTTP server that says what a test tells it to say; real sockets, scripted words."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from openclaw_desktop.inference.endpoints.address import parse_address
from openclaw_desktop.inference.endpoints.book import Endpoint, Limits


@dataclass
class Seen:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Reply:
    """What to answer. `events`: streamed, one `data:` line each. `dies`: the connection ends after them, unfinished.

    `hold`: nothing more comes until it is set.
    """

    status: int = 200
    body: Any = None
    events: tuple[Any, ...] | None = None
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    dies: bool = False
    hold: asyncio.Event | None = None


Script = Callable[[Seen], Reply]


class EndpointServer:
    """Answers by `script`, and keeps what it was asked in `seen`."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.script = script
        self._tls = tls
        self.seen: list[Seen] = []
        self.left = asyncio.Event()
        self.port = port
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> EndpointServer:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def endpoint(self, name: str = "here", **fields: Any) -> Endpoint:
        return Endpoint(name, parse_address(self.url), **{"limits": Limits(30, 30, 30, 60), **fields})

    def asked(self, path: str) -> list[Any]:
        return [seen.body for seen in self.seen if seen.path == path]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._serve(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first = await reader.readexactly(1)
        if first == b"\x16":  # TLS begins so, and this server knows none
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return False
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        seen = Seen(method, path, headers, json.loads(content) if content else None)
        self.seen.append(seen)
        reply = self.script(seen)
        streamed = reply.events is not None
        kind = "text/event-stream" if streamed else reply.kind
        lines = [f"HTTP/1.1 {reply.status} X", f"content-type: {kind}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        if not streamed:
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            writer.write("\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body)
            await writer.drain()
            return True
        writer.write("\r\n".join([*lines, "transfer-encoding: chunked", "", ""]).encode())
        for event in reply.events or ():
            data = b"data: " + (event.encode() if isinstance(event, str) else json.dumps(event).encode()) + b"\n\n"
            writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await writer.drain()
        if reply.hold is not None:
            gone, held = asyncio.ensure_future(reader.read(1)), asyncio.ensure_future(reply.hold.wait())
            await asyncio.wait([gone, held], return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                gone.exception()  # a connection that is reset has gone too
                self.left.set()
            gone.cancel()
            held.cancel()
        if reply.dies:
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


def says(*pieces: str, stop: str | None = "stop", usage: dict[str, Any] | None = None, **more: Any) -> Reply:
    """Return a streamed reply of these pieces of text."""
    events: list[Any] = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    if stop:
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": stop}]})
    if usage:
        events.append({"choices": [], "usage": usage})
    if stop:
        events.append("[DONE]")
    return Reply(events=tuple(events), **more)


def calls(name: str, *arguments: str) -> Reply:
    """Return a streamed function call whose arguments come in these pieces."""
    first = {"index": 0, "id": "c1", "type": "function", "function": {"name": name, "arguments": ""}}
    deltas = [{"tool_calls": [first]}]
    deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in arguments]
    events: list[Any] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    events += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}, "[DONE]"]
    return Reply(events=tuple(events))


def refuses(status: int, message: str, **more: Any) -> Reply:
    """Return an error as OpenAI writes it."""
    return Reply(status, {"error": {"message": message, **more}})
