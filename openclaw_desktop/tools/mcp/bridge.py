"""The body of `worker mcp`: speaks MCP with one server by the official SDK, and plain lines with the agent.

Owns the session with the server. In: an opening line, then calls; out: the tools, then answers, and the requests that a
server over HTTP needs, as this process has no network of its own. It runs in the jail of its server, so nothing that it
says is believed more than the server is. A process of its own, loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import AsyncIterator, Mapping
from typing import Any

import anyio
import mcp_types as types
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from openclaw_desktop import __version__
from openclaw_desktop.tools.mcp.bridge_http import PipeTransport, http_client

# The longest message of a server, and how many of its lines may be no message at all.
MESSAGE_BYTES = 8 << 20
JUNK_LINES = 200
LINE_BYTES = 1 << 21
PAGES, TOOLS = 20, 200
# A letter takes up to twelve bytes in a line: both together must fit into one of LINE_BYTES.
TEXT_CHARS, DATA_CHARS = 150_000, 100_000
REQUEST_S = 20.0
# Nobody here asks for progress or logs: a flood of them is dropped before it costs anything.
_UNASKED = (b'"notifications/progress"', b'"notifications/message"')


class Agent:
    """The other end of our stdin and stdout."""

    def __init__(self) -> None:
        self._out = os.dup(1)
        nowhere = os.open(os.devnull, os.O_RDWR)
        self._in = os.fdopen(os.dup(0), "rb")
        for number in (0, 1):  # whatever else is started or printed here has no part in it
            os.dup2(nowhere, number)

    async def lines(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what the agent says, to its end."""
        reader = asyncio.StreamReader(limit=LINE_BYTES)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), self._in)
        while line := await reader.readline():
            yield json.loads(line)

    def say(self, message: Mapping[str, Any]) -> None:
        """Send one line; waits for the agent, which always reads."""
        data = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        while data:
            data = data[os.write(self._out, data) :]


class Bridge:
    """One session. `http`: the requests of a server over HTTP."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.http = PipeTransport(agent.say)
        self.ended = asyncio.Event()
        self.why = ""
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()

    async def serve(self) -> None:
        """Speak with the server until either end goes."""
        lines = self.agent.lines()
        opening = await anext(lines)
        listening = asyncio.create_task(self._listen(lines))
        try:
            transport = self._stdio(opening) if opening["kind"] == "stdio" else self._remote(opening)
            info = types.Implementation(name="openclaw-desktop", version=__version__)
            client = Client(
                transport, client_info=info, cache=None, message_handler=self._note, read_timeout_seconds=REQUEST_S
            )
            async with client:
                self.client = client
                # A server's promise about its results binds nobody here: they are a stranger's text whatever it says.
                setattr(client.session, "validate_tool_result", _accept)  # noqa: B010 - a method of theirs
                self.agent.say({"opened": {"name": self._server_name(), "tools": await self._list()}})
                await self._watch(listening)
        except Exception as error:
            if not self.why:
                self.why = _reason(error)
        finally:
            listening.cancel()
        self.agent.say({"ended": self.why or "closed"})

    async def _watch(self, listening: asyncio.Task[None]) -> None:
        """Wait for the end, and list the tools anew whenever the server says that they changed."""
        ended = asyncio.create_task(self.ended.wait())
        while True:
            changed = asyncio.create_task(self._changed.wait())
            await asyncio.wait({ended, changed, listening}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done() or listening.done():
                changed.cancel()
                return
            self._changed.clear()
            self.agent.say({"tools": await self._list()})

    async def _listen(self, lines: AsyncIterator[dict[str, Any]]) -> None:
        async for line in lines:
            match line:
                case {"op": "call", "id": number, "name": name, "arguments": arguments, "timeout_s": limit_s}:
                    self._calls[number] = asyncio.create_task(self._call(number, name, arguments, limit_s))
                case {"op": "cancel", "id": number} if number in self._calls:
                    self._calls[number].cancel()
                case {"op": "http"}:
                    self.http.hear(line)

    async def _call(self, number: int, name: str, arguments: dict[str, Any], limit_s: float) -> None:
        try:
            # Nobody is asked anything on a server's behalf, so that a result which wants that is none.
            result = await self.client.session.call_tool(name, arguments, limit_s, allow_input_required=True)
            if isinstance(result, types.CallToolResult):
                self.agent.say({"answer": number, **_answer(result)})
            else:
                self.agent.say({"problem": number, "code": "asks"})
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.agent.say({"problem": number, "code": self.why or _reason(error)})
        finally:
            self._calls.pop(number, None)

    async def _list(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = None
        for _ in range(PAGES):
            page = await self.client.list_tools(cursor=cursor)
            for tool in page.tools:
                row = tool.model_dump(by_alias=True, mode="json", include={"name", "description", "input_schema"})
                row["annotations"] = {"destructiveHint": bool(tool.annotations and tool.annotations.destructive_hint)}
                row["description"] = str(row.get("description") or "")[:5000]
                found.append(row if len(json.dumps(row)) < 100_000 else {"name": row["name"], "description": ""})
            cursor = page.next_cursor
            if cursor is None or len(found) >= TOOLS:
                break
        found = found[:TOOLS]
        while len(json.dumps(found)) > LINE_BYTES // 2:
            found.pop()
        return found

    async def _note(self, message: object) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            self._changed.set()

    def _server_name(self) -> str:
        info = self.client.server_info
        return f"{info.name} {info.version}"[:200] if info else ""

    @contextlib.asynccontextmanager
    async def _remote(self, opening: Mapping[str, Any]) -> AsyncIterator[Any]:
        async with (
            http_client(self.http) as client,
            streamable_http_client(opening["url"], http_client=client, max_sse_event_size=MESSAGE_BYTES) as streams,
        ):
            yield streams

    @contextlib.asynccontextmanager
    async def _stdio(self, opening: Mapping[str, Any]) -> AsyncIterator[Any]:
        """Start the command and speak with it; the SDK's own transport joins a line of any length again and again."""
        kept = {name: os.environ[name] for name in ("HOME", "TMPDIR", "LANG") if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *opening["argv"], stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env={**kept, **opening["env"]}, limit=MESSAGE_BYTES,
        )  # fmt: skip
        to_session, read_stream = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write_stream, from_session = anyio.create_memory_object_stream[SessionMessage](0)
        tasks = [
            asyncio.create_task(self._read(process, to_session)),
            asyncio.create_task(self._write(process, from_session)),
        ]
        try:
            yield read_stream, write_stream
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for stream in (to_session, read_stream, write_stream, from_session):
                stream.close()
            with contextlib.suppress(ProcessLookupError):
                process.kill()  # with all that it started: the jail ends with us

    async def _read(self, process: asyncio.subprocess.Process, to_session: Any) -> None:
        assert process.stdout is not None
        junk = 0
        why = "died"
        with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            while True:
                try:
                    line = await process.stdout.readuntil(b"\n")
                except asyncio.IncompleteReadError:
                    break
                except asyncio.LimitOverrunError:
                    why = "too_long"
                    break
                if b'"method"' in line[:100] and any(unasked in line[:100] for unasked in _UNASKED):
                    continue
                try:
                    message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValueError:
                    if (answer := _no_answer(line)) is not None:
                        await to_session.send(answer)
                        continue
                    junk += 1
                    if junk > JUNK_LINES:
                        why = "junk"
                        break
                    continue
                await to_session.send(SessionMessage(message))
        self.why = self.why or why
        self.ended.set()
        to_session.close()

    async def _write(self, process: asyncio.subprocess.Process, from_session: Any) -> None:
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            async for message in from_session:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(text.encode() + b"\n")
                await process.stdin.drain()


def _no_answer(line: bytes) -> SessionMessage | None:
    """Return an error in the place of an answer that is none, so that its call need not wait for another."""
    try:
        match json.loads(line):
            case {"id": int(number), "result": _} | {"id": int(number), "error": _}:
                error = types.ErrorData(code=types.PARSE_ERROR, message="")
                return SessionMessage(types.JSONRPCError(jsonrpc="2.0", id=number, error=error))
    except (ValueError, RecursionError):
        pass
    return None


async def _accept(name: str, result: types.CallToolResult) -> None:
    """Take a result as it is."""


def _answer(result: types.CallToolResult) -> dict[str, Any]:
    parts, room = [], TEXT_CHARS
    for content in result.content:
        text = _text_of(content)
        parts.append(text[:room])
        room -= len(parts[-1])
        if room <= 0:
            break
    try:
        data = json.dumps(result.structured_content, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        data = "null"
    structured = json.loads(data) if len(data) <= DATA_CHARS else None
    return {"text": "\n".join(parts), "data": structured, "failed": bool(result.is_error), "cut": room <= 0}


def _text_of(content: types.ContentBlock) -> str:
    match content:
        case types.TextContent(text=text):
            return text
        case types.ImageContent(data=data, mime_type=kind) | types.AudioContent(data=data, mime_type=kind):
            return f"[{kind[:60]}, about {len(data) * 3 // 4:,} bytes, not shown]"
        case types.ResourceLink(uri=uri):
            return f"[see {str(uri)[:500]}]"
        case types.EmbeddedResource(resource=types.TextResourceContents(text=text)):
            return text
        case _:
            return "[something that is no text, not shown]"


def _reason(error: BaseException) -> str:
    """Return one word for what went wrong; a server's own words never come along."""
    if isinstance(error, BaseExceptionGroup):
        return _reason(error.exceptions[0])
    if isinstance(error, FileNotFoundError | PermissionError):
        return "not_started"
    if isinstance(error, MCPError):
        known = {types.CONNECTION_CLOSED: "died", types.REQUEST_TIMEOUT: "timeout", types.PARSE_ERROR: "nonsense"}
        return known.get(error.error.code, "refused")
    if isinstance(error, TimeoutError):
        return "timeout"
    return "nonsense" if isinstance(error, (ValidationError, ValueError, RuntimeError)) else "failed"


def run() -> int:
    """Be the bridge until the agent is done with it."""
    logging.disable(logging.CRITICAL)  # what the server says on stderr is all that is worth reading there
    asyncio.run(Bridge(Agent()).serve())
    os._exit(0)  # nothing waits for a thread that hangs
