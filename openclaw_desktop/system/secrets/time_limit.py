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
from typing import Any, Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


# A keyring that never answers must not collect threads; yet the user may have unlocked it behind a stuck one.
STUCK_AT_MOST = 3


class _Call(Generic[T]):
    """One call: its result is wanted, or it was given up and what it did is taken back, in its own thread."""

    def __init__(self, work: Callable[[], T], undo: Callable[[], object] | None) -> None:
        self._work = work
        self._undo = undo
        self._given_up = False
        self._decided = threading.Event()
        self._loop = asyncio.get_running_loop()
        self.result: asyncio.Future[T] = self._loop.create_future()
        self.ended = asyncio.Event()

    def start(self) -> None:
        """Begin, in a thread of its own."""
        threading.Thread(target=self._run, name="keyring", daemon=True).start()

    def _run(self) -> None:
        value, error = None, None
        try:
            value = self._work()
        except Exception as raised:
            error = raised
        self._tell(self._settle, value, error)
        self._decided.wait()
        if self._given_up and error is None:
            self._take_back()
        self._tell(self.ended.set)

    def _tell(self, act: Callable[..., object], *words: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the program ends
            self._loop.call_soon_threadsafe(act, *words)

    def _settle(self, value: T | None, error: Exception | None) -> None:
        if self.result.done():
            return
        if error is not None:
            self.result.set_exception(error)
        else:
            self.result.set_result(value)  # type: ignore[arg-type]

    def decide(self, given_up: bool) -> None:
        """Let the thread end: with what it did, or with that taken back."""
        self._given_up = given_up
        self._decided.set()

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
        self._stuck: list[_Call[Any]] = []
        self._changing: dict[str, _Call[Any]] = {}

    async def run(
        self, work: Callable[[], T], changes: str | None = None, undo: Callable[[], object] | None = None
    ) -> T:
        """Return what `work` returns or raise what it raises; TimeoutError after `limit_s`, waiting its turn included.

        `undo` takes back what `work` did where it ends after that, or after a cancel. `changes`: what `work` changes;
        it begins once whatever was given up on the same thing has ended and is taken back, so that nothing old comes
        through after it.
        """
        async with asyncio.timeout(self.limit_s), self._order:
            if (before := self._changing.get(changes or "")) is not None:
                await before.ended.wait()
            self._stuck = [call for call in self._stuck if not call.ended.is_set()]
            self._changing = {thing: call for thing, call in self._changing.items() if not call.ended.is_set()}
            if len(self._stuck) >= STUCK_AT_MOST:
                raise TimeoutError
            call = _Call(work, undo)
            if changes:
                self._changing[changes] = call
            call.start()
            given_up = False
            try:
                return await call.result
            except asyncio.CancelledError:
                self._stuck.append(call)
                given_up = True
                raise
            finally:
                call.decide(given_up)
