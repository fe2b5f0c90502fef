"""Both ends of the commands about the machine: in the agent's process, and over its socket.

Owns the way of each command to where it is done. Must not know how. Loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from openclaw_desktop.service.machine.views import MetricView, PresenceView

if TYPE_CHECKING:
    from openclaw_desktop.service.machine.care import MachineCare

T = TypeVar("T")

MACHINE_COMMANDS = ("metrics", "presence", "forget_presence")


class LocalMachine(ABC):
    """`MachineCommands` of the agent's own process."""

    @property
    @abstractmethod
    def machine_care(self) -> MachineCare:
        """Who does them."""

    async def metrics(self, name: str, hours: int) -> tuple[MetricView, ...]:
        """Return a series."""
        return await self.machine_care.series(name, hours)

    async def presence(self) -> PresenceView:
        """Return the rhythm."""
        return await self.machine_care.presence()

    async def forget_presence(self) -> None:
        """Forget the rhythm."""
        await self.machine_care.watch.rhythm.erase()


class _Calls(Protocol):
    async def _call(self, method: str, kind: type[T], **params: Any) -> T: ...


class RemoteMachine:
    """`MachineCommands` at the other end of a socket."""

    async def metrics(self: _Calls, name: str, hours: int) -> tuple[MetricView, ...]:
        """Return a series."""
        return await self._call("metrics", tuple[MetricView, ...], name=name, hours=hours)

    async def presence(self: _Calls) -> PresenceView:
        """Return the rhythm."""
        return await self._call("presence", PresenceView)

    async def forget_presence(self: _Calls) -> None:
        """Forget the rhythm."""
        await self._call("forget_presence", type(None))
