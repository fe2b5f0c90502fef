"""Qt's loop as asyncio's, ended in the thread that it ran in.

Owns what closing it takes. Must not know what runs on it. Main thread.
"""

from __future__ import annotations

from qasync import QEventLoop
from shiboken6 import Shiboken


class Loop(QEventLoop):  # type: ignore[misc]  # qasync has no types
    """qasync's loop, whose timers end with it."""

    def close(self) -> None:
        """Close the loop for good, and with it the timers that nobody waits for any more."""
        closed = self.is_closed()
        super().close()
        # qasync leaves them to Python's collector, which runs in any thread, and there Qt can't stop them: it would
        # ring one of an object that is gone, which crashes the process.
        if not closed:
            Shiboken.delete(self._timer)
