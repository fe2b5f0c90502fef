"""What front ends see of the machine over time, and the commands about it.

Owns the values and the commands. Must not know how anything is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class MetricView:
    """One point of a series: so many values from `at` (ISO time) on, for `seconds`. The name's ending is the unit."""

    name: str
    at: str
    seconds: int
    samples: int
    mean: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class PresenceHour:
    """One hour of the week (0 is Monday): seconds seen, and seconds with somebody there; older ones weigh less."""

    weekday: int
    hour: int
    seen_s: float
    present_s: float


@dataclass(frozen=True, slots=True)
class PresenceView:
    """The user's rhythm as far as it is known, and when seldom anybody is there next; "" where nothing says so."""

    hours: tuple[PresenceHour, ...]
    next_quiet: str


class MachineCommands(Protocol):
    """The commands about the machine. They are for the command line and the window, never for a tool."""

    async def metrics(self, name: str, hours: int) -> tuple[MetricView, ...]:
        """Return the points of a series ("" for the newest of each) of the last hours; raises UserError."""
        ...

    async def presence(self) -> PresenceView:
        """Return the user's rhythm; raises UserError."""
        ...

    async def forget_presence(self) -> None:
        """Forget the user's rhythm; it is learnt anew from now on. Raises UserError."""
        ...
