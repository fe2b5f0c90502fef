"""An AgentService whose every answer a test writes: it yields the events that it is given, when it is given them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Literal

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import AgentEvent, ModelPulled, ModelState, TurnEvent, TurnStarted
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import Answer, Receipt
from openclaw_desktop.notifications.store import LIVE
from openclaw_desktop.service.api import AskRequest, GrantView, ModelView, SessionView
from openclaw_desktop.service.jobs.views import BuiltInView, JobsStatus
from openclaw_desktop.service.memory.api import ErasureView, FeedbackView, Mark, MemoryHit, RecallAnswer
from openclaw_desktop.service.memory.key_views import EncryptionView, KeyAction, KeyChange
from openclaw_desktop.service.notices.views import NoticeView, NotificationsStatus
from openclaw_desktop.service.status_views import (
    Finding,
    HealthStatus,
    MemoryStatus,
    ModelStatus,
    PowerStatus,
    SandboxStatus,
    SchedulerStatus,
    Status,
)
from openclaw_desktop.service.walls.views import InboxState, InboxView

SMALL = ModelView("small-1b", "Small 1B", 1_100_000_000, "Apache-2.0", 32_768, False, None, False)
GOOD = ModelView("good-4b", "Good 4B", 2_600_000_000, "Apache-2.0", 32_768, True, None, False)
HUGE = ModelView(
    "huge-70b", "Huge 70B", 42_000_000_000, "Apache-2.0", 32_768, True, None, False, "Needs 48 GB of memory."
)

CODE = "7K2M-9QXR-4D1V-8WHT-0ABC-5EFG-6JNP"
UNDECIDED = EncryptionView(False, "none", "Not encrypted.", False, False)


def make_answer(
    text: str, *, model: str | None = "good-4b", label: Label = USER, receipts: tuple[Receipt, ...] = ()
) -> Answer:
    """Return a finished answer."""
    return Answer("turn_1", "session_1", text, model, label, receipts=receipts)


class ScriptedService:
    """`emit` hands one event to the running turn; `refuse` makes the next turn fail before it starts."""

    def __init__(
        self,
        *,
        model: str | None = "good-4b",
        session: SessionView | None = None,
        list_error: Exception | None = None,
    ) -> None:
        self.model = model
        self.list_error = list_error
        self.state: ModelState = "ready"
        self.session = session
        self.models: tuple[ModelView, ...] = (SMALL, GOOD, HUGE)
        self.asked: list[AskRequest] = []
        self.jobs = JobsStatus()
        self.jobs_on: set[str] = set()
        self.jobs_error: UserError | None = None
        self.stopped: list[str] = []
        self.answered: list[tuple[str, str]] = []
        self.used: list[str] = []
        self.sessions = 0
        self.warmed = 0
        self.closed_turns = 0
        self.question_open = True
        self.refusal: UserError | None = None
        self.use_error: UserError | None = None
        self.pull_error: UserError | None = None
        self.start_turns = True
        self.protection = EncryptionView(True, "keyring", "", True, True)
        self.keyring_error: UserError | None = None
        self.change_error: UserError | None = None
        self.changes: list[tuple[str, str | None]] = []
        self.left: tuple[str, ...] = ()
        self.sandbox = SandboxStatus(3, ("landlock", "seccomp"))
        self.sessions_kept: dict[str, SessionView] = {}
        self.entries: dict[str, InboxView] = {}
        self.inbox_calls: list[tuple[str, ...]] = []
        self.inbox_error: UserError | None = None
        self.list_inbox_error: UserError | None = None
        self.notices: dict[str, NoticeView] = {}
        self.notice_calls: list[tuple[object, ...]] = []
        self.notice_error: UserError | None = None
        self.notice_lists = 0
        self.quiet_until: str | None = None
        self.marks: dict[str, Mark] = {}
        self.unmarkable: set[str] = set()
        self.mark_error: UserError | None = None
        self._turn: asyncio.Queue[TurnEvent | None] = asyncio.Queue()
        self._pull: asyncio.Queue[ModelPulled] = asyncio.Queue()
        self._events: asyncio.Queue[AgentEvent] = asyncio.Queue()

    def emit(self, *events: TurnEvent) -> None:
        """Let the running turn yield `events`."""
        for event in events:
            self._turn.put_nowait(event)

    def end_stream(self) -> None:
        """Let the running turn's stream end without a last event."""
        self._turn.put_nowait(None)

    def tell(self, event: AgentEvent) -> None:
        """Let the agent tell `event` to everybody who watches."""
        self._events.put_nowait(event)

    def progress(self, received_bytes: int, *, done: bool = False) -> None:
        """Let the running download go on."""
        self.pulled(ModelPulled("any", received_bytes, 1000, done))

    def pulled(self, progress: ModelPulled) -> None:
        """Let the running download tell `progress`."""
        self._pull.put_nowait(progress)

    async def jobs_status(self) -> JobsStatus:
        if self.jobs_error is not None:
            raise self.jobs_error
        return self.jobs

    async def list_built_in_jobs(self) -> tuple[BuiltInView, ...]:
        names = ("morning-brief", "heartbeat")
        return tuple(BuiltInView(name, name.title(), "says", "every day", name in self.jobs_on, "") for name in names)

    async def enable_job(self, name: str, when: str = "", checklist: str = "") -> None:
        if self.jobs_error is not None:
            raise self.jobs_error
        self.jobs_on.add(name)

    async def disable_job(self, name: str) -> None:
        self.jobs_on.remove(name)

    async def ask(self, request: AskRequest) -> AsyncIterator[TurnEvent]:
        self.asked.append(request)
        if self.refusal is not None:
            raise self.refusal
        try:
            if self.start_turns:
                yield TurnStarted(f"turn_{len(self.asked)}", request.session_id or "session_1", self.model)
            while (event := await self._turn.get()) is not None:
                yield event
                if type(event).__name__ in ("TurnFinished", "TurnStopped", "TurnFailed"):
                    return
        finally:
            self.closed_turns += 1

    async def stop_turn(self, turn_id: str) -> bool:
        self.stopped.append(turn_id)
        return True

    async def answer_question(self, question_id: str, choice: str) -> bool:
        self.answered.append((question_id, choice))
        return self.question_open

    async def new_session(self) -> str:
        self.sessions += 1
        return f"new_{self.sessions}"

    async def latest_session(self) -> SessionView | None:
        return self.session

    async def show_session(self, session_id: str) -> SessionView:
        if session_id not in self.sessions_kept:
            raise UserError("unknown_session", "There is no such chat.")
        return self.sessions_kept[session_id]

    async def list_inbox(self, everything: bool = False) -> tuple[InboxView, ...]:
        if self.list_inbox_error is not None:
            raise self.list_inbox_error
        return tuple(entry for entry in self.entries.values() if everything or entry.state == "open")

    async def approve_parked(self, entry_id: str, call_hash: str) -> InboxView:
        return self._answer_entry("approve", entry_id, "done", call_hash)

    async def deny_parked(self, entry_id: str) -> InboxView:
        return self._answer_entry("deny", entry_id, "denied")

    async def notices_status(self) -> NotificationsStatus:
        unseen = sum(notice.unseen for notice in self.notices.values())
        return NotificationsStatus(0, self.quiet_until, unseen)

    async def list_notices(self, everything: bool = False) -> tuple[NoticeView, ...]:
        self.notice_lists += 1
        return tuple(one for one in self.notices.values() if everything or one.state in LIVE)

    async def see_notices(self, ids: tuple[str, ...]) -> None:
        self._note("see", ids)
        for notice_id in ids:
            self.notices[notice_id] = replace(self.notices[notice_id], unseen=False)

    async def open_notice(self, notice_id: str) -> NoticeView:
        self._note("open", notice_id)
        return self.notices.pop(notice_id)

    async def dismiss_notices(self, ids: tuple[str, ...]) -> None:
        self._note("dismiss", ids)
        for notice_id in ids or tuple(self.notices):
            del self.notices[notice_id]

    async def snooze_notice(self, notice_id: str, seconds: float) -> NoticeView:
        self._note("snooze", notice_id, seconds)
        return self.notices[notice_id]

    async def weigh_topic(self, topic: str, wish: str) -> None:
        self._note("weigh", topic, wish)

    async def quiet_notices(self, seconds: float | None) -> NotificationsStatus:
        self._note("quiet", seconds)
        return await self.notices_status()

    def _note(self, *call: object) -> None:
        if self.notice_error is not None:
            raise self.notice_error
        self.notice_calls.append(call)

    def _answer_entry(self, verb: str, entry_id: str, state: InboxState, *words: str) -> InboxView:
        self.inbox_calls.append((verb, entry_id, *words))
        if self.inbox_error is not None:
            raise self.inbox_error
        self.entries[entry_id] = replace(self.entries[entry_id], state=state, outcome=f"It is {state}.")
        return self.entries[entry_id]

    async def give_feedback(
        self, turn_id: str | None = None, mark: Mark | None = None, note: str | None = None
    ) -> FeedbackView:
        if mark is not None and self.mark_error is not None:
            raise self.mark_error
        if turn_id is None or turn_id in self.unmarkable:
            raise UserError("unknown_answer", "There is no such answer in memory.")
        if mark is not None:
            self.marks[turn_id] = mark
        return FeedbackView(turn_id, "", self.marks.get(turn_id, "none"), "")

    async def status(self) -> Status:
        return Status(
            "0.1.0", 1, 1.0, "tray", "/nowhere",
            ModelStatus(self.model, self.state if self.model else "unloaded", None, 32_768, None),
            MemoryStatus({}, 0, False), PowerStatus("unknown", None, None), HealthStatus({}, 0.0, None),
            SchedulerStatus(None, None), self.sandbox, "",
        )  # fmt: skip

    async def list_models(self) -> tuple[ModelView, ...]:
        if self.list_error is not None:
            raise self.list_error
        return self.models

    async def pull_model(self, model_id: str) -> AsyncIterator[ModelPulled]:
        if self.pull_error is not None:
            raise self.pull_error
        while True:
            pulled = await self._pull.get()
            yield pulled
            if pulled.done or pulled.state == "paused":
                return

    async def use_model(self, model_id: str) -> ModelView:
        if self.use_error is not None:
            raise self.use_error
        self.used.append(model_id)
        return GOOD

    async def watch(self) -> AsyncIterator[AgentEvent]:
        while True:
            yield await self._events.get()

    async def warm_up(self) -> None:
        self.warmed += 1

    async def encryption(self) -> EncryptionView:
        return self.protection

    async def check_secret_store(self, store: str) -> str:
        assert store == "keyring"
        if self.keyring_error is not None:
            raise self.keyring_error
        return "none"

    async def change_encryption(
        self, action: KeyAction, holder: str | None = None, path: str | None = None
    ) -> KeyChange:
        if self.change_error is not None:
            raise self.change_error
        self.changes.append((action, holder))
        if action == "off":
            return KeyChange(False, "none")
        return KeyChange(True, "keyring", CODE if action in ("on", "new_code") else "", left=self.left)

    async def remember(self, text: str) -> MemoryHit:
        raise NotImplementedError

    async def recall(self, query: str, k: int = 10) -> RecallAnswer:
        raise NotImplementedError

    async def forget(self, ids: tuple[str, ...]) -> ErasureView:
        raise NotImplementedError

    async def check(self, repair: bool = False) -> tuple[Finding, ...]:
        raise NotImplementedError

    async def list_grants(self) -> tuple[GrantView, ...]:
        raise NotImplementedError

    async def add_grant(self, capability: str, scope: str) -> GrantView:
        raise NotImplementedError

    async def remove_grant(self, grant_id: str) -> bool:
        raise NotImplementedError

    async def request_window(self, action: Literal["show", "toggle"]) -> bool:
        raise NotImplementedError
