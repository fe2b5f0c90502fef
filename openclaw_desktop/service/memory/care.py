"""The daily care of memory: what is no longer recent moves on, and what has come to its end is erased.

Owns when an end waits, for a day or a word of the user's. Must not know how a memory is erased. Loop.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import apsw

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.text import tr
from openclaw_desktop.memory.consolidation.ageing import agree_to_fading
from openclaw_desktop.memory.marks import read_mark, set_mark
from openclaw_desktop.memory.tiers import Aged, TierLimits, age, ended_by
from openclaw_desktop.service.status_views import Finding
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.settings import MemorySettings

log = logging.getLogger(__name__)

# Looks come daily. After a longer gap the clock may have been set, and what it ended waits: nobody finds it meanwhile.
LONGEST_GAP, WAIT = timedelta(days=2), timedelta(hours=20)
_LOOKED = "care.looked"
MB = 1_000_000


def tier_limits(settings: MemorySettings) -> TierLimits:
    """Return the limits that the settings name."""
    keep_bytes = None if settings.keep_turns_mb is None else settings.keep_turns_mb * MB
    return TierLimits(
        settings.short_term_days, settings.short_term_turns, settings.archive_days, settings.keep_turns_days, keep_bytes
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
        self._too_many = False
        self._oldest_s: int | None = None
        self.held_back = 0

    async def look(self) -> None:
        """Look how old the oldest turn is that may come to its end by its age."""
        sql = "select created_s from memories where kind = 'turn' and not pinned order by created_s limit 1"
        found = await self._database.rows(sql)
        self._oldest_s = int(found[0][0]) if found else None

    def oldest_days(self) -> float | None:
        """Return its age, as it was looked for at the last `look` or `tidy`; None where there is no such turn."""
        return None if self._oldest_s is None else max(0.0, self._clock.now().timestamp() - self._oldest_s) / 86_400

    async def tidy(self, confirmed: bool = False) -> Aged:
        """Let turns age and erase what has ended; where the clock may be wrong that waits, or for `confirmed`.

        It may be where much would end at once, and for a day after it moved far between two looks: what ended between
        those waits for a later one. `confirmed` lets facts go too that wait for it.
        """
        if confirmed:
            await self._database.write(agree_to_fading)
        now = self._clock.now()
        aged = await age(self._database, self._limits, now)
        believed_s = await self._database.write(partial(_note_look, now_s=now.timestamp()))
        self._too_many = aged.too_many
        going = aged.ending
        if aged.too_many and not confirmed:
            going = ()
        elif believed_s < now.timestamp() and not confirmed:
            going = await ended_by(self._database, self._limits, datetime.fromtimestamp(believed_s, UTC))
        self.held_back = len(aged.ending) - len(going)
        if self.held_back:
            log.warning("%d of %d memories would end now; the clock may be wrong", self.held_back, aged.total)
        if going:
            await self._erase(going)
        await self.look()
        return aged

    def finding(self) -> Finding | None:
        """Return what the doctor has to say about ends that wait; None where none does."""
        if not self.held_back:
            return None
        sentence = tr("{count} memories have come to their end since the clock moved far.", count=self.held_back)
        advice = tr("They go in a day, if it stays so. At once: openclaw-agent memory tidy --yes")
        if self._too_many:
            sentence = tr("{count} memories have come to their end, more than a fifth at once.", count=self.held_back)
            advice = tr("If the clock is right and you mean it: openclaw-agent memory tidy --yes")
        return Finding("memory ends", "warning", sentence, advice)


def _note_look(connection: apsw.Connection, now_s: float) -> float:
    """Note that this was a look, and return until which moment the clock is believed.

    A step in it, ahead or back, is believed when it has lasted for a day.
    """
    last_s, steady_from_s, believed_s = json.loads(read_mark(connection, _LOOKED) or "[null, 0, 0]")
    lasted = now_s >= steady_from_s
    if last_s is not None and not 0 <= now_s - last_s <= LONGEST_GAP.total_seconds():
        believed_s = last_s if lasted and now_s > last_s else min(believed_s, now_s)
        steady_from_s = now_s + WAIT.total_seconds()
    elif lasted:
        believed_s = now_s
    set_mark(connection, _LOOKED, json.dumps([now_s, steady_from_s, believed_s]))
    return float(believed_s)
