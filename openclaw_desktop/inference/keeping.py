"""How long a loaded model is kept: until nobody has asked for a while, or until memory or power run short.

Owns the clock and the watch over memory, both only while a model is loaded: an agent without one sleeps. Must not know
how a model is unloaded. Loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Protocol

log = logging.getLogger(__name__)


class Watch(Protocol):
    """Looks after the machine's memory from `start` until `stop`; see `system.memory_pressure`."""

    def start(self) -> None:
        """Begin to watch."""
        ...

    def stop(self) -> None:
        """Watch no longer."""
        ...


class Keeping:
    """Calls `unload` after `idle_s` without a prompt (0: never), at once where memory is short, never while in use."""

    def __init__(
        self,
        unload: Callable[[str], None],
        idle_s: float,
        make_watch: Callable[[Callable[[], None]], Watch],
        short: Callable[[], bool],
    ) -> None:
        self._unload = unload
        self._idle_s = idle_s
        self._limit_s: float | None = None
        self._watch = make_watch(self._hear_of_pressure)
        self._short = short
        self._users = 0
        self._loaded = False
        self._pressed = False
        self._timer: asyncio.TimerHandle | None = None

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep the model while somebody works with it; may be nested."""
        self._users += 1
        self._stop_clock()
        try:
            yield
        finally:
            self._users -= 1
            self._rest()

    def loaded(self) -> None:
        """A model was loaded."""
        self._loaded = True
        self._watch.start()

    def unloaded(self) -> None:
        """There is no model in memory any more: nothing is looked after."""
        self._loaded = self._pressed = False
        self._stop_clock()
        self._watch.stop()

    def limit(self, idle_s: float | None) -> None:
        """Keep a model no longer than so many seconds unasked, until told otherwise; None: as it was set."""
        if idle_s != self._limit_s:
            self._limit_s = idle_s
            self._stop_clock()
            self._rest()

    def _rest(self) -> None:
        if self._users or not self._loaded:
            return
        if self._pressed and self._short():
            self._unload("memory is short")
            return
        self._pressed = False
        if self._limit_s == 0:
            self._unload("the machine can't spare it")
            return
        idle_s = self._idle_s if self._limit_s is None else min(self._idle_s or self._limit_s, self._limit_s)
        if idle_s > 0:
            self._stop_clock()
            self._timer = asyncio.get_running_loop().call_later(idle_s, self._unload, "nobody asks it")

    def _stop_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hear_of_pressure(self) -> None:
        if self._users:
            self._pressed = True
        else:
            self._unload("memory is short")
