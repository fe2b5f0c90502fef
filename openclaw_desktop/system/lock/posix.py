"""Advisory locks of POSIX systems: flock(2).

flock, not fcntl: a record lock would be lost as soon as any descriptor of the file is closed in this process, which is
what `HomeLock.holder` does. Any thread.
"""

from __future__ import annotations

import sys

if sys.platform != "win32":
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Take the lock if it is free; the kernel gives it back when the process ends. Raises OSError."""
        return _flock(descriptor, fcntl.LOCK_EX)

    def is_locked(descriptor: int) -> bool:
        """Return whether someone else holds the lock. Raises OSError."""
        if not _flock(descriptor, fcntl.LOCK_SH):
            return True
        unlock(descriptor)
        return False

    def unlock(descriptor: int) -> None:
        """Give the lock back, also where a forked child still has a copy of the descriptor. Raises OSError."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _flock(descriptor: int, kind: int) -> bool:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
