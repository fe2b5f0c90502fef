"""The idle time on macOS: CGEventSourceSecondsSinceLastEventType of ApplicationServices.

Owns that one call. Written from its documentation; not yet run on macOS. Any thread.
"""

from __future__ import annotations

import ctypes
import logging
import sys
from typing import Any

log = logging.getLogger(__name__)

FRAMEWORK = "/System/Library/Frameworks/ApplicationServices.framework/ApplicationServices"
_HID_STATE, _ANY_INPUT = 1, 0xFFFFFFFF


class MacIdle:
    """Asks the window server."""

    def __init__(self) -> None:
        self._ask: Any = None
        self._tried = False

    def idle_s(self) -> float | None:
        """Return the seconds since the last input; None where macOS won't say."""
        if sys.platform != "darwin":
            return None
        if not self._tried:
            self._tried = True
            try:
                ask = ctypes.CDLL(FRAMEWORK).CGEventSourceSecondsSinceLastEventType
                ask.restype, ask.argtypes = ctypes.c_double, (ctypes.c_int32, ctypes.c_uint32)
                self._ask = ask
            except (OSError, AttributeError) as error:
                log.debug("macOS does not tell the idle time: %s", error)
        return None if self._ask is None else max(0.0, float(self._ask(_HID_STATE, _ANY_INPUT)))

    async def refresh(self) -> None:
        """Do nothing: `idle_s` asks at once."""
