"""Keeping Windows awake: SetThreadExecutionState, which holds for the thread that asked.

Owns that thread and the call. Written from its documentation; not yet run on Windows.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable

from openclaw_desktop.core.text import tr

_CONTINUOUS, _SYSTEM_REQUIRED = 0x80000000, 0x00000001


class ExecutionStateInhibit:
    """A thread a lock: the state ends with its thread."""

    def hold(self, why: str) -> Callable[[], None]:
        """Hold sleep off until the returned function is called; raises OSError."""
        if sys.platform != "win32":
            raise OSError("no Windows")
        done, began = threading.Event(), threading.Event()
        held: list[bool] = []

        def keep() -> None:
            if sys.platform == "win32":
                state = ctypes.windll.kernel32.SetThreadExecutionState
                held.append(bool(state(_CONTINUOUS | _SYSTEM_REQUIRED)))
                began.set()
                done.wait()
                state(_CONTINUOUS)

        threading.Thread(target=keep, name="keep awake", daemon=True).start()
        began.wait()
        if not held[0]:
            done.set()
            raise OSError(tr("Windows does not allow it"))
        return done.set
