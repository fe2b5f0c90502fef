"""AgentService: the one typed API that every front end uses.

Owns the commands, their values and nothing else. `local.py` answers them in the agent's process, `remote.py` over
`run/agent.sock`. Must not know any front end.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from openclaw_desktop.core.events import AgentEvent, ModelPulled, TurnEvent
from openclaw_desktop.core.messages import Effect, Role
from openclaw_desktop.core.protocols import PassphraseNeed, SecretStoreName
from openclaw_desktop.service.accounts.views import AccountCommands
from openclaw_desktop.service.jobs.views import JobCommands
from openclaw_desktop.service.machine.views import MachineCommands
from openclaw_desktop.service.mcp.views import McpCommands
from openclaw_desktop.service.memory.api import MemoryCommands
from openclaw_desktop.service.memory.key_views import EncryptionView, KeyAction, KeyChange
from openclaw_desktop.service.models.fit_report import FitReport
from openclaw_desktop.service.notices.views import NoticeCommands
from openclaw_desktop.service.status_views import Finding, LedgerView, Status
from openclaw_desktop.service.walls.views import WallCommands

MESSAGE_LIMIT_CHARS = 16_000


@dataclass(frozen=True, slots=True)
class AskRequest:
    """One message of the user.

    `attended`: somebody is there to answer questions. `folder`: where relative paths are looked for first.
    `files`: absolute paths that the user attached by hand. `timeout_s`: None waits as long as it takes. `call`: a tool
    to call with these `arguments`, in the place of any model.
    """

    text: str
    session_id: str | None = None
    attended: bool = False
    tools: bool = True
    incognito: bool = False
    files: tuple[str, ...] = ()
    folder: str | None = None
    timeout_s: float | None = None
    call: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolView:
    """A tool on offer. `capability`: the grant that it needs, "" for none. `source`: who offers it, "" for our own."""

    name: str
    description: str
    effect: Effect
    capability: str
    authority: tuple[str, ...]
    source: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SessionMessage:
    """One stored message, as a front end shows it.

    `receipts` are the texts of its receipts; `untrusted`: it is built on text that the user did not write, which came
    from `origins`.
    """

    turn_id: str
    role: Role
    text: str
    model: str | None
    created_at: str
    receipts: tuple[str, ...] = ()
    untrusted: bool = False
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session and its messages, oldest first."""

    session_id: str
    messages: tuple[SessionMessage, ...]


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model of the catalogue, or of the user's own. `path` is None while its file is not on this machine.

    `part_bytes`: what a stopped download has left. `kind`: "chat", or "embedding", which is never chosen to answer.
    `recommended`: offered first. `endpoint`: the URL of the server that has it, "" for a file. `leaves_machine`: what
    it is asked goes to another machine.
    """

    id: str
    title: str
    size_bytes: int
    licence: str
    context_tokens: int
    calls_tools: bool
    path: str | None
    chosen: bool
    problem: str = ""
    part_bytes: int = 0
    own: bool = False
    kind: Literal["chat", "embedding"] = "chat"
    recommended: bool = False
    endpoint: str = ""
    leaves_machine: bool = False


@dataclass(frozen=True, slots=True)
class RemovedModel:
    """A model that was removed. `kept_path`: a file of the user's that was left where it is.

    `answering`: the title of the model that answers now, where the removed one did; None: nothing changed, or none is
    left.
    """

    id: str
    title: str
    freed_bytes: int
    kept_path: str | None
    was_in_use: bool
    answering: str | None


@dataclass(frozen=True, slots=True)
class GrantView:
    """A standing permission: `capability` such as `file:read`, `scope` an absolute path."""

    id: str
    capability: str
    scope: str
    created_at: str


@dataclass(frozen=True, slots=True)
class BackupView:
    """A copy of the memory. `reason`: "hourly", "daily", "by-hand", "before-…". `ok`: read through and found whole.

    `note`: what else is to be known of it, such as why it is not.
    """

    name: str
    made_at: str
    reason: str
    size_bytes: int
    ok: bool
    path: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class RestoreView:
    """What a restore did. `kept`: where the memory is that was there before. `erased`: ids that stay erased.

    `was_plain`: the copy was not encrypted, and the memory is. `salvaged`: a sentence on what came of a damaged file.
    """

    name: str
    kept: str | None
    erased: int
    was_plain: bool = False
    salvaged: str = ""


@dataclass(frozen=True, slots=True)
class SecretView:
    """What may be known of a secret: never its value. `host` is the one that it is sent to."""

    name: str
    host: str
    store: SecretStoreName
    created_at: str


@dataclass(frozen=True, slots=True)
class ConsolidationView:
    """What a run did. `changes`: how many by kind, "held" what waits for a word of the user's.

    `unread`: memories that wait still.
    `run_id`: what `memory undo` takes back, None where nothing changed. `stopped`: why not all was done, or "".
    `missing_bytes`: over the user's limit; `missing_disk_bytes`: less than what must stay free on the disk.
    """

    read: int
    changes: dict[str, int]
    unread: int
    run_id: int | None
    stopped: Literal["", "slice", "permit", "disk"]
    missing_bytes: int
    missing_disk_bytes: int


class AgentService(
    MemoryCommands, WallCommands, McpCommands, AccountCommands, MachineCommands, NoticeCommands,
    JobCommands, Protocol,
):  # fmt: skip
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

    async def show_session(self, session_id: str) -> SessionView:
        """Return a chat, whole."""
        ...

    async def status(self) -> Status:
        """Say what runs and how well."""
        ...

    async def ledger(self, days: int = 1) -> tuple[LedgerView, ...]:
        """Return what the model cost in the last `days` days, newest first."""
        ...

    async def check(self, repair: bool = False) -> tuple[Finding, ...]:
        """Run the doctor's checks, with repairs where `repair` and a repair is safe."""
        ...

    async def list_models(self, look_around: bool = False) -> tuple[ModelView, ...]:
        """List the catalogue, what of it is present, and the endpoints' models.

        `look_around`: ask every endpoint which it has, and look for servers on this machine.
        """
        ...

    async def fit_models(self, context_tokens: int | None = None) -> FitReport:
        """Say how each model would run on this machine with that context; None: the setting's."""
        ...

    def pull_model(self, model_id: str) -> AsyncGenerator[ModelPulled, None]:
        """Fetch a model and verify it while it streams; ends with `done`, or with "paused".

        Closed, it keeps what has arrived; called again, it goes on from there.
        """
        ...

    async def pause_pull(self, model_id: str) -> bool:
        """Pause a running download, whoever began it; False if there is none."""
        ...

    async def add_model(self, path: str, copy: bool = False) -> ModelView:
        """Take up the GGUF file at the absolute `path`, where it lies or as a copy in the models folder."""
        ...

    async def add_endpoint(
        self, url: str, name: str | None = None, key: str | None = None, model: str | None = None
    ) -> tuple[ModelView, ...]:
        """Add the OpenAI-compatible endpoint at `url` and return its models; `key` is `secret:NAME`, never a value."""
        ...

    async def remove_model(self, model_id: str) -> RemovedModel:
        """Delete a model's file, or forget one that lies outside the models folder, or an endpoint by its name."""
        ...

    async def use_model(self, model_id: str) -> ModelView:
        """Choose the model that answers from now on."""
        ...

    async def warm_up(self) -> None:
        """Begin to load the model, because a question is likely to come; returns before it is loaded."""
        ...

    async def list_tools(self) -> tuple[ToolView, ...]:
        """List the tools on offer."""
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

    async def check_secret_store(self, store: SecretStoreName) -> PassphraseNeed:
        """Return which passphrase `set_secret` needs for `store`; raises where no secret can be kept there."""
        ...

    async def set_secret(
        self, name: str, host: str, value: str, store: SecretStoreName, passphrase: str | None = None
    ) -> SecretView:
        """Keep a secret for requests to `host` alone."""
        ...

    async def list_secrets(self) -> tuple[SecretView, ...]:
        """List the secrets without their values."""
        ...

    async def remove_secret(self, name: str) -> bool:
        """Forget a secret; False if there is none of that name."""
        ...

    async def unlock_secrets(self, passphrase: str) -> None:
        """Open the passphrase file until the agent ends."""
        ...

    async def encryption(self) -> EncryptionView:
        """Say whether the memory file is encrypted, and what holds its key."""
        ...

    async def change_encryption(
        self, action: KeyAction, holder: Literal["keyring", "file"] | None = None, path: str | None = None
    ) -> KeyChange:
        """Turn encryption on or off, or change key or recovery code; the old file stays until the new one is verified.

        `holder`: what holds the key, with the absolute `path` for a file; None: as it is, or as the machine offers.
        Once a new recovery code was shown, "code_kept" says so.
        """
        ...

    async def consolidate_memories(self) -> ConsolidationView:
        """Read what was said for facts, weigh what is known and sum up what is old, now; one run that can be undone."""
        ...

    async def create_backup(self) -> BackupView:
        """Make a copy of the memory now."""
        ...

    async def list_backups(self) -> tuple[BackupView, ...]:
        """List the copies, newest first, each read through."""
        ...

    async def request_window(self, action: Literal["show", "toggle"]) -> bool:
        """Ask the running tray to show or toggle its popup; False where no window listens."""
        ...

    def watch(self) -> AsyncGenerator[AgentEvent, None]:
        """Yield the agent's own events (model state, window requests, stopping) until closed."""
        ...
