"""NVIDIA's cards: by nvidia-smi, which the driver brings on every platform, else by the driver's files in /proc.

Owns that reading. Any thread; waits for a subprocess up to its limit.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from openclaw_desktop.core.text import tr, without_controls
from openclaw_desktop.system.hardware.gpu import ASK_LIMIT_S, Gpu, GpuFinding

QUESTION = ("--query-gpu=name,memory.total", "--format=csv,noheader,nounits")
DRIVER_FILES = Path("proc/driver/nvidia/gpus")
PCI_DEVICES = Path("sys/bus/pci/devices")
NVIDIA_VENDOR, DISPLAY_CLASS = "0x10de", "0x03"
MIB = 1 << 20


class CudaHandler:
    """`root`: where /proc and /sys begin."""

    def __init__(self, root: Path = Path("/"), program: str | None = None) -> None:
        self._root = root
        self._program = program or shutil.which("nvidia-smi")

    def find(self) -> GpuFinding:
        """Return NVIDIA's cards; a card without a working driver is a reason."""
        if self._program is not None:
            try:
                answer = subprocess.run(
                    (self._program, *QUESTION), capture_output=True, text=True, errors="replace",
                    timeout=ASK_LIMIT_S, check=False, stdin=subprocess.DEVNULL,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                return GpuFinding(reasons=(tr("NVIDIA's driver does not answer."),))
            except OSError:
                return self._by_files()
            if answer.returncode == 0 and (gpus := _parse(answer.stdout)):
                return GpuFinding(gpus)
        return self._by_files()

    def _by_files(self) -> GpuFinding:
        gpus = tuple(Gpu("cuda", name) for name in self._driver_names())
        if gpus:
            return GpuFinding(gpus)
        if self._on_the_bus():
            return GpuFinding(reasons=(tr("There is an NVIDIA card, but its driver is not loaded."),))
        return GpuFinding()

    def _driver_names(self) -> list[str]:
        names = []
        try:
            for folder in sorted((self._root / DRIVER_FILES).iterdir()):
                for line in (folder / "information").read_text(errors="replace").splitlines():
                    key, _, value = line.partition(":")
                    if key.strip() == "Model":
                        names.append(without_controls(value).strip())
        except OSError:
            return names
        return names

    def _on_the_bus(self) -> bool:
        try:
            return any(
                (device / "vendor").read_text().strip() == NVIDIA_VENDOR
                and (device / "class").read_text().startswith(DISPLAY_CLASS)
                for device in (self._root / PCI_DEVICES).iterdir()
            )
        except OSError:
            return False


def _parse(answer: str) -> tuple[Gpu, ...]:
    gpus = []
    for line in answer.splitlines():
        name, _, memory = line.rpartition(",")
        if name.strip():
            mebibytes = memory.strip()
            size = int(mebibytes) * MIB if mebibytes.isdecimal() and len(mebibytes) < 12 else None
            gpus.append(Gpu("cuda", without_controls(name).strip(), size))
    return tuple(gpus)
