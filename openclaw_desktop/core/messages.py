"""What passes between user, model and tools.

Owns the plain values of a conversation. Must not know how they are stored, shown or sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from openclaw_desktop.core.labels import SYSTEM, Label

Role = Literal["system", "user", "assistant", "tool"]
CallStatus = Literal["done", "failed", "denied", "parked"]
Effect = Literal["read", "local-reversible", "local-irreversible", "outbound", "guarded"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a session, with the label of its text."""

    role: Role
    text: str
    label: Label


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for. Arguments are data until the gate has seen them."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What a tool is: its JSON Schema, what it does to the world and which arguments carry authority.

    `capability` names the grant that a call needs (`file:read`); None where the tool touches only the agent's own data.
    `timeout_s` and `output_limit_bytes` are its limits. `undoable`: it can be taken back. `source`: who offers
    it, "" for our own, else such as `mcp:files`: its name and description are then untrusted text.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    effect: Effect
    capability: str | None = None
    authority: tuple[str, ...] = ()
    timeout_s: float = 10.0
    output_limit_bytes: int = 1_000_000
    undoable: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """What became of a call: its result or its error, never both. `label` is the label of that text.

    `unclear`: it failed because only the user can say what was meant, and the error asks them. `data`: the result for
    programs, where it has one. `took_ms`: how long the tool ran, without the questions before it. `undo_id`: what
    `undo` takes back, "" where nothing can be. `inbox_id`: where it waits for an answer, if it is "parked".
    """

    id: str
    name: str
    arguments: Mapping[str, Any]
    status: CallStatus
    result: str | None = None
    error: str | None = None
    label: Label = SYSTEM
    unclear: bool = False
    data: Any = None
    took_ms: float = 0.0
    undo_id: str = ""
    inbox_id: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof, made by code, that an action happened: `kind` such as `memory.saved`, `text` such as "saved"."""

    kind: str
    text: str
    call_id: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one turn. `cached_tokens` of the prompt needed no new work."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0

    def plus(self, other: Usage) -> Usage:
        """Return the sum of both."""
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a turn took, in milliseconds. `first_token_ms` is None where no text came."""

    first_token_ms: float | None
    total_ms: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished turn, whole."""

    turn_id: str
    session_id: str
    answer: str
    model: str | None
    label: Label
    tool_calls: tuple[CallOutcome, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    memories_used: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)
    timing: Timing = Timing(None, 0.0)
    offered_model: str | None = None
