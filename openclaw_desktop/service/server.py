"""The agent's side of `run/agent.sock`: commands from our own front ends, of the same user alone.

Owns the socket and what connections ask. Must not know how a command is done (`AgentService` does it). Loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from openclaw_desktop.core.errors import Failure, UserError
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr
from openclaw_desktop.service import channel
from openclaw_desktop.service.accounts.ends import ACCOUNT_COMMANDS
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.jobs.ends import JOB_COMMANDS
from openclaw_desktop.service.machine.ends import MACHINE_COMMANDS
from openclaw_desktop.service.mcp.ends import MCP_COMMANDS
from openclaw_desktop.service.memory.ends import MEMORY_COMMANDS
from openclaw_desktop.service.notices.ends import NOTICE_COMMANDS
from openclaw_desktop.service.walls.ends import WALL_COMMANDS
from openclaw_desktop.service.wire import FRAME_LIMIT_BYTES, encode, encode_frame

log = logging.getLogger(__name__)

COMMANDS = (
    "stop_turn", "answer_question", "new_session", "latest_session", "show_session", "remember", "recall", "status",
    "ledger",
    "check", "list_models", "fit_models", "add_endpoint", "use_model", "pause_pull", "add_model", "remove_model",
    "list_tools", "list_grants", "add_grant", "remove_grant", "request_window", "warm_up",
    "check_secret_store", "set_secret", "list_secrets", "remove_secret", "unlock_secrets",
    "create_backup", "list_backups", "consolidate_memories",
    "encryption", "change_encryption",
    *MEMORY_COMMANDS, *WALL_COMMANDS, *MCP_COMMANDS, *ACCOUNT_COMMANDS, *MACHINE_COMMANDS,
    *NOTICE_COMMANDS, *JOB_COMMANDS,
)  # fmt: skip
STREAMS = ("ask", "pull_model", "watch")


class SocketServer:
    """Serves the API on a Unix socket of mode 0600."""

    def __init__(self, service: AgentService, path: Path) -> None:
        self._service = service
        self._path = path
        self._tasks = TaskSet()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen at the socket's path."""
        self._server = await channel.listen(self._path, self._accept)

    async def stop(self) -> None:
        """Stop listening, end every command and remove the socket."""
        if self._server is not None:
            self._server.close()
        await self._tasks.stop()
        self._path.unlink(missing_ok=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.start(_Connection(self._service, reader, writer).serve(), "a front end's connection")


class _Connection:
    """One front end. Its commands run side by side and end with it."""

    def __init__(self, service: AgentService, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._service = service
        self._reader = reader
        self._writer = writer
        self._commands: dict[int, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Answer commands until the front end goes."""
        try:
            while line := await self._next_line():
                frame = json.loads(line)
                number = int(frame["id"])
                if frame.get("close"):
                    if (running := self._commands.get(number)) is not None:
                        running.cancel()
                    continue
                task = asyncio.get_running_loop().create_task(self._run(number, frame))
                self._commands[number] = task
                task.add_done_callback(partial(self._forget, number))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            log.warning("a front end broke the protocol: %s", error)
        finally:
            tasks = list(self._commands.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._writer.close()

    def _forget(self, number: int, _: asyncio.Task[None]) -> None:
        self._commands.pop(number, None)

    async def _next_line(self) -> bytes:
        try:
            return await self._reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return b""

    async def _run(self, number: int, frame: dict[str, Any]) -> None:
        try:
            result = await self._do(number, str(frame["method"]), frame.get("params") or {})
            await self._send({"id": number, "result": encode(result)})
        except UserError as error:
            await self._send({"id": number, "error": asdict(error.failure)})
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("command %s failed", frame.get("method"))
            failure = Failure(
                "internal", tr("The agent hit an error of its own."), tr("Look into its log, and try again.")
            )
            await self._send({"id": number, "error": asdict(failure)})

    async def _do(self, number: int, method: str, params: dict[str, Any]) -> Any:
        if method in STREAMS:
            start: Callable[..., AsyncGenerator[Any, None]] = getattr(self._service, method)
            items = start(**_typed(start, params))
            async with contextlib.aclosing(items) as stream:
                async for item in stream:
                    if not await self._send({"id": number, "item": encode(item)}):
                        break
            return None
        if method not in COMMANDS:
            raise UserError(
                "unknown_method",
                tr("The running agent does not know {method}.", method=method),
                tr("Start it again after an update."),
            )
        command: Callable[..., Any] = getattr(self._service, method)
        return await command(**_typed(command, params))

    async def _send(self, frame: dict[str, Any]) -> bool:
        """Write a frame; False where it was too large and an error went in its place."""
        line = encode_frame(frame)
        fits = len(line) <= FRAME_LIMIT_BYTES
        if not fits:
            failure = Failure("too_large", tr("The answer is too large to send."), tr("Ask for less at once."))
            line = encode_frame({"id": frame["id"], "error": asdict(failure)})
        self._writer.write(line)
        await self._writer.drain()
        return fits


def _typed(command: Callable[..., Any], params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters in the types that the command declares."""
    signature = inspect.signature(command, eval_str=True)
    try:
        signature.bind(**params)
        return {name: msgspec.convert(value, signature.parameters[name].annotation) for name, value in params.items()}
    except (TypeError, msgspec.ValidationError) as error:
        raise UserError(
            "bad_request",
            tr("The running agent does not understand the command: {reason}.", reason=error),
            tr("Start it again after an update."),
        ) from error
