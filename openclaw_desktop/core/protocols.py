"""What siblings need of one another, without knowing one another; `runtime` hands the real parts over.

Owns the protocols alone. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from openclaw_desktop.core.events import Question
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import CallOutcome, Message, Receipt, ToolCall, ToolSpec, Usage
from openclaw_desktop.core.power import PowerLevel, Presence
from openclaw_desktop.core.sentences import Passage

# "aside": a short question of the agent's own within a turn, as urgent as the chat and without a place in its prompt.
Lane = Literal["chat", "aside", "background"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked. `schema`: the JSON Schema that the reply must fit; None for plain text.

    `model`: the id of the model that the prompt was made for; "" for any. `stable`: so many messages at the start are
    the same in every prompt of this kind, so that what the model computed of them is worth keeping. `lane`: work that
    nobody waits for must not push the chat out of the model's memory. `turn_id` and `job` ("extract", "score") say for
    what its tokens are counted; "" where nothing of the turn is kept.
    """

    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 512
    temperature: float = 0.0
    model: str = ""
    stable: int = 0
    lane: Lane = "chat"
    turn_id: str = ""
    job: str = ""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text from the model."""

    text: str


@dataclass(frozen=True, slots=True)
class TextDropped:
    """The model died and is asked again: drop its text so far. `reason` is a sentence for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class CompletionDone:
    """The model is done. `stop` says why: its own end, the token limit, or a cancel.

    `model`: the id of the one that wrote it; "" where that can only be the one that was asked.
    """

    usage: Usage
    stop: str
    model: str = ""


CompletionEvent = TextDelta | TextDropped | CompletionDone


class Complete(Protocol):
    """Ask the model in use. Closing the iterator cancels."""

    def __call__(self, prompt: Prompt) -> AsyncIterator[CompletionEvent]:
        """Yield text until CompletionDone; raises UserError where no model can answer."""
        ...


class Weigh(Protocol):
    """Ask the model in use which of some words it would begin its reply to a prompt with."""

    async def __call__(self, prompt: Prompt, choices: Sequence[str]) -> tuple[float, ...]:
        """Return a probability for each of `choices`, 1 in sum; raises UserError where no model can answer."""
        ...


class Embed(Protocol):
    """Turn texts into normalised vectors. `engine` and `version` name what made them."""

    engine: str
    version: str
    dimension: int

    async def __call__(self, texts: Sequence[str]) -> list[bytes]:
        """Return one little-endian float32 vector of `dimension` for each text."""
        ...


# From this relevance on a memory has to do with what was asked; below, it is only the best of nothing.
RELEVANT = 0.34


@dataclass(frozen=True, slots=True)
class Memory:
    """A remembered text, as prompts and tools see it. `relevance` (0-1) says how far it answers what was asked.

    `ended`: it holds no more.
    """

    id: str
    text: str
    label: Label
    created_at: str
    relevance: float = 0.0
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many memories there were and are no more; `pending`: a sentence on what is not done yet, "" where all is."""

    count: int
    pending: str = ""


class Forget(Protocol):
    """Erase memories."""

    async def __call__(self, ids: Sequence[str], asked_in: str | None = None) -> Forgotten:
        """Erase `ids`; the question of the turn `asked_in` goes with them."""
        ...


class CountAlong(Protocol):
    """Look how far an erasure reaches."""

    async def __call__(self, ids: Sequence[str]) -> int:
        """Return how many other memories go with `ids`: what says the same, and what was made of them."""
        ...


class Recall(Protocol):
    """Find memories."""

    async def __call__(self, query: str, k: int) -> tuple[Memory, ...]:
        """Return up to `k` memories, best first."""
        ...


class Remember(Protocol):
    """Keep a text."""

    async def __call__(self, text: str, label: Label, session_id: str | None, turn_id: str | None) -> Memory:
        """Return the kept memory after its commit."""
        ...


@dataclass(frozen=True, slots=True)
class CallScene:
    """What a call needs to know about the turn that it belongs to.

    `context` is the label of all text in the prompt. `attached` are the paths that the user gave by hand with this
    question: a permission to read them, for this turn alone. `result_tokens`: how much of a result the prompt has room
    for. `texts`: what the model has read, the user's request first, each with its label, so that a question can name
    where an argument comes from. `behind`: the call may need what an earlier one of its plan is to do, and that
    waits for an answer: it waits too, whatever it may do otherwise.
    """

    session_id: str
    turn_id: str
    context: Label
    folder: str | None = None
    incognito: bool = False
    attached: tuple[str, ...] = ()
    result_tokens: int = 1500
    texts: tuple[Message, ...] = ()
    behind: bool = False


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gives back: text for the model with its label, and the receipts that prove what was done.

    `data`: the same for programs, as JSON. `error`: a sentence, where it did not succeed; a tool may raise UserError in
    its place. `execution_ms`: set by who runs it. `undo`: what the tool's `undo` needs to take it back, as JSON.
    """

    text: str
    label: Label
    receipts: tuple[Receipt, ...] = ()
    data: Any = None
    error: str = ""
    execution_ms: float = 0.0
    undo: Mapping[str, Any] | None = None

    @property
    def success(self) -> bool:
        """True where the tool did what it was called for."""
        return not self.error


class Tool(Protocol):
    """One tool. `freeze` makes the authority arguments canonical before the gate; `run` then does exactly that call."""

    spec: ToolSpec

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with canonical authority arguments; raises UserError where they make no sense."""
        ...

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Do the frozen call; raises UserError where it fails."""
        ...


@runtime_checkable
class Undoes(Protocol):
    """A tool that can take back what it did."""

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Take back the call that gave `token` as its `undo`; return a sentence. Raises UserError where it can't."""
        ...


@runtime_checkable
class Previews(Protocol):
    """A tool that can show what a call would do, such as the diff of a write."""

    async def preview(self, call: ToolCall, scene: CallScene) -> str:
        """Return what the frozen `call` would change, for the question about it; "" where there is nothing to show."""
        ...


@dataclass(frozen=True, slots=True)
class PlainForm:
    """A plain request that needs no model: where `pattern` matches the whole of what the user said, `tool` is called.

    `arguments` makes the call's arguments from the match, None where it is not that request after all. Patterns are
    narrow: what is not certain is left to the model.
    """

    pattern: re.Pattern[str]
    tool: str
    arguments: Callable[[re.Match[str]], Mapping[str, Any] | None]


class ToolProvider(Protocol):
    """Offers tools: the built-in ones, the servers of MCP, plugins."""

    def tools(self) -> Sequence[Tool]:
        """Return what is on offer by now."""
        ...


@dataclass(frozen=True, slots=True)
class WebRequest:
    """One request to the web. `secrets`: header names and the `secret:name` that the broker puts there.

    A secret's header is `secret:name`, `Bearer secret:name` or `Basic USER:secret:name`, which the broker encodes.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    secrets: Mapping[str, str] = field(default_factory=dict)
    limit_bytes: int = 2_000_000
    timeout_s: float = 20.0


@dataclass(frozen=True, slots=True)
class WebResponse:
    """What came back. `url`: where it came from in the end. `truncated`: there was more than the limit."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool = False


class Fetch(Protocol):
    """The one way to the network: addresses are checked, sizes and times capped, secrets put in for their one host."""

    async def __call__(self, request: WebRequest, hosts: Sequence[str]) -> WebResponse:
        """Do `request`; it and its redirects go to `hosts` alone. Raises UserError.

        `host`, `*.host` and `*` (any) mean public addresses, by https at its own port. `host:port` is that port alone,
        by http too, and an address of this machine or network where `host` is one or is a local name.
        """
        ...


class Connection(Protocol):
    """A raw stream to the one host that was dialled."""

    async def read(self, limit_bytes: int = 65_536) -> bytes:
        """Return the next bytes, b"" at the end; raises UserError: it failed, is silent, or sends too much."""
        ...

    async def write(self, data: bytes) -> None:
        """Send `data`; raises UserError."""
        ...

    async def write_secret(self, name: str, make: Callable[[str], bytes]) -> None:
        """Send what `make` makes of the secret `name`, which must be for this host; raises UserError before TLS."""
        ...

    async def start_tls(self) -> None:
        """Go on encrypted (STARTTLS), the certificate checked; raises UserError."""
        ...

    async def close(self) -> None:
        """End it; a second time does nothing."""
        ...


class Dial(Protocol):
    """The one way to the network for what is not HTTP: the same checks of the address, TLS verified, bytes capped."""

    async def __call__(
        self, host: str, port: int, *, tls: bool = True, limit_bytes: int = 64_000_000, timeout_s: float = 20.0
    ) -> Connection:
        """Connect to a host that the user named. Raises UserError.

        `tls` False is for STARTTLS. `limit_bytes`: of all that is read. `timeout_s`: for connecting, and then for each
        read and write.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What the agent must know of a model: whether it can call tools, and how many tokens it reads.

    `leaves_machine`: what it is asked goes to another machine.
    """

    id: str
    title: str
    size_bytes: int
    calls_tools: bool
    context_tokens: int
    leaves_machine: bool = False


class Ask(Protocol):
    """Put a question to the user and wait."""

    async def __call__(self, question: Question) -> str:
        """Return the id of the choice; "no" where nobody answers."""
        ...


SecretStoreName = Literal["keyring", "file", "session"]
# "none": nothing to ask. "typed": the passphrase of the file that is there. "new": one to make the file with.
PassphraseNeed = Literal["none", "typed", "new"]


class Secrets(Protocol):
    """Hand out a secret for the one host that it was given for."""

    async def get(self, name: str, host: str) -> str | None:
        """Return the value for a request to exactly `host` (no port); None where there is no secret of that name.

        Raises UserError for any other host, and where the store is locked, broken or does not answer in time.
        """
        ...


class Execute(Protocol):
    """Carry out one call: freeze, gate, ask, run."""

    async def __call__(
        self, call: ToolCall, scene: CallScene, ask: Ask | None
    ) -> tuple[CallOutcome, tuple[Receipt, ...]]:
        """Return the outcome and its receipts; what goes wrong with it is its outcome. `ask`: None if unattended."""
        ...


class PermitPlan(Protocol):
    """Ask one question about several calls, before the first of them runs."""

    async def __call__(self, calls: Sequence[ToolCall], scene: CallScene, ask: Ask | None) -> bool | None:
        """Return whether the user allowed exactly these calls, once each; None where one question is not needed.

        What is run is held to what was shown: another call, or the same one later, is asked about by itself.
        """
        ...


# "background": nobody waits for it. "due": its time has come, whoever is at the machine. "now": the user asked for it.
Urgency = Literal["background", "due", "now"]


class Permit(Protocol):
    """Say whether work may run: whoever works in the background asks before each piece."""

    def may_run(self, kind: str, urgency: Urgency) -> bool:
        """True where work of this kind disturbs nobody by now."""
        ...


class Conditions(Permit, Protocol):
    """The same, with what it is decided by."""

    @property
    def power(self) -> PowerLevel:
        """How much the machine can spare."""
        ...

    @property
    def presence(self) -> Presence:
        """Whether somebody is at it."""
        ...

    def why_not(self, kind: str, urgency: Urgency) -> str:
        """Return why work of this kind must wait, as words after "waits": "for mains"; "" where it may run."""
        ...


class StayAwake(Protocol):
    """Keep the machine from falling asleep over a run."""

    def __call__(self, why: str) -> AbstractAsyncContextManager[None]:
        """Hold sleep off inside, while the machine is on mains; where that can't be done, the run goes on without.

        `why`: a few words of ours. The system, which shows its own to every user of the machine, is told of no name.
        """
        ...


class Metered(Protocol):
    """Count what a run takes of the processor, besides what the model takes for it."""

    def __call__(self, job: str) -> AbstractContextManager[None]:
        """Note it in the energy ledger under `job` at the end."""
        ...


@dataclass(frozen=True, slots=True)
class PromptDone:
    """What came of a job's prompt. `session_id`: the chat that it is kept as; `parked`: how many of its calls wait.

    `error`: why there is no answer, "" where there is one. `again`: nothing had been done by then.
    """

    text: str
    label: Label
    session_id: str
    parked: int = 0
    error: str = ""
    again: bool = False


class RunPrompt(Protocol):
    """Run the prompt of a job: in a chat of its own, at the background's cost, with nobody there to be asked."""

    async def __call__(self, text: str, label: Label, *, turn_id: str, job: str, timeout_s: float) -> PromptDone:
        """Return what came of it; `label`: of `text`, and nothing that it does is judged by a better one.

        `turn_id`: of the turn that is made; `job`: for what its tokens are counted. What it may not do waits in the
        inbox or is refused.
        """
        ...


@dataclass(frozen=True, slots=True)
class OfferedFact:
    """What a model takes for a fact, with the turn that it was read in: to be checked before it is believed."""

    text: str
    turn_id: str


class ExtractFacts(Protocol):
    """Ask the loaded model for the facts of some passages."""

    async def __call__(self, passages: Sequence[Passage]) -> Sequence[OfferedFact]:
        """Return what it offers; nothing where no model is loaded. Raises UserError where it can't answer."""
        ...


class ScoreImportance(Protocol):
    """Ask the loaded model how much a text will matter."""

    async def __call__(self, passage: Passage) -> float | None:
        """Return 0 to 1; None where no model is loaded or it said nothing of use. Raises UserError as above."""
        ...
