"""Keeping macOS awake: the system's own `caffeinate`, which ends with us.

Owns that child. Written from its manual; not yet run on macOS.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

from openclaw_desktop.core.text import tr

PROGRAM = "/usr/bin/caffeinate"


class CaffeinateInhibit:
    """A child that holds an assertion against idle sleep as long as it lives, and at most as long as we do (-w)."""

    def hold(self, why: str) -> Callable[[], None]:
        """Hold sleep off until the returned function is called; raises OSError."""
        null = subprocess.DEVNULL
        words = [PROGRAM, "-i", "-w", str(os.getpid())]
        try:
            child = subprocess.Popen(words, stdin=null, stdout=null, stderr=null)
        except OSError as error:
            raise OSError(tr("{program} can't be started", program=PROGRAM)) from error

        def release() -> None:
            child.terminate()
            child.wait()

        return release
