"""A change is told once it has settled: a program that writes a file changes it many times.

Owns the pause. Loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

SETTLED_S = 1.0


class Settling:
    """Calls once for each path, a second after its last change."""

    def __init__(self, on_change: Callable[[str], None], settled_s: float = SETTLED_S) -> None:
        self._on_change = on_change
        self._settled_s = settled_s
        self._handles: dict[str, asyncio.TimerHandle] = {}

    def note(self, path: str) -> None:
        """Note a change."""
        if (handle := self._handles.pop(path, None)) is not None:
            handle.cancel()
        self._handles[path] = asyncio.get_running_loop().call_later(self._settled_s, self._tell, path)

    def _tell(self, path: str) -> None:
        self._handles.pop(path, None)
        self._on_change(path)

    def stop(self) -> None:
        """Tell nothing more."""
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()
