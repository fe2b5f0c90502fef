"""The same API over `run/agent.sock`, for a front end that attaches to a running agent.

Owns the front end's side of the wire. Must not know how a command is done. Front end's loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from openclaw_desktop.core.errors import ExitCode, Failure, UserError
from openclaw_desktop.core.events import AgentEvent, ModelPulled, TurnEvent
from openclaw_desktop.core.protocols import PassphraseNeed, SecretStoreName
from openclaw_desktop.core.text import tr
from openclaw_desktop.service import channel
from openclaw_desktop.service.accounts.ends import RemoteAccounts
from openclaw_desktop.service.api import (
    AskRequest,
    BackupView,
    ConsolidationView,
    GrantView,
    ModelView,
    RemovedModel,
    SecretView,
    SessionView,
    ToolView,
)
from openclaw_desktop.service.jobs.ends import RemoteJobs
from openclaw_desktop.service.machine.ends import RemoteMachine
from openclaw_desktop.service.mcp.ends import RemoteMcp
from openclaw_desktop.service.memory.api import MemoryHit, RecallAnswer
from openclaw_desktop.service.memory.ends import RemoteMemory
from openclaw_desktop.service.memory.key_views import EncryptionView, KeyAction, KeyChange
from openclaw_desktop.service.models.fit_report import FitReport
from openclaw_desktop.service.notices.ends import RemoteNotices
from openclaw_desktop.service.status_views import Finding, LedgerView, Status
from openclaw_desktop.service.walls.ends import RemoteWalls
from openclaw_desktop.service.wire import FRAME_LIMIT_BYTES, decode, decode_event, encode, encode_frame

T = TypeVar("T")


class RemoteService(RemoteMemory, RemoteWalls, RemoteMcp, RemoteAccounts, RemoteMachine, RemoteNotices, RemoteJobs):
    """`AgentService` at the other end of a socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._replies: dict[int, asyncio.Queue[dict[str, Any]]] = {}
        self._gone = False
        self._reading = asyncio.get_running_loop().create_task(self._read(), name="replies of the agent")

    @classmethod
    async def connect(cls, path: Path) -> RemoteService | None:
        """Attach to the agent at `path`; None where nobody listens."""
        streams = await channel.connect(path)
        return cls(*streams) if streams else None

    async def close(self) -> None:
        """Detach; the agent ends what this front end asked."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _read(self) -> None:
        try:
            while True:
                frame = json.loads(await self._reader.readuntil(b"\n"))
                if (queue := self._replies.get(frame["id"])) is not None:
                    queue.put_nowait(frame)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        finally:
            self._gone = True
            for queue in self._replies.values():
                queue.put_nowait({"error": _agent_gone()})

    async def _send(self, frame: dict[str, Any]) -> None:
        line = encode_frame(frame)
        if len(line) > FRAME_LIMIT_BYTES:
            raise UserError(
                "message_too_long",
                tr("That message is too long to send."),
                tr("Save it as a file and ask for it to be read."),
                ExitCode.USAGE,
            )
        if self._gone:
            raise UserError.from_failure(decode(_agent_gone(), Failure))
        try:
            self._writer.write(line)
            await self._writer.drain()
        except ConnectionError:
            raise UserError.from_failure(decode(_agent_gone(), Failure)) from None

    async def _call(self, method: str, kind: type[T], **params: Any) -> T:
        async with contextlib.aclosing(self._frames(method, params)) as frames:
            async for frame in frames:
                with _of_our_version():
                    return decode(frame["result"], kind)
        raise AssertionError("a command ends with a result or an error")

    async def _stream(self, method: str, params: dict[str, Any]) -> AsyncGenerator[Any, None]:
        async with contextlib.aclosing(self._frames(method, params)) as frames:
            async for frame in frames:
                if "item" not in frame:
                    return
                with _of_our_version():
                    event = decode_event(frame["item"])
                yield event

    async def _frames(self, method: str, params: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        number = next(self._numbers)
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._replies[number] = queue
        ended = False
        try:
            await self._send({"id": number, "method": method, "params": params})
            while not ended:
                frame = await queue.get()
                ended = "item" not in frame
                if "error" in frame:
                    raise UserError.from_failure(decode(frame["error"], Failure))
                yield frame
        finally:
            self._replies.pop(number, None)
            if not ended and not self._gone:
                with contextlib.suppress(ConnectionError):
                    self._writer.write(encode_frame({"id": number, "close": True}))

    def ask(self, request: AskRequest) -> AsyncGenerator[TurnEvent, None]:
        """Run one turn."""
        return self._stream("ask", {"request": encode(request)})

    async def stop_turn(self, turn_id: str) -> bool:
        """Stop a running turn."""
        return await self._call("stop_turn", bool, turn_id=turn_id)

    async def answer_question(self, question_id: str, choice: str) -> bool:
        """Answer a raised question."""
        return await self._call("answer_question", bool, question_id=question_id, choice=choice)

    async def new_session(self) -> str:
        """Begin a new chat."""
        return await self._call("new_session", str)

    async def latest_session(self) -> SessionView | None:
        """Return the chat last spoken in."""
        return await self._call("latest_session", SessionView | None)  # type: ignore[arg-type]

    async def show_session(self, session_id: str) -> SessionView:
        """Return a chat."""
        return await self._call("show_session", SessionView, session_id=session_id)

    async def remember(self, text: str) -> MemoryHit:
        """Keep `text`."""
        return await self._call("remember", MemoryHit, text=text)

    async def recall(self, query: str, k: int = 10) -> RecallAnswer:
        """Find memories."""
        return await self._call("recall", RecallAnswer, query=query, k=k)

    async def status(self) -> Status:
        """Say what runs and how well."""
        return await self._call("status", Status)

    async def ledger(self, days: int = 1) -> tuple[LedgerView, ...]:
        """Return what the model cost."""
        return await self._call("ledger", tuple[LedgerView, ...], days=days)

    async def check(self, repair: bool = False) -> tuple[Finding, ...]:
        """Run the doctor's checks."""
        return await self._call("check", tuple[Finding, ...], repair=repair)

    async def list_models(self, look_around: bool = False) -> tuple[ModelView, ...]:
        """List the catalogue and the endpoints' models."""
        # An agent from before an update knows only the plain question, which is all that a window asks.
        further = {"look_around": True} if look_around else {}
        return await self._call("list_models", tuple[ModelView, ...], **further)

    async def add_endpoint(
        self, url: str, name: str | None = None, key: str | None = None, model: str | None = None
    ) -> tuple[ModelView, ...]:
        """Add an endpoint."""
        return await self._call("add_endpoint", tuple[ModelView, ...], url=url, name=name, key=key, model=model)

    async def fit_models(self, context_tokens: int | None = None) -> FitReport:
        """Say how each model would run."""
        return await self._call("fit_models", FitReport, context_tokens=context_tokens)

    def pull_model(self, model_id: str) -> AsyncGenerator[ModelPulled, None]:
        """Fetch a model."""
        return self._stream("pull_model", {"model_id": model_id})

    async def pause_pull(self, model_id: str) -> bool:
        """Pause a running download."""
        return await self._call("pause_pull", bool, model_id=model_id)

    async def add_model(self, path: str, copy: bool = False) -> ModelView:
        """Take up a GGUF file."""
        return await self._call("add_model", ModelView, path=path, copy=copy)

    async def remove_model(self, model_id: str) -> RemovedModel:
        """Remove a model."""
        return await self._call("remove_model", RemovedModel, model_id=model_id)

    async def use_model(self, model_id: str) -> ModelView:
        """Choose the model that answers."""
        return await self._call("use_model", ModelView, model_id=model_id)

    async def warm_up(self) -> None:
        """Begin to load the model."""
        await self._call("warm_up", type(None))

    async def list_tools(self) -> tuple[ToolView, ...]:
        """List the tools on offer."""
        return await self._call("list_tools", tuple[ToolView, ...])

    async def list_grants(self) -> tuple[GrantView, ...]:
        """List the standing permissions."""
        return await self._call("list_grants", tuple[GrantView, ...])

    async def add_grant(self, capability: str, scope: str) -> GrantView:
        """Add a standing permission."""
        return await self._call("add_grant", GrantView, capability=capability, scope=scope)

    async def remove_grant(self, grant_id: str) -> bool:
        """Take a standing permission back."""
        return await self._call("remove_grant", bool, grant_id=grant_id)

    async def check_secret_store(self, store: SecretStoreName) -> PassphraseNeed:
        """Return which passphrase is needed."""
        return await self._call("check_secret_store", PassphraseNeed, store=store)  # type: ignore[arg-type]

    async def set_secret(
        self, name: str, host: str, value: str, store: SecretStoreName, passphrase: str | None = None
    ) -> SecretView:
        """Keep a secret."""
        return await self._call(
            "set_secret", SecretView, name=name, host=host, value=value, store=store, passphrase=passphrase
        )

    async def list_secrets(self) -> tuple[SecretView, ...]:
        """List the secrets."""
        return await self._call("list_secrets", tuple[SecretView, ...])

    async def remove_secret(self, name: str) -> bool:
        """Forget a secret."""
        return await self._call("remove_secret", bool, name=name)

    async def unlock_secrets(self, passphrase: str) -> None:
        """Open the passphrase file."""
        await self._call("unlock_secrets", type(None), passphrase=passphrase)

    async def encryption(self) -> EncryptionView:
        """Say whether the memory file is encrypted."""
        return await self._call("encryption", EncryptionView)

    async def change_encryption(
        self, action: KeyAction, holder: Literal["keyring", "file"] | None = None, path: str | None = None
    ) -> KeyChange:
        """Change key or recovery code, or turn encryption on or off."""
        return await self._call("change_encryption", KeyChange, action=action, holder=holder, path=path)

    async def consolidate_memories(self) -> ConsolidationView:
        """Consolidate now."""
        return await self._call("consolidate_memories", ConsolidationView)

    async def create_backup(self) -> BackupView:
        """Make a copy."""
        return await self._call("create_backup", BackupView)

    async def list_backups(self) -> tuple[BackupView, ...]:
        """List the copies."""
        return await self._call("list_backups", tuple[BackupView, ...])

    async def request_window(self, action: Literal["show", "toggle"]) -> bool:
        """Ask the running tray for its popup."""
        return await self._call("request_window", bool, action=action)

    def watch(self) -> AsyncGenerator[AgentEvent, None]:
        """Yield the agent's own events."""
        return self._stream("watch", {})


@contextlib.contextmanager
def _of_our_version() -> Iterator[None]:
    try:
        yield
    except (KeyError, msgspec.ValidationError) as error:
        raise UserError(
            "other_version",
            tr("The running agent is of another version, and its answer makes no sense here."),
            tr("Start the agent again after an update."),
        ) from error


def _agent_gone() -> dict[str, Any]:
    return {
        "code": "agent_gone",
        "sentence": tr("The agent ended while it was asked."),
        "advice": tr("What it had said it saved is safe; ask again."),
        "exit_code": int(ExitCode.NEEDS_AGENT),
    }
