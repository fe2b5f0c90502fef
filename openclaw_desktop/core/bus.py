"""Who listens to the agent's events.

Owns the list of subscribers. A slow subscriber loses its oldest events rather than holding up the agent. One loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from openclaw_desktop.core.events import AgentEvent

QUEUE_LIMIT = 256


class Bus:
    """Fans events out to every subscriber, in order."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[AgentEvent]] = set()

    def publish(self, event: AgentEvent) -> int:
        """Hand `event` to every subscriber and return how many there were."""
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)
        return len(self._queues)

    async def subscribe(self) -> AsyncGenerator[AgentEvent, None]:
        """Yield every event published from the first `anext` on, until closed."""
        queue: asyncio.Queue[AgentEvent] = asyncio.Queue(QUEUE_LIMIT)
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)
