"""A screen that goes ends the process, whoever notices first.

Owns what is done where a call to Xlib finds its server gone. Must not know windows, nor how an agent stops. Any
thread.

Mostly Qt notices by itself, ends its loop, and the agent stops in order. Where a call to Xlib notices first there is no
way back: Xlib would end the process by `exit`, in the middle of Qt's call, and then the other threads may wait for each
other for ever (seen in one of ten losses on a busy machine); and Qt crashes where it is let return. So the process ends
at once, as by a kill: what was acknowledged is in the file, and the workers end with their pipes.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import sys
from typing import NoReturn

log = logging.getLogger(__name__)


def _end(_display: int) -> NoReturn:
    log.warning("a call to Xlib found the screen gone: the process ends at once")
    logging.shutdown()
    os._exit(0)


# Xlib keeps no reference of its own.
_HANDLER = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(_end)


def end_with_screen() -> None:
    """End the process where a call to Xlib finds the server gone; once Qt's application is there, which does otherwise.

    Nothing where there is no Xlib.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            ctypes.CDLL("libX11.so.6").XSetIOErrorHandler(_HANDLER)
