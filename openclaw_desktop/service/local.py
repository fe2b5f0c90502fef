"""The API in the agent's own process.

Owns the running turns and the limits of what a front end may send. Must not know any front end. Loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from weakref import WeakValueDictionary

from openclaw_desktop.agent.plain_kinds import ToolRequest
from openclaw_desktop.agent.session import SessionAgent, Task
from openclaw_desktop.core.bus import Bus
from openclaw_desktop.core.errors import ExitCode, Failure, UserError
from openclaw_desktop.core.events import (
    AgentEvent,
    ModelPulled,
    NoticeShown,
    TextAdded,
    TextWithdrawn,
    TurnEvent,
    TurnFailed,
    TurnStopped,
    WindowRequested,
)
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.messages import ToolSpec
from openclaw_desktop.core.protocols import PassphraseNeed, SecretStoreName
from openclaw_desktop.core.text import tr, visible, visible_lines
from openclaw_desktop.inference.files import ModelFile
from openclaw_desktop.memory.consolidation.consolidator import Consolidator
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.sessions import SessionStore
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.security.secrets import SecretKeeper
from openclaw_desktop.service.accounts.desk import AccountDesk
from openclaw_desktop.service.accounts.ends import LocalAccounts
from openclaw_desktop.service.api import (
    AskRequest,
    BackupView,
    ConsolidationView,
    GrantView,
    ModelView,
    RemovedModel,
    SecretView,
    SessionMessage,
    SessionView,
    ToolView,
)
from openclaw_desktop.service.jobs.desk import JobsDesk
from openclaw_desktop.service.jobs.ends import LocalJobs
from openclaw_desktop.service.machine.care import MachineCare
from openclaw_desktop.service.machine.ends import LocalMachine
from openclaw_desktop.service.mcp.desk import McpDesk
from openclaw_desktop.service.mcp.ends import LocalMcp
from openclaw_desktop.service.memory.api import MemoryHit, RecallAnswer
from openclaw_desktop.service.memory.backups import BackupDesk
from openclaw_desktop.service.memory.consolidation import consolidate
from openclaw_desktop.service.memory.desk import MemoryDesk
from openclaw_desktop.service.memory.ends import LocalMemory
from openclaw_desktop.service.memory.file_key import FileKeyDesk
from openclaw_desktop.service.memory.key_views import EncryptionView, KeyAction, KeyChange
from openclaw_desktop.service.memory.views import memory_hit, memory_hits
from openclaw_desktop.service.models.desk import ModelShelf
from openclaw_desktop.service.models.endpoints import EndpointShelf
from openclaw_desktop.service.models.fit_report import FitReport
from openclaw_desktop.service.models.usage import UsageDesk
from openclaw_desktop.service.notices.desk import NoticeDesk
from openclaw_desktop.service.notices.ends import LocalNotices
from openclaw_desktop.service.status_views import Finding, LedgerView, Status
from openclaw_desktop.service.stores import FACT_IMPORTANCE
from openclaw_desktop.service.user_text import user_text
from openclaw_desktop.service.walls.desk import WallDesk
from openclaw_desktop.service.walls.ends import LocalWalls
from openclaw_desktop.service.walls.questions import QuestionDesk
from openclaw_desktop.service.walls.stored_views import grant_view, secret_view

log = logging.getLogger(__name__)

# The newest messages of a chat that fit one frame of the socket, whatever their letters.
SESSION_VIEW_CHARS = 200_000
# A turn that nobody watches, and that nobody would stop, ends by itself.
ALONE_LIMIT_S = 3600.0


@dataclass(frozen=True, slots=True)
class ServiceParts:
    """What the service works with."""

    agent: SessionAgent
    sessions: SessionStore
    memories: MemoryStore
    memory_desk: MemoryDesk
    walls: WallDesk
    grants: GrantStore
    models: ModelShelf
    endpoints: EndpointShelf
    secrets: SecretKeeper
    bus: Bus
    status: Callable[[], Awaitable[Status]]
    check: Callable[[bool], Awaitable[tuple[Finding, ...]]]
    fit: Callable[[int | None], Awaitable[FitReport]]
    usage: UsageDesk
    file_key: FileKeyDesk
    backups: BackupDesk
    consolidator: Consolidator
    notice: Callable[[], Awaitable[str]]
    tool_specs: Callable[[], tuple[ToolSpec, ...]]
    mcp: McpDesk
    accounts: AccountDesk
    machine: MachineCare
    jobs: JobsDesk
    notices: NoticeDesk


class LocalService(LocalMemory, LocalWalls, LocalMcp, LocalAccounts, LocalMachine, LocalNotices, LocalJobs):
    """`AgentService` over the parts of this process."""

    def __init__(self, parts: ServiceParts) -> None:
        self._parts = parts
        self._desk = QuestionDesk()
        self._turns: dict[str, asyncio.Task[None]] = {}
        self._stopped: set[str] = set()
        self._session_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._windows = 0

    @property
    def memory_desk(self) -> MemoryDesk:
        """Who does what is asked of memory as a whole."""
        return self._parts.memory_desk

    @property
    def wall_desk(self) -> WallDesk:
        """Who answers for the inbox and the audit log."""
        return self._parts.walls

    @property
    def mcp_desk(self) -> McpDesk:
        """Who answers for the servers of MCP."""
        return self._parts.mcp

    @property
    def jobs_desk(self) -> JobsDesk:
        """Who answers for the jobs."""
        return self._parts.jobs

    @property
    def machine_care(self) -> MachineCare:
        """Who answers for the machine."""
        return self._parts.machine

    @property
    def account_desk(self) -> AccountDesk:
        """Who answers for the accounts."""
        return self._parts.accounts

    @property
    def notice_desk(self) -> NoticeDesk:
        """Who answers for the notices."""
        return self._parts.notices

    async def ask(self, request: AskRequest) -> AsyncGenerator[TurnEvent, None]:
        """Run one turn; see `AgentService.ask`."""
        text = user_text(request.text)
        session_id = await self._session_for(request)
        await self._parts.models.ready()
        turn_id = new_id("turn")
        events: asyncio.Queue[TurnEvent | None] = asyncio.Queue()
        task = Task(
            turn_id=turn_id,
            session_id=session_id,
            text=text,
            ask=self._desk.for_turn(turn_id, events.put_nowait) if request.attended else None,
            tools=request.tools,
            incognito=request.incognito,
            folder=request.folder,
            files=request.files,
            call=ToolRequest(request.call, request.arguments) if request.call else None,
        )
        async with aclosing(self._events(task, request.timeout_s, events)) as turn:
            async for event in turn:
                yield event

    async def can_go_on(self) -> bool:
        """Return True where a model is in use that can go on with what was asked before."""
        await self._parts.models.ready()
        return self._parts.agent.can_go_on()

    async def run_alone(
        self, task: Task, timeout_s: float | None = None, see: Callable[[TurnEvent], object] | None = None
    ) -> TurnEvent | None:
        """Run a turn that no front end watches; return its last event. `see`: told each of them."""
        await self._parts.models.ready()
        last: TurnEvent | None = None
        async with aclosing(self._events(task, timeout_s or ALONE_LIMIT_S, asyncio.Queue())) as turn:
            async for event in turn:
                last = event
                if see is not None:
                    see(event)
        return last

    async def _events(
        self, task: Task, timeout_s: float | None, events: asyncio.Queue[TurnEvent | None]
    ) -> AsyncGenerator[TurnEvent, None]:
        """Run a turn and yield its events, those that come into `events` among them; closing it cancels the turn."""
        running = asyncio.get_running_loop().create_task(self._run(task, timeout_s, events), name=task.turn_id)
        self._turns[task.turn_id] = running
        try:
            while (event := await events.get()) is not None:
                yield event
        finally:
            self._turns.pop(task.turn_id, None)
            self._stopped.discard(task.turn_id)
            if not running.done():
                running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _run(self, task: Task, timeout_s: float | None, events: asyncio.Queue[TurnEvent | None]) -> None:
        """Put the turn's events into `events`, then None; every end of a turn is an event."""
        written = ""
        limit = asyncio.timeout(timeout_s)
        try:
            lock = self._session_locks.setdefault(task.session_id, asyncio.Lock())
            if lock.locked():
                waiting = tr("Another question in this chat is not done yet; this one waits for it.")
                events.put_nowait(NoticeShown(task.turn_id, waiting))
            if task.lane == "chat" and (told := await self._parts.notice()):
                events.put_nowait(NoticeShown(task.turn_id, told))
            async with limit, lock:
                with self._parts.models.in_use_by_turn():
                    async for event in self._parts.agent.run(task):
                        if isinstance(event, TextAdded):
                            written += event.text
                        elif isinstance(event, TextWithdrawn):
                            written = ""
                        events.put_nowait(event)
        except asyncio.CancelledError:
            events.put_nowait(TurnStopped(task.turn_id, written))
            if task.turn_id not in self._stopped:
                raise
        except UserError as error:
            events.put_nowait(TurnFailed(task.turn_id, error.failure))
        except Exception as error:
            # A part may run out of time too; only the turn's own limit is the user's.
            if isinstance(error, TimeoutError) and limit.expired():
                failure = Failure(
                    "timeout",
                    tr("There was no whole answer within {seconds} seconds.", seconds=f"{timeout_s:g}"),
                    tr("Ask again with more time, or something shorter."),
                )
            else:
                log.exception("a turn failed")
                sentence = tr("The agent hit an error of its own.")
                failure = Failure("internal", sentence, tr("Ask again; its log says more."))
            events.put_nowait(TurnFailed(task.turn_id, failure))
        finally:
            events.put_nowait(None)

    async def _session_for(self, request: AskRequest) -> str:
        if request.incognito:
            return new_id("ses")
        if request.session_id is None:
            return await self._parts.sessions.begin()
        if not await self._parts.sessions.exists(request.session_id):
            raise _unknown_session(request.session_id)
        return request.session_id

    async def stop_turn(self, turn_id: str) -> bool:
        """Stop a running turn."""
        running = self._turns.get(turn_id)
        if running is None or running.done():
            return False
        if turn_id not in self._stopped:
            self._stopped.add(turn_id)
            running.cancel()
        return True

    async def answer_question(self, question_id: str, choice: str) -> bool:
        """Answer a raised question."""
        return self._desk.answer(question_id, choice)

    async def new_session(self) -> str:
        """Begin a new chat."""
        return await self._parts.sessions.begin()

    async def latest_session(self) -> SessionView | None:
        """Return the chat last spoken in."""
        session_id = await self._parts.sessions.latest()
        return None if session_id is None else await self._view_session(session_id)

    async def show_session(self, session_id: str) -> SessionView:
        """Return a chat."""
        if not await self._parts.sessions.exists(session_id):
            raise _unknown_session(session_id)
        return await self._view_session(session_id)

    async def _view_session(self, session_id: str) -> SessionView:
        messages: list[SessionMessage] = []
        room = SESSION_VIEW_CHARS
        for m in reversed(await self._parts.sessions.messages(session_id)):
            room -= len(m.text)
            if room < 0 and messages:
                break
            untrusted = m.label.integrity == "untrusted"
            messages.insert(
                0,
                SessionMessage(
                    m.turn_id, m.role, m.text, m.model, m.created_at, m.receipts, untrusted, m.label.foreign_origins
                ),
            )
        return SessionView(session_id, tuple(messages))

    async def remember(self, text: str) -> MemoryHit:
        """Keep `text`."""
        kept = NewMemory(user_text(text), source="user", speaker="user", importance=FACT_IMPORTANCE, tier="medium")
        memory_id = await self._parts.memories.remember(kept, told=True)
        found = await self._parts.memories.get(memory_id)
        assert found is not None
        return memory_hit(found)

    async def recall(self, query: str, k: int = 10) -> RecallAnswer:
        """Find memories."""
        started = time.perf_counter()
        hits = await self._parts.memories.recall(user_text(query), k)
        return RecallAnswer(query, round((time.perf_counter() - started) * 1000, 2), memory_hits(hits))

    async def status(self) -> Status:
        """Say what runs and how well."""
        return await self._parts.status()

    async def ledger(self, days: int = 1) -> tuple[LedgerView, ...]:
        """Return what the model cost."""
        return await self._parts.usage.lines(days)

    async def check(self, repair: bool = False) -> tuple[Finding, ...]:
        """Run the doctor's checks."""
        return await self._parts.check(repair)

    async def list_models(self, look_around: bool = False) -> tuple[ModelView, ...]:
        """List the catalogue and the endpoints' models."""
        found = await self._parts.models.refresh()
        return tuple(self._view(file) for file in found) + await self._parts.endpoints.list(look_around)

    async def fit_models(self, context_tokens: int | None = None) -> FitReport:
        """Say how each model would run."""
        return await self._parts.fit(context_tokens)

    async def pull_model(self, model_id: str) -> AsyncGenerator[ModelPulled, None]:
        """Fetch a model."""
        async with aclosing(self._parts.models.pull(model_id)) as pulling:
            async for progress in pulling:
                self._parts.bus.publish(progress)
                yield progress

    async def pause_pull(self, model_id: str) -> bool:
        """Pause a running download."""
        return self._parts.models.pause(model_id)

    async def add_model(self, path: str, copy: bool = False) -> ModelView:
        """Take up a GGUF file."""
        return self._view(await self._parts.models.add(Path(path), copy))

    async def add_endpoint(
        self, url: str, name: str | None = None, key: str | None = None, model: str | None = None
    ) -> tuple[ModelView, ...]:
        """Add an endpoint."""
        return await self._parts.endpoints.add(url, name, key, model)

    async def remove_model(self, model_id: str) -> RemovedModel:
        """Remove a model, or an endpoint."""
        forgotten = None if self._has_file_model(model_id) else await self._parts.endpoints.remove(model_id)
        return forgotten or await self._parts.models.remove(model_id)

    async def use_model(self, model_id: str) -> ModelView:
        """Choose the model that answers."""
        chosen = None if self._has_file_model(model_id) else await self._parts.endpoints.use(model_id)
        return chosen or self._view(await self._parts.models.use(model_id))

    def _has_file_model(self, model_id: str) -> bool:
        return any(model.id == model_id for model in self._parts.models.selection.models)

    def _view(self, file: ModelFile) -> ModelView:
        model = file.model
        return ModelView(
            model.id, model.title, model.size_bytes, model.licence, model.context_tokens, model.calls_tools,
            str(file.path) if file.path else None, self._parts.models.in_use == model.id, file.problem,
            self._parts.models.part_bytes(model), model.path is not None, model.kind, model.recommended,
        )  # fmt: skip

    async def warm_up(self) -> None:
        """Begin to load the model."""
        await self._parts.models.warm_up()

    async def list_tools(self) -> tuple[ToolView, ...]:
        """List the tools on offer."""
        return tuple(
            ToolView(
                spec.name,
                visible_lines(spec.description),
                spec.effect,
                spec.capability or "",
                spec.authority,
                spec.source,
                dict(spec.parameters),
            )
            for spec in self._parts.tool_specs()
        )

    async def list_grants(self) -> tuple[GrantView, ...]:
        """List the standing permissions."""
        return tuple(grant_view(stored) for stored in await self._parts.grants.list())

    async def add_grant(self, capability: str, scope: str) -> GrantView:
        """Add a standing permission."""
        return grant_view(await self._parts.grants.add(capability, scope))

    async def remove_grant(self, grant_id: str) -> bool:
        """Take a standing permission back."""
        return await self._parts.grants.remove(grant_id)

    async def check_secret_store(self, store: SecretStoreName) -> PassphraseNeed:
        """Return which passphrase is needed."""
        return await self._parts.secrets.check(store)

    async def set_secret(
        self, name: str, host: str, value: str, store: SecretStoreName, passphrase: str | None = None
    ) -> SecretView:
        """Keep a secret."""
        return secret_view(await self._parts.secrets.set(name, host, value, store, passphrase))

    async def list_secrets(self) -> tuple[SecretView, ...]:
        """List the secrets."""
        return tuple(secret_view(stored) for stored in self._parts.secrets.list())

    async def remove_secret(self, name: str) -> bool:
        """Forget a secret."""
        return await self._parts.secrets.remove(name)

    async def unlock_secrets(self, passphrase: str) -> None:
        """Open the passphrase file."""
        await self._parts.secrets.unlock(passphrase)

    async def encryption(self) -> EncryptionView:
        """Say whether the memory file is encrypted."""
        return self._parts.file_key.view()

    async def change_encryption(
        self, action: KeyAction, holder: Literal["keyring", "file"] | None = None, path: str | None = None
    ) -> KeyChange:
        """Change key or recovery code, or turn encryption on or off."""
        return await self._parts.file_key.change(action, holder, Path(path) if path is not None else None)

    async def consolidate_memories(self) -> ConsolidationView:
        """Consolidate now."""
        return await consolidate(self._parts.consolidator)

    async def create_backup(self) -> BackupView:
        """Make a copy."""
        return await self._parts.backups.create()

    async def list_backups(self) -> tuple[BackupView, ...]:
        """List the copies."""
        return await self._parts.backups.list()

    async def request_window(self, action: Literal["show", "toggle"]) -> bool:
        """Ask the running tray for its popup."""
        if self._windows:
            self._parts.bus.publish(WindowRequested(action))
        return self._windows > 0

    async def watch(self) -> AsyncGenerator[AgentEvent, None]:
        """Yield the agent's own events. Who watches has a window."""
        self._windows += 1
        try:
            async with aclosing(self._parts.bus.subscribe()) as events:
                async for event in events:
                    yield event
        finally:
            self._windows -= 1


def _unknown_session(session_id: str) -> UserError:
    return UserError(
        "unknown_session",
        tr("There is no chat {session}.", session=visible(session_id)),
        tr("Leave --session out to begin a new one."),
        ExitCode.USAGE,
    )
