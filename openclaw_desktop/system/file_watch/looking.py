"""Files watched by looking at them: once a minute, and not at all while none is watched.

Owns the looks. Loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path

LOOK_S = 60.0


class LookingWatch:
    """`FileWatch` for systems whose kernel isn't asked."""

    def __init__(self, on_change: Callable[[str], None], look_s: float = LOOK_S) -> None:
        self._on_change = on_change
        self._look_s = look_s
        self._seen: dict[str, object] = {}
        self._handle: asyncio.TimerHandle | None = None

    def watch(self, paths: Collection[str]) -> None:
        """Watch these paths and no others."""
        self._seen = {path: self._seen.get(path, _state(path)) for path in paths}
        if self._handle is not None:
            self._handle.cancel()
        self._handle = asyncio.get_running_loop().call_later(self._look_s, self._look) if self._seen else None

    def _look(self) -> None:
        changed = [path for path, seen in self._seen.items() if _state(path) != seen]
        for path in changed:
            self._seen[path] = _state(path)
            self._on_change(path)
        self.watch(tuple(self._seen))

    def close(self) -> None:
        """Watch nothing more."""
        self.watch(())


def _state(path: str) -> object:
    """Return what is another when the file, or what lies in the folder, has changed."""
    try:
        place = Path(path)
        if place.is_dir():
            return tuple(sorted((one.name, one.stat().st_mtime_ns) for one in place.iterdir()))
        found = place.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
