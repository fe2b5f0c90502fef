"""Waiting for a call that may never come back.

Owns the thread and what happens to its result when nobody waits any more. A locked keyring with nobody at its window
blocks for ever, inside a library that can't be interrupted: such a thread is abandoned, and a daemon, so that it does
not keep the program from ending. Loop and one thread a call.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


# A keyring that never answers must not collect threads; yet the user may have unlocked it behind a stuck one.
STUCK_AT_MOST = 3


class _Call(Generic[T]):
    """One call: it ends, or it is given up; if both, what it did is taken back."""

    def __init__(self, work: Callable[[], T], undo: Callable[[], object] | None) -> None:
        self._work = work
        self._undo = undo
        self._turn = threading.Lock()
        self._done = False
        self._given_up = False
        self._loop = asyncio.get_running_loop()
        self.result: asyncio.Future[T] = self._loop.create_future()

    def run(self) -> None:
        """Do the work in this thread and hand its result over."""
        try:
            value, error = self._work(), None
        except Exception as raised:
            value, error = None, raised
        with self._turn:
            self._done = error is None
            late = self._given_up
        if late and self._done:
            self._take_back()
        elif not late:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the program ends
                self._loop.call_soon_threadsafe(self._settle, value, error)

    def _settle(self, value: T | None, error: Exception | None) -> None:
        if self.result.done():
            return
        if error is not None:
            self.result.set_exception(error)
        else:
            self.result.set_result(value)  # type: ignore[arg-type]

    def give_up(self) -> None:
        """Want no result any more."""
        with self._turn:
            self._given_up = True
            done = self._done
        if done:
            threading.Thread(target=self._take_back, name="keyring", daemon=True).start()

    def _take_back(self) -> None:
        if self._undo is None:
            return
        try:
            self._undo()
        except Exception as raised:
            log.warning("what came too late could not be taken back: %s", type(raised).__name__)


class TimeLimit:
    """Calls one after the other, each within `limit_s`."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._order = asyncio.Lock()
        self._threads: list[threading.Thread] = []

    async def run(self, work: Callable[[], T], undo: Callable[[], object] | None = None) -> T:
        """Return what `work` returns or raise what it raises; TimeoutError after `limit_s`, waiting its turn included.

        `undo` takes back what `work` did where it ends after that, or after a cancel.
        """
        async with asyncio.timeout(self.limit_s), self._order:
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            if len(self._threads) >= STUCK_AT_MOST:
                raise TimeoutError
            call = _Call(work, undo)
            thread = threading.Thread(target=call.run, name="keyring", daemon=True)
            self._threads.append(thread)
            thread.start()
            try:
                return await call.result
            except asyncio.CancelledError:
                call.give_up()
                raise
