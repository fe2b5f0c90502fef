"""AgentService: the one typed API that every front end uses.

Owns the commands, their values and nothing else. `local.py` answers them in the agent's process, `remote.py` over
`run/agent.sock`. Must not know any front end.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

from openclaw_desktop.core.events import AgentEvent, ModelPulled, ModelState, TurnEvent
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Role

MESSAGE_LIMIT_CHARS = 16_000


@dataclass(frozen=True, slots=True)
class AskRequest:
    """One message of the user.

    `attended`: somebody is there to answer questions. `folder`: where relative paths are looked for first.
    `files`: absolute paths that the user attached by hand. `timeout_s`: None waits as long as it takes.
    """

    text: str
    session_id: str | None = None
    attended: bool = False
    tools: bool = True
    incognito: bool = False
    files: tuple[str, ...] = ()
    folder: str | None = None
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class SessionMessage:
    """One stored message, as a front end shows it.

    `receipts` are the texts of its receipts; `untrusted`: it is built on text that the user did not write.
    """

    turn_id: str
    role: Role
    text: str
    model: str | None
    created_at: str
    receipts: tuple[str, ...] = ()
    untrusted: bool = False


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session and its messages, oldest first."""

    session_id: str
    messages: tuple[SessionMessage, ...]


@dataclass(frozen=True, slots=True)
class MemoryHit:
    """One memory, as `recall --json` prints it."""

    id: str
    text: str
    tier: str
    score: float
    why: str
    created_at: str
    source: str
    label: Label
    purpose: str


@dataclass(frozen=True, slots=True)
class RecallAnswer:
    """What `recall` found, best first."""

    query: str
    took_ms: float
    hits: tuple[MemoryHit, ...]


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model of the catalogue. `path` is None while its file is not on this machine."""

    id: str
    title: str
    size_bytes: int
    licence: str
    context_tokens: int
    calls_tools: bool
    path: str | None
    chosen: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class GrantView:
    """A standing permission: `capability` such as `file:read`, `scope` an absolute path."""

    id: str
    capability: str
    scope: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of `doctor`: what was looked at, whether it is well, and what to do if not."""

    check: str
    level: Literal["ok", "warning", "error"]
    sentence: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """The model in use. `name` is None where no model is present."""

    name: str | None
    state: ModelState
    path: str | None
    context_tokens: int
    tokens_per_s: float | None


@dataclass(frozen=True, slots=True)
class MemoryStatus:
    """Counts by tier and the size of the one file."""

    count: dict[str, int]
    db_bytes: int
    encrypted: bool


@dataclass(frozen=True, slots=True)
class PowerStatus:
    """What feeds the machine and how long nobody has touched it. None: this machine does not tell."""

    source: Literal["mains", "battery", "unknown"]
    battery_percent: float | None
    idle_s: float | None


@dataclass(frozen=True, slots=True)
class HealthStatus:
    """Memory by process role and processor use of all of them since the start."""

    rss_bytes: dict[str, int]
    cpu_percent: float
    last_error: str | None


@dataclass(frozen=True, slots=True)
class SchedulerStatus:
    """The next in-process housekeeping job."""

    next_job: str | None
    next_run: str | None


@dataclass(frozen=True, slots=True)
class SandboxStatus:
    """The level that the start-up self-test proved (0-3), the layers in force, and why it is not higher."""

    level: int
    layers: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What runs and how well. `mode`, `pid` and `uptime_s` are None where no agent is running."""

    version: str
    pid: int | None
    uptime_s: float | None
    mode: Literal["tray", "serve"] | None
    home: str
    model: ModelStatus
    memory: MemoryStatus
    power: PowerStatus
    health: HealthStatus
    scheduler: SchedulerStatus
    sandbox: SandboxStatus
    hotkey: str


class AgentService(Protocol):
    """Every command raises `UserError` with a sentence for people; iterators end when they are exhausted or closed."""

    def ask(self, request: AskRequest) -> AsyncGenerator[TurnEvent, None]:
        """Run one turn. Ends with TurnFinished, TurnStopped or TurnFailed; closing the iterator stops the turn."""
        ...

    async def stop_turn(self, turn_id: str) -> bool:
        """Stop a running turn; False if there is none of that id."""
        ...

    async def answer_question(self, question_id: str, choice: str) -> bool:
        """Answer a raised question with the id of one of its choices; False if it is no longer open."""
        ...

    async def new_session(self) -> str:
        """Begin a new chat and return its id."""
        ...

    async def latest_session(self) -> SessionView | None:
        """Return the chat last spoken in, whole; None before the first."""
        ...

    async def remember(self, text: str) -> MemoryHit:
        """Keep `text`, said by the user; returns after the commit."""
        ...

    async def recall(self, query: str, k: int = 10) -> RecallAnswer:
        """Find up to `k` memories, best first."""
        ...

    async def forget(self, ids: tuple[str, ...]) -> int:
        """Erase memories and return how many there were."""
        ...

    async def status(self) -> Status:
        """Say what runs and how well."""
        ...

    async def check(self, repair: bool = False) -> tuple[Finding, ...]:
        """Run the doctor's checks, with repairs where `repair` and a repair is safe."""
        ...

    async def list_models(self) -> tuple[ModelView, ...]:
        """List the catalogue and what of it is present."""
        ...

    def pull_model(self, model_id: str) -> AsyncGenerator[ModelPulled, None]:
        """Fetch a model and verify it while it streams; ends with `done`."""
        ...

    async def use_model(self, model_id: str) -> ModelView:
        """Choose the model that answers from now on."""
        ...

    async def list_grants(self) -> tuple[GrantView, ...]:
        """List the standing permissions."""
        ...

    async def add_grant(self, capability: str, scope: str) -> GrantView:
        """Add a standing permission."""
        ...

    async def remove_grant(self, grant_id: str) -> bool:
        """Take a standing permission back; `grant_id` may be the scope too. False if there is none."""
        ...

    async def request_window(self, action: Literal["show", "toggle"]) -> bool:
        """Ask the running tray to show or toggle its popup; False where no window listens."""
        ...

    def watch(self) -> AsyncGenerator[AgentEvent, None]:
        """Yield the agent's own events (model state, window requests, stopping) until closed."""
        ...
