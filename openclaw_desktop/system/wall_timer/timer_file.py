"""The kernel's timer as a file (timerfd): rings by the wall clock, after a sleep too, and when the clock is set.

Owns the file and the call of the C library, which Python has from 3.13 on. Linux. Loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import os
from collections.abc import Callable
from datetime import datetime

CLOCK_REALTIME = 0
TFD_NONBLOCK, TFD_CLOEXEC = getattr(os, "O_NONBLOCK", 0), getattr(os, "O_CLOEXEC", 0)
TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET = 1, 2
# With no moment to ring at it is still armed, to hear of a clock that is set.
FAR_S = 100 * 366 * 86400


class _Moment(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


class _Setting(ctypes.Structure):
    _fields_ = [("interval", _Moment), ("value", _Moment)]


class TimerFile:
    """`WallTimer` over timerfd; raises OSError or AttributeError where there is none."""

    def __init__(self, on_ring: Callable[[], None]) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        self._settime = self._library.timerfd_settime
        self._file = self._library.timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._on_ring = on_ring
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._file, self._ring)

    def set(self, moment: datetime | None) -> None:
        """Ring at `moment`; None: only when the clock is set."""
        # A moment of zero would disarm it.
        at_s = FAR_S if moment is None else max(moment.timestamp(), 1.0)
        value = _Moment(int(at_s), int(at_s % 1 * 1_000_000_000))
        setting = _Setting(_Moment(0, 0), value)
        flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET
        if self._settime(self._file, flags, ctypes.byref(setting), None) != 0:
            # A clock that was set since the last call is told of by this one, and the timer is set all the same.
            if (number := ctypes.get_errno()) != errno.ECANCELED:
                raise OSError(number, "timerfd_settime")
            self._loop.call_soon(self._on_ring)

    def _ring(self) -> None:
        with contextlib.suppress(OSError):  # ECANCELED: the clock was set
            os.read(self._file, 8)
        self._on_ring()

    def close(self) -> None:
        """Never ring again."""
        if self._file >= 0:
            self._loop.remove_reader(self._file)
            os.close(self._file)
            self._file = -1
