"""Whose turn it is at the one model: the chat before the background.

Owns the two queues. A background turn gives way: it is told when a chat prompt comes, and no other begins while one
waits or runs. Must not know what is asked. Loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

from openclaw_desktop.core.protocols import Lane


class Turn:
    """One turn at the model; `given_way` is set where a background turn must end for the chat."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.given_way = asyncio.Event()


class Lanes:
    """Hands out one turn at a time, each lane in the order of asking."""

    def __init__(self) -> None:
        self._waiting: dict[Lane, deque[tuple[Turn, asyncio.Future[None]]]] = {"chat": deque(), "background": deque()}
        self._running: Turn | None = None

    @property
    def busy(self) -> bool:
        """Whether somebody has the model, or waits for it."""
        return self._running is not None

    @property
    def waiting(self) -> int:
        """How many wait for it."""
        return sum(len(queue) for queue in self._waiting.values())

    @contextlib.asynccontextmanager
    async def turn(self, lane: Lane) -> AsyncIterator[Turn]:
        """Wait for a turn and hold it; what is asked aside is as urgent as the chat."""
        lane = "chat" if lane == "aside" else lane
        turn = Turn(lane)
        if self._running is None:
            self._running = turn
        else:
            if lane == "chat" and self._running.lane == "background":
                self._running.given_way.set()
            await self._wait(turn)
        try:
            yield turn
        finally:
            self._pass_on()

    async def _wait(self, turn: Turn) -> None:
        place = asyncio.get_running_loop().create_future()
        entry = (turn, place)
        self._waiting[turn.lane].append(entry)
        try:
            await place
        except asyncio.CancelledError:
            if entry in self._waiting[turn.lane]:
                self._waiting[turn.lane].remove(entry)
            elif self._running is turn:
                self._pass_on()  # it had just come to one who no longer wants it
            raise

    def _pass_on(self) -> None:
        """Give the turn to the next: held from now on, so that nobody slips in before it wakes."""
        self._running = None
        for queue in (self._waiting["chat"], self._waiting["background"]):
            while queue:
                turn, place = queue.popleft()
                if not place.done():
                    self._running = turn
                    place.set_result(None)
                    return
