"""Whether work that nobody waits for may run: on mains, with nobody at the machine and nothing asked for five minutes.

Owns that rule, until power levels come. Must not know what the work is. Loop.
"""

from __future__ import annotations

from collections.abc import Callable

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.protocols import Urgency
from openclaw_desktop.system.battery import Power

IDLE_S = 300.0


class LowActivity:
    """`core.protocols.Permit` over the machine's battery and input."""

    def __init__(
        self,
        read_power: Callable[[], Power],
        idle_s: Callable[[], float | None],
        is_busy: Callable[[], bool],
        clock: Clock,
    ) -> None:
        """`idle_s`: None where the system won't say, as without a screen; then the agent's own last turn decides."""
        self._read_power = read_power
        self._idle_s = idle_s
        self._is_busy = is_busy
        self._clock = clock
        self._touched_s = clock.monotonic_s()

    def touch(self) -> None:
        """Note that the user has just used the agent, by whatever way."""
        self._touched_s = self._clock.monotonic_s()

    def may_run(self, kind: str, urgency: Urgency) -> bool:
        """True where the user asked for it, or it disturbs nobody."""
        if urgency == "now":
            return True
        if self._is_busy() or self._clock.monotonic_s() - self._touched_s < IDLE_S:
            return False
        idle_s = self._idle_s()
        return (idle_s is None or idle_s >= IDLE_S) and self._read_power().source != "battery"
