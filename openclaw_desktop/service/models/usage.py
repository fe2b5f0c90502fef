"""What the model costs and what the caches spare, as front ends see it.

Owns the way from the ledger and the caches' counts to the API's values. Must not know how anything is counted. Loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from openclaw_desktop.core.cache import Cache, CacheCounts
from openclaw_desktop.inference.ledger import Ledger, LedgerLine, Sums
from openclaw_desktop.service.status_views import CacheStatus, LedgerStatus, LedgerSums, LedgerView


class UsageDesk:
    """Reads the ledger and the counts of the caches, each under its name.

    `elsewhere`: the counts of caches that are not in this process and end with their own.
    """

    def __init__(
        self,
        ledger: Ledger,
        caches: Mapping[str, Cache[Any, Any]],
        elsewhere: Callable[[], Mapping[str, CacheCounts]] = dict,
    ) -> None:
        self._ledger = ledger
        self._caches = caches
        self._elsewhere = elsewhere

    async def today(self) -> LedgerStatus:
        """Return today's sums and what background work may still spend."""
        return LedgerStatus(
            _sums(await self._ledger.today()),
            self._ledger.background_tokens,
            await self._ledger.background_left(),
            self._ledger.reset_at().isoformat(timespec="seconds"),
        )

    def caches(self) -> dict[str, CacheStatus]:
        """Return the counts of every cache since the agent's start."""
        counts = {name: cache.counts() for name, cache in self._caches.items()} | dict(self._elsewhere())
        return {name: CacheStatus(count.hits, count.misses) for name, count in counts.items()}

    async def clear_caches(self) -> None:
        """Forget what the caches hold: it may be made of what was just erased."""
        for cache in self._caches.values():
            cache.clear()

    async def lines(self, days: int) -> tuple[LedgerView, ...]:
        """Return the sums of the last `days` days by day, lane, job and model, newest first."""
        return tuple(_view(line) for line in await self._ledger.lines(days))


def _view(line: LedgerLine) -> LedgerView:
    return LedgerView(line.day.isoformat(), line.lane, line.job, line.model, line.turns, _sums(line.sums))


def _sums(sums: Sums) -> LedgerSums:
    return LedgerSums(
        sums.calls,
        sums.prompt_tokens,
        sums.cached_tokens,
        sums.completion_tokens,
        round(sums.seconds, 2),
        round(sums.cpu_seconds, 2),
        round(sums.wh, 4),
    )
