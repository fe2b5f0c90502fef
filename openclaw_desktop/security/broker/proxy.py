"""A proxy on loopback for one jailed process that needs the network, such as an MCP server.

Owns the tunnels (CONNECT alone) to the hosts that were granted, over checked addresses. Who has not its token, which is
made anew for each proxy, gets nothing. Must not know what flows through. Loop.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.security.broker.dialling import Dialler
from openclaw_desktop.security.broker.hosts import Target, find_pass, parse_url

if TYPE_CHECKING:
    from httpcore import AsyncNetworkStream

log = logging.getLogger(__name__)

HEAD_BYTES = 16_384
HEAD_S = 10.0
CONNECT_S = 20.0
TUNNELS = 32
# Those that have not said what they want count too: each takes a descriptor of the agent's.
CONNECTIONS = 2 * TUNNELS
TUNNEL_BYTES = 1 << 30
_CHUNK_BYTES = 65_536


class ConnectProxy:
    """Lets one process reach the hosts that `scopes` gives by then; see `core.protocols.Fetch` for their forms."""

    def __init__(self, dialler: Dialler, scopes: Callable[[], Awaitable[Sequence[str]]], port: int = 0) -> None:
        """`port`: the one that it will have, where that is known before `start`."""
        self._dialler = dialler
        self._scopes = scopes
        self._token = secrets.token_urlsafe(24)
        self._tunnels = TaskSet()
        self._open = 0
        self._server: asyncio.Server | None = None
        self.port = port

    @property
    def url(self) -> str:
        """What stands in HTTPS_PROXY of the one process, and nowhere else: its token is in it."""
        return f"http://jail:{self._token}@127.0.0.1:{self.port}"

    async def start(self, listening: socket.socket | None = None) -> int:
        """Listen on a free port of loopback, or on a socket that listens already, and return the port.

        A jail's own loopback has a socket of its own, whose port is known before there is one: see `port`.
        """
        if listening is not None:
            self._server = await asyncio.start_server(self._accept, sock=listening, limit=HEAD_BYTES)
        else:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=HEAD_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def stop(self) -> None:
        """Close the port and every tunnel."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._tunnels.stop()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= CONNECTIONS:
            writer.close()
            return
        self._open += 1
        self._tunnels.start(self._serve(reader, writer), "tunnel of a jailed process")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await self._tunnel(reader, writer)
            if answer:
                writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            pass  # the process went away, or does not speak HTTP
        finally:
            self._open -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        """Serve one CONNECT; return the status that it is refused with, "" where it was served."""
        async with asyncio.timeout(HEAD_S):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        if not self._knows(head):
            return '407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="jail"'
        method, _, rest = head[0].partition(" ")
        if method != "CONNECT":
            return "405 Only CONNECT"
        if self._open > TUNNELS:
            return "503 Too many at once"
        try:
            # As a URL it is read by the same rules as everywhere.
            target = parse_url(f"https://{rest.partition(' ')[0]}")
            stream = await self._connect(target)
        except (UserError, TimeoutError) as error:
            log.info("a jailed process was refused the network: %s", getattr(error, "failure", error))
            return "403 Not granted"
        try:
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await writer.drain()
            await _relay(reader, writer, stream)
        finally:
            await stream.aclose()
        return ""

    async def _connect(self, target: Target) -> AsyncNetworkStream:
        way = find_pass(target, await self._scopes())
        if way is None:
            raise UserError("host_not_granted", target.place)
        async with asyncio.timeout(CONNECT_S):
            addresses = await self._dialler.find(target.host, target.port, named=way.named)
            return await self._dialler.connect(target.host, addresses, target.port, CONNECT_S)

    def _knows(self, head: Sequence[str]) -> bool:
        expected = "Basic " + base64.b64encode(f"jail:{self._token}".encode()).decode()
        given = [value.strip() for name, _, value in (line.partition(":") for line in head[1:])
                 if name.lower() == "proxy-authorization"]  # fmt: skip
        return len(given) == 1 and hmac.compare_digest(given[0].encode("latin-1"), expected.encode())


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stream: AsyncNetworkStream) -> None:
    """Carry bytes both ways until either side ends, or has sent too much."""
    import httpcore

    async def out() -> None:
        left_bytes = TUNNEL_BYTES
        while left_bytes > 0 and (data := await reader.read(_CHUNK_BYTES)):
            await stream.write(data)
            left_bytes -= len(data)

    async def back() -> None:
        left_bytes = TUNNEL_BYTES
        while left_bytes > 0 and (data := await stream.read(_CHUNK_BYTES)):
            writer.write(data)
            await writer.drain()
            left_bytes -= len(data)

    ways = [asyncio.ensure_future(out()), asyncio.ensure_future(back())]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        for ended in await asyncio.gather(*ways, return_exceptions=True):
            if isinstance(ended, Exception) and not isinstance(ended, (OSError, httpcore.NetworkError)):
                raise ended
