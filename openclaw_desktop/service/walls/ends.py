"""Both ends of the commands about the walls: in the agent's process, and over its socket.

Owns the way of each command to where it is done. Must not know how. Loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from openclaw_desktop.service.walls.views import AuditVerdict, AuditView, InboxView

if TYPE_CHECKING:  # a front end that attaches has no use for it
    from openclaw_desktop.service.walls.desk import WallDesk

T = TypeVar("T")

WALL_COMMANDS = ("list_inbox", "approve_parked", "deny_parked", "show_audit", "verify_audit")


class LocalWalls(ABC):
    """`WallCommands` of the agent's own process."""

    @property
    @abstractmethod
    def wall_desk(self) -> WallDesk:
        """Who does them."""

    async def list_inbox(self, everything: bool = False) -> tuple[InboxView, ...]:
        """List the inbox."""
        return await self.wall_desk.list_inbox(everything)

    async def approve_parked(self, entry_id: str, call_hash: str) -> InboxView:
        """Do a parked call."""
        return await self.wall_desk.approve(entry_id, call_hash)

    async def deny_parked(self, entry_id: str) -> InboxView:
        """Say no to a parked call."""
        return await self.wall_desk.deny(entry_id)

    async def show_audit(self, count: int = 50) -> tuple[AuditView, ...]:
        """Return the last rows of the audit log."""
        return await self.wall_desk.show_audit(count)

    async def verify_audit(self) -> AuditVerdict:
        """Go through the audit log."""
        return await self.wall_desk.verify_audit()


class _Calls(Protocol):
    async def _call(self, method: str, kind: type[T], **params: Any) -> T: ...


class RemoteWalls:
    """`WallCommands` at the other end of a socket."""

    async def list_inbox(self: _Calls, everything: bool = False) -> tuple[InboxView, ...]:
        """List the inbox."""
        return await self._call("list_inbox", tuple[InboxView, ...], everything=everything)

    async def approve_parked(self: _Calls, entry_id: str, call_hash: str) -> InboxView:
        """Do a parked call."""
        return await self._call("approve_parked", InboxView, entry_id=entry_id, call_hash=call_hash)

    async def deny_parked(self: _Calls, entry_id: str) -> InboxView:
        """Say no to a parked call."""
        return await self._call("deny_parked", InboxView, entry_id=entry_id)

    async def show_audit(self: _Calls, count: int = 50) -> tuple[AuditView, ...]:
        """Return the last rows of the audit log."""
        return await self._call("show_audit", tuple[AuditView, ...], count=count)

    async def verify_audit(self: _Calls) -> AuditVerdict:
        """Go through the audit log."""
        return await self._call("verify_audit", AuditVerdict)
