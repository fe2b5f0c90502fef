"""HTTP for the SDK without a network: each request goes to the agent as a line, and its answer comes back the same way.

Owns the requests under way. Must not know what is in them. In the bridge's process, loop.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx2

# Ours is the way to the broker; these belong to the connection that the broker makes.
_DROPPED = frozenset(("content-encoding", "content-length", "transfer-encoding", "connection"))


class PipeTransport(httpx2.AsyncBaseTransport):
    """The SDK's way out."""

    def __init__(self, say: Callable[[Mapping[str, Any]], None]) -> None:
        self._say = say
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Queue[dict[str, Any]]] = {}

    def hear(self, line: dict[str, Any]) -> None:
        """Take a line about a request; one that nobody waits for is dropped."""
        queue = self._waiting.get(line["id"])
        if queue is not None:
            queue.put_nowait(line)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; its body is read whole, the answer comes as a stream."""
        number, queue = next(self._numbers), asyncio.Queue[dict[str, Any]]()
        self._waiting[number] = queue
        body = base64.b64encode(await request.aread()).decode()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.raw}
        asked = {"method": request.method, "url": str(request.url), "headers": headers, "body": body}
        try:
            self._say({"http": number, "request": asked})
            head = await queue.get()
        except BaseException:
            self.close(number)
            raise
        if "error" in head:
            self.close(number)
            raise httpx2.ConnectError("the request was not made")
        kept = {name: value for name, value in head["headers"].items() if name not in _DROPPED}
        return httpx2.Response(head["status"], headers=kept, stream=_Pieces(self, number, queue))

    def close(self, number: int) -> None:
        """Tell the agent that nobody waits for the rest."""
        if self._waiting.pop(number, None) is not None:
            self._say({"http": number, "close": True})


class _Pieces(httpx2.AsyncByteStream):
    def __init__(self, transport: PipeTransport, number: int, queue: asyncio.Queue[dict[str, Any]]) -> None:
        self._transport, self._number, self._queue = transport, number, queue

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            line = await self._queue.get()
            if "data" not in line:
                if "error" in line:
                    raise httpx2.ReadError("the answer broke off")
                return
            yield base64.b64decode(line["data"])

    async def aclose(self) -> None:
        self._transport.close(self._number)


def http_client(transport: PipeTransport) -> httpx2.AsyncClient:
    """Return a client that goes through `transport` alone; its time limits are the agent's."""
    return httpx2.AsyncClient(transport=transport, timeout=None, trust_env=False)
