"""What front ends see of the walls: the inbox and the audit log.

Owns the values and the commands. Must not know how they are done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from openclaw_desktop.core.events import ShownCall

InboxState = Literal["open", "running", "done", "failed", "denied", "expired", "unknown"]


@dataclass(frozen=True, slots=True)
class InboxView:
    """A call that waits, or waited, for an answer.

    `call`: as it would run; hidden characters are visible. `origins`: the texts that the user did not write and the
    model had read. `call_hash`: what a yes is for. `outcome`: a sentence, once it is no longer open.
    """

    id: str
    tool: str
    capability: str
    call: ShownCall
    reason: str
    origins: tuple[str, ...]
    session_id: str | None
    turn_id: str
    call_hash: str
    created_at: str
    expires_at: str
    answered_at: str | None
    state: InboxState
    outcome: str


@dataclass(frozen=True, slots=True)
class AuditView:
    """One row of the audit log. `target`: what it was about, "" where that was erased or is not kept."""

    id: int
    at: str
    call_ref: str
    turn_id: str
    tool: str
    capability: str
    event: str
    value: str
    reason: str
    integrity: str
    confidentiality: str
    sandbox: str
    target: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """Whether the audit log is as it was written. `broken`: the number of the first row that is not; None: all are."""

    rows: int
    broken: int | None
    problem: str


@dataclass(frozen=True, slots=True)
class InboxStatus:
    """How many calls of unattended work wait for an answer."""

    pending: int = 0


class WallCommands(Protocol):
    """The commands about the walls. Those of the inbox are answered from a window or a real terminal alone."""

    async def list_inbox(self, everything: bool = False) -> tuple[InboxView, ...]:
        """List what waits for an answer, oldest first; `everything`: what was answered or expired, too."""
        ...

    async def approve_parked(self, entry_id: str, call_hash: str) -> InboxView:
        """Do a parked call, once, if it is still the one that was shown, and return how it ended."""
        ...

    async def deny_parked(self, entry_id: str) -> InboxView:
        """Say no to a parked call."""
        ...

    async def show_audit(self, count: int = 50) -> tuple[AuditView, ...]:
        """Return the last rows of the audit log, oldest first."""
        ...

    async def verify_audit(self) -> AuditVerdict:
        """Go through the whole audit log."""
        ...
