"""Keeping macOS awake: the system's own `caffeinate`, which ends with us.

Owns that child. Written from its manual; not yet run on macOS.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

PROGRAM = "/usr/bin/caffeinate"


class CaffeinateInhibit:
    """A child that holds an assertion against idle sleep as long as it lives, and at most as long as we do (-w)."""

    def hold(self, why: str) -> Callable[[], None]:
        """Hold sleep off until the returned function is called; raises OSError."""
        child = subprocess.Popen(
            [PROGRAM, "-i", "-w", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

        def release() -> None:
            child.terminate()
            child.wait()

        return release
