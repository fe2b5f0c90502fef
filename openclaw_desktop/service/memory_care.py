"""The daily care of memory: what is no longer recent moves on, and what has come to its end is erased.

Owns when an end needs a word of the user's first. Must not know how a memory is erased. Loop.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.text import tr
from openclaw_desktop.memory.tiers import Aged, TierLimits, age
from openclaw_desktop.service.api import Finding
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.settings import MemorySettings

log = logging.getLogger(__name__)


def tier_limits(settings: MemorySettings) -> TierLimits:
    """Return the limits that the settings name."""
    return TierLimits(
        settings.short_term_days, settings.short_term_turns, settings.archive_days, settings.keep_turns_days
    )


class MemoryCare:
    """Looks after the tiers. `erase`: how memories end, and returns how many did."""

    def __init__(
        self, database: Database, limits: TierLimits, clock: Clock, erase: Callable[[Sequence[str]], Awaitable[object]]
    ) -> None:
        self._database = database
        self._limits = limits
        self._clock = clock
        self._erase = erase
        self._held_back = 0

    async def tidy(self, confirmed: bool = False) -> Aged:
        """Let turns age and erase what has ended; so much at once that the clock may be wrong waits for `confirmed`."""
        aged = await age(self._database, self._limits, self._clock.now())
        self._held_back = 0
        if aged.too_many and not confirmed:
            self._held_back = len(aged.ending)
            log.warning("%d of %d memories would end at once; the user is asked", len(aged.ending), aged.total)
        elif aged.ending:
            await self._erase(aged.ending)
        return aged

    def finding(self) -> Finding | None:
        """Return what the doctor has to say about ends that wait; None where none does."""
        if not self._held_back:
            return None
        return Finding(
            "memory ends",
            "warning",
            tr("{count} memories have come to their end, more than a fifth at once.", count=self._held_back),
            tr("If the clock is right and you mean it: openclaw-agent memory tidy --yes"),
        )
