"""Who waits for the file: a question or a memory of the user's goes before what is done in the background.

Owns the count of those that wait. Python's threads take turns at one interpreter, and SQLite's reads hand it over row
by row: beside a background step a search of 15 ms takes ten times as long, so that such a step is put off, or ends
where it can. Must not know what anybody waits for. Loop; `anyone` from any thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

# Background work that is asked for without a pause is put off, and not for ever.
GIVE_WAY_S = 0.5


class Waiting:
    """Those who wait for one file just now."""

    def __init__(self) -> None:
        self._count = 0
        self._nobody = asyncio.Event()
        self._nobody.set()

    @property
    def anyone(self) -> bool:
        """True while somebody waits."""
        return self._count > 0

    @contextmanager
    def someone(self) -> Iterator[None]:
        """Count one more for as long as the block runs."""
        self._count += 1
        self._nobody.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._nobody.set()

    async def give_way(self, at_most_s: float = GIVE_WAY_S) -> None:
        """Wait until nobody does, and at most so many seconds."""
        try:
            async with asyncio.timeout(at_most_s):
                # Who asks again at once is before us again.
                while self.anyone:
                    await self._nobody.wait()
        except TimeoutError:
            pass
