"""Apple's graphics processor: part of every Apple chip, and shares the machine's memory.

Owns that reading. Any thread; waits for a subprocess up to its limit.
"""

from __future__ import annotations

import platform
import subprocess

import psutil

from openclaw_desktop.core.text import tr, without_controls
from openclaw_desktop.system.hardware.gpu import ASK_LIMIT_S, Gpu, GpuFinding


class MetalHandler:
    """macOS alone has Metal."""

    def __init__(self, machine: str = "", sysctl: str = "/usr/sbin/sysctl") -> None:
        self._machine = machine or platform.machine()
        self._sysctl = sysctl

    def find(self) -> GpuFinding:
        """Return the chip's own processor; on a Mac with an Intel processor none is counted on."""
        if self._machine != "arm64":
            return GpuFinding(reasons=(tr("Metal is used on Apple's own chips alone."),))
        return GpuFinding((Gpu("metal", _chip(self._sysctl), psutil.virtual_memory().total),))


def _chip(sysctl: str) -> str:
    try:
        answer = subprocess.run(
            (sysctl, "-n", "machdep.cpu.brand_string"), capture_output=True, text=True,
            timeout=ASK_LIMIT_S, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return "Apple"
    return without_controls(answer.stdout).strip() or "Apple"
