"""How long a model is kept: not while it is used, not after the time is up, not while memory is short."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from openclaw_desktop.inference.keeping import Keeping


class Memory:
    """The machine's memory as a test wants it, and the watch over it."""

    def __init__(self) -> None:
        self.short = False
        self.watched = False
        self.tell: Callable[[], None] = lambda: None

    def watch(self, on_short: Callable[[], None]) -> Memory:
        self.tell = on_short
        return self

    def start(self) -> None:
        self.watched = True

    def stop(self) -> None:
        self.watched = False


class Kept:
    """A keeping, and why it unloaded."""

    def __init__(self, idle_s: float) -> None:
        self.memory = Memory()
        self.reasons: asyncio.Queue[str] = asyncio.Queue()
        self.keeping = Keeping(self.reasons.put_nowait, idle_s, self.memory.watch, lambda: self.memory.short)

    def use(self) -> None:
        with self.keeping.in_use():
            self.keeping.loaded()


async def test_the_time_is_up_after_the_last_use() -> None:
    kept = Kept(0.05)
    began = asyncio.get_running_loop().time()
    with kept.keeping.in_use():
        kept.keeping.loaded()
        with kept.keeping.in_use():
            pass
        assert kept.keeping._timer is None, "somebody still uses it"
    async with asyncio.timeout(30):
        assert await kept.reasons.get() == "nobody asks it"
    assert asyncio.get_running_loop().time() - began >= 0.05


async def test_every_use_begins_the_time_anew() -> None:
    kept = Kept(60)
    kept.use()
    first = kept.keeping._timer
    assert first is not None
    kept.use()
    assert first.cancelled() and kept.keeping._timer is not None
    kept.keeping.unloaded()


async def test_zero_means_never() -> None:
    kept = Kept(0)
    kept.use()
    assert kept.keeping._timer is None and kept.memory.watched


async def test_without_a_model_nothing_is_watched_and_no_clock_runs() -> None:
    kept = Kept(60)
    with kept.keeping.in_use():
        pass
    assert not kept.memory.watched and kept.keeping._timer is None
    kept.use()
    assert kept.memory.watched and kept.keeping._timer is not None
    kept.keeping.unloaded()
    assert not kept.memory.watched and kept.keeping._timer is None


async def test_short_memory_unloads_at_once() -> None:
    kept = Kept(60)
    kept.use()
    kept.memory.tell()
    assert kept.reasons.get_nowait() == "memory is short"
    kept.keeping.unloaded()


async def test_short_memory_waits_for_the_end_of_a_turn_and_is_looked_at_again() -> None:
    for still_short in (True, False):
        kept = Kept(60)
        with kept.keeping.in_use():
            kept.keeping.loaded()
            kept.memory.tell()
            assert kept.reasons.empty(), "never during a turn"
            kept.memory.short = still_short
        assert kept.reasons.empty() is not still_short
        kept.keeping.unloaded()


async def test_a_limit_of_the_machine_shortens_the_time_and_goes_again() -> None:
    kept = Kept(60)
    kept.use()
    usual = kept.keeping._timer
    kept.keeping.limit(30)
    shorter = kept.keeping._timer
    assert usual is not None and usual.cancelled() and shorter is not None and shorter.when() < usual.when()
    kept.keeping.limit(None)
    assert shorter.cancelled() and kept.keeping._timer is not None
    assert kept.keeping._timer.when() > shorter.when() and kept.reasons.empty()
    kept.keeping.unloaded()


async def test_a_machine_that_can_spare_nothing_keeps_no_model_but_one_in_use() -> None:
    kept = Kept(0)
    with kept.keeping.in_use():
        kept.keeping.loaded()
        kept.keeping.limit(0)
        assert kept.reasons.empty(), "somebody uses it"
    assert kept.reasons.get_nowait() == "the machine can't spare it"
    kept.keeping.unloaded()
    kept.use()
    assert kept.reasons.get_nowait() == "the machine can't spare it", "the next one goes as soon"
    kept.keeping.unloaded()
