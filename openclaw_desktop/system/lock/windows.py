"""Mandatory locks of Windows: one byte far behind the text, so that the text stays readable for others. Any thread."""

from __future__ import annotations

import os
import sys

if sys.platform == "win32":
    import msvcrt

    _LOCKED_BYTE = 1 << 30

    def try_lock(descriptor: int) -> bool:
        """Take the lock if it is free; Windows gives it back when the process ends."""
        return _locking(descriptor, msvcrt.LK_NBLCK)

    def is_locked(descriptor: int) -> bool:
        """Return whether someone else holds the lock."""
        if not _locking(descriptor, msvcrt.LK_NBLCK):
            return True
        unlock(descriptor)
        return False

    def unlock(descriptor: int) -> None:
        """Give the lock back."""
        _locking(descriptor, msvcrt.LK_UNLCK)

    def _locking(descriptor: int, mode: int) -> bool:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, mode, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True
