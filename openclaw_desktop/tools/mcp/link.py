"""The agent's side of one running server: its bridge in its jail, the calls that wait, and its way to the network.

Owns the process and what passes over its pipes. What comes from there is a stranger's: sizes are capped, and no word of
it is in an error. Must not know when a server is started. Agent process, loop.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import Secrets, WebRequest
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr
from openclaw_desktop.security.broker.blotting import Blotter
from openclaw_desktop.security.broker.dialling import Dialler
from openclaw_desktop.security.broker.fetching import Broker
from openclaw_desktop.security.broker.hosts import clean_scope, parse_url
from openclaw_desktop.security.broker.proxy import ConnectProxy
from openclaw_desktop.tools.mcp.form import SECRET, Server
from openclaw_desktop.tools.mcp.launch import PROXY_PORT, bridge_program, opening
from openclaw_desktop.tools.mcp.offers import Offer, one_line, read_offers
from openclaw_desktop.workers.calls import CallFailed
from openclaw_desktop.workers.jailed_process import JailedProcess, open_jailed

log = logging.getLogger(__name__)

LINE_BYTES = 2 << 20
OPEN_TIMEOUT_S = 45.0
# Lines that nobody asked for, until something was asked again: a bridge of ours sends none.
IDLE_LINES = 50
HTTP_AT_ONCE, HTTP_BYTES, STREAM_BYTES = 16, 8 << 20, 64 << 20
HTTP_HEAD_S, HTTP_BODY_BYTES = 120.0, 4 << 20
# Where a stream of events is asked for, nothing may come for as long as the server runs.
_STREAMING = "GET"
_HEADERS = frozenset(("accept", "content-type", "cache-control", "last-event-id"))


class LinkEnded(Exception):
    """The server is gone, or did not come up. `code` says why: one of `SENTENCES`; `detail` is for a person alone."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool gave back. `failed`: the server says that it did not work. `cut`: there was more."""

    text: str
    data: Any
    failed: bool
    cut: bool


@dataclass(frozen=True, slots=True)
class Ways:
    """What a server may be given: requests through the broker, tunnels, secrets.

    `own`: the agent's own folders. `open_timeout_s`: how long it may take to start and list its tools.
    """

    fetch: Broker
    dialler: Dialler
    secrets: Secrets
    own: Sequence[Path] = ()
    open_timeout_s: float = OPEN_TIMEOUT_S


class Link:
    """One running server; made by `open_link`. `offers`: its tools as it lists them now."""

    def __init__(
        self, server: Server, process: JailedProcess, ways: Ways, blotter: Blotter, proxy: ConnectProxy | None
    ) -> None:
        self.server = server
        self.title = ""
        self.offers: tuple[Offer, ...] = ()
        self.on_change: Callable[[Link], None] = lambda link: None
        self._process, self._ways, self._blotter, self._proxy = process, ways, blotter, proxy
        self._ids = itertools.count(1)
        self._calls: dict[int, asyncio.Future[Answer]] = {}
        self._http: dict[int, asyncio.Task[None]] = {}
        self._tasks = TaskSet()
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unasked = 0
        self._said_end = ""
        self._trouble = ""
        self._ended: LinkEnded | None = None
        self._reading = self._tasks.start(self._read(), f"lines of {server.name}")

    @property
    def pid(self) -> int:
        """The process id of the jail's keeper."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """True until the server has ended."""
        return self._ended is None

    @property
    def _http_s(self) -> float:
        """How long a server over HTTP may be silent: no call that it may take longer for ends sooner."""
        return max(HTTP_HEAD_S, self.server.timeout_s)

    async def begin(self, first: Mapping[str, Any]) -> None:
        """Open the session; raises LinkEnded."""
        try:
            async with asyncio.timeout(self._ways.open_timeout_s):
                await self._send(first)
                await asyncio.shield(self._opened)
        except TimeoutError:
            raise LinkEnded("timeout", self._detail()) from None

    async def call(self, tool: str, arguments: Mapping[str, Any], timeout_s: float) -> Answer:
        """Call a tool; raises LinkEnded, TimeoutError, or UserError `mcp_*` where this call alone failed."""
        if self._ended is not None:
            raise self._ended
        number = next(self._ids)
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._calls[number] = waiting
        self._unasked = 0
        try:
            async with asyncio.timeout(timeout_s):  # a bridge that was stopped does not even read
                await self._send(
                    {"op": "call", "id": number, "name": tool, "arguments": dict(arguments), "timeout_s": timeout_s}
                )
                return await waiting
        finally:
            del self._calls[number]
            if not waiting.done() or waiting.cancelled():
                self._tasks.start(self._cancel(number), "cancelled call")

    async def close(self) -> None:
        """End the server with all that it started."""
        if self._ended is None:
            self._end(LinkEnded("closed"))
        await self._process.close()
        if self._proxy is not None:
            await self._proxy.stop()
        await self._tasks.stop()

    async def _cancel(self, number: int) -> None:
        with contextlib.suppress(LinkEnded):
            await self._send({"op": "cancel", "id": number})

    async def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self._process.stdin.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
            await self._process.stdin.drain()
        except (OSError, RuntimeError):
            raise self._ended or LinkEnded("died", self._detail()) from None

    async def _read(self) -> None:
        code = "died"
        try:
            while line := await self._process.stdout.readline():
                self._hear(json.loads(line))
        except (ValueError, TypeError, KeyError, RecursionError, AttributeError) as error:
            log.warning("the bridge to %s broke the protocol: %s", self.server.name, type(error).__name__)
            code = "nonsense"
        self._end(LinkEnded(self._said_end or code, self._trouble))
        # Whatever is still there has nobody to talk to.
        end = await self._process.close()
        assert self._ended is not None
        if end.ended in ("memory", "processes", "disk") and self._ended.code == "died":
            self._ended.code = end.ended
        self._ended.detail = self._ended.detail or self._detail()

    def _hear(self, line: dict[str, Any]) -> None:
        """Take one line; raises where it makes no sense."""
        match line:
            case {"opened": {"tools": tools, "name": str(title)}} if not self._opened.done():
                self.title, self.offers = one_line(title, 100), read_offers(tools)
                self._opened.set_result(None)
            case {"tools": tools}:
                self._count()
                self.offers = read_offers(tools)
                self.on_change(self)
            case {"answer": int(number), "text": str(text), "failed": bool(failed), "cut": bool(cut), **rest}:
                waiting = self._take(number)
                if waiting is not None:
                    data = self._clean_data(rest.get("data"))
                    waiting.set_result(Answer(self._blotter.clean_text(text), data, failed, cut))
            case {"problem": int(number), "code": str(code)}:
                waiting = self._take(number)
                if waiting is not None:
                    waiting.set_exception(self._call_problem(code))
            case {"ended": str(code)}:
                self._said_end = code if code in SENTENCES else "died"
            case {"http": int(number), "request": dict(request)}:
                self._start_http(number, request)
            case {"http": int(number), "close": True}:
                if (task := self._http.pop(number, None)) is not None:
                    task.cancel()
            case _:
                raise ValueError("no line of a bridge")

    def _clean_data(self, data: Any) -> Any:
        clean = self._blotter.clean_text(json.dumps(data, allow_nan=False))
        try:
            return json.loads(clean)
        except ValueError:  # a secret stood there as a number, or as a part of one
            return clean

    def _take(self, number: int) -> asyncio.Future[Answer] | None:
        waiting = self._calls.get(number)
        if waiting is not None and not waiting.done():
            return waiting
        self._count()
        return None

    def _count(self) -> None:
        self._unasked += 1
        if self._unasked > IDLE_LINES:
            raise ValueError("more lines than anybody asked for")

    def _call_problem(self, code: str) -> Exception:
        if code in ("died", "too_long", "junk"):
            return LinkEnded(code, self._trouble)
        if code == "timeout":
            return TimeoutError()
        sentence = {
            "asks": tr("{server} wants to be asked more first, which is not supported here.", server=self.server.name),
            "refused": tr("{server} did not accept the call.", server=self.server.name),
        }.get(code, tr("What {server} gave back makes no sense.", server=self.server.name))
        return UserError(f"mcp_{code if code in ('asks', 'refused') else 'nonsense'}", sentence)

    def _end(self, why: LinkEnded) -> None:
        if self._ended is not None:
            return
        self._ended = why
        waits: list[asyncio.Future[Any]] = [*self._calls.values(), self._opened]
        for waiting in waits:
            if not waiting.done():
                waiting.set_exception(why)
        if self._opened.done() and not self._opened.cancelled():
            self._opened.exception()  # it may be that nobody waits for it
        for task in self._http.values():
            task.cancel()

    def _detail(self) -> str:
        lines = [line for line in self._process.stderr_tail.splitlines() if line.strip()]
        return self._blotter.clean_text(one_line(lines[-1], 300)) if lines else ""

    # --- the network of a server over HTTP

    def _start_http(self, number: int, request: Mapping[str, Any]) -> None:
        if not self.server.url or number in self._http or len(self._http) >= HTTP_AT_ONCE:
            raise ValueError("a request that there is no room for")
        task = self._tasks.start(self._relay(number, request), f"request of {self.server.name}")
        self._http[number] = task
        task.add_done_callback(lambda _: self._http.pop(number, None))

    async def _relay(self, number: int, request: Mapping[str, Any]) -> None:
        """Do one request through the broker: to this server's own place alone, with its own headers and secrets."""
        line: dict[str, Any] = {"op": "http", "id": number}
        try:
            asked = self._web_request(request)
            events = asked.method == _STREAMING
            scope = clean_scope(self.server.url)
            async with self._ways.fetch.stream(asked, (scope,), idle_s=None if events else self._http_s) as answer:
                await self._send(line | {"status": answer.status, "headers": dict(answer.headers)})
                async for piece in answer.pieces:
                    for at in range(0, len(piece), 1 << 16):
                        await self._send(line | {"data": base64.b64encode(piece[at : at + (1 << 16)]).decode()})
            await self._send(line | {"end": True})
        except UserError as error:
            # Our own words: no server's text is in those of the broker.
            self._trouble = error.failure.text
            with contextlib.suppress(LinkEnded):
                await self._send(line | {"error": True})
        except LinkEnded:
            pass

    def _web_request(self, request: Mapping[str, Any]) -> WebRequest:
        try:
            method, url, body = str(request["method"]), str(request["url"]), base64.b64decode(request["body"])
            sent = {str(name).lower(): str(value) for name, value in request["headers"].items()}
        except (AttributeError, KeyError, TypeError, ValueError):
            wrong = tr("What {server} asks for makes no sense.", server=self.server.name)
            raise UserError("mcp_nonsense", wrong) from None
        target, place = parse_url(url), parse_url(self.server.url)
        if target.origin != place.origin or len(body) > HTTP_BODY_BYTES:
            raise UserError("mcp_elsewhere", tr("{server} sent on to another place.", server=self.server.name))
        given = {name: value for name, value in sent.items() if name in _HEADERS or name.startswith("mcp-")}
        ours = {name.lower(): value for name, value in self.server.headers.items()}
        secrets = {name: value for name, value in ours.items() if SECRET.search(value)}
        headers = given | {name: value for name, value in ours.items() if name not in secrets}
        limit = STREAM_BYTES if method == _STREAMING else HTTP_BYTES
        return WebRequest(target.url, method, headers, body, secrets, limit, self._http_s)


async def open_link(server: Server, ways: Ways) -> Link:
    """Start `server` and open a session with it; raises LinkEnded or UserError."""
    values = await _secret_values(server, ways.secrets)
    proxy = None
    if server.command and server.network == "hosts":

        async def granted() -> Sequence[str]:
            return server.hosts

        proxy = ConnectProxy(ways.dialler, granted, PROXY_PORT)
    first = opening(server, values, proxy.url if proxy else "")
    try:
        process = await open_jailed(bridge_program(server, ways.own), LINE_BYTES)
    except CallFailed as failure:
        code = failure.code if failure.code in ("jail", "no_jail") else "not_started"
        raise LinkEnded(code, failure.message) from None
    blotted = {server.env[variable].removeprefix("secret:"): (value,) for variable, value in values.items()}
    link = Link(server, process, ways, Blotter(blotted), proxy)
    try:
        if proxy is not None and process.proxy is not None:
            await proxy.start(process.proxy)
        await link.begin(first)
    except BaseException:
        await link.close()
        raise
    return link


async def _secret_values(server: Server, secrets: Secrets) -> dict[str, str]:
    """Return the values of the variables of a command that name a secret; raises UserError."""
    values = {}
    for variable, text in server.env.items():
        match = SECRET.fullmatch(text)
        if match is None:
            continue
        value = await secrets.get(match["name"], server.secret_host)
        if value is None:
            raise UserError(
                "no_secret",
                tr("There is no secret {name} for {server}.", name=match["name"], server=server.name),
                tr("Set it: openclaw-agent secret set {name} --host {host}", name=match["name"],
                   host=server.secret_host),
            )  # fmt: skip
        values[variable] = value
    return values


# Why a server is not there: its own words are never in these, as they reach the model too.
SENTENCES: Mapping[str, str] = {
    "died": tr("It ended by itself."),
    "closed": tr("It was closed."),
    "timeout": tr("It did not answer in time."),
    "too_long": tr("It sent a message that is longer than is read."),
    "junk": tr("It writes other things than messages."),
    "nonsense": tr("What it sends makes no sense."),
    "refused": tr("It did not accept the session."),
    "failed": tr("It could not be spoken with."),
    "not_started": tr("Its program did not start."),
    "jail": tr("Its jail could not be set up."),
    "no_jail": tr("Servers of MCP need a jail for programs that live long, which there is on Linux alone."),
    "memory": tr("It used more memory than it may."),
    "processes": tr("It started more processes than it may."),
    "disk": tr("It filled the disk too far."),
}
