"""What of this machine a model can use: memory, cores, graphics processors, room on the disk.

Owns the order in which the platform's handlers are asked. Must not know models. Any thread but the loop's: drivers are
waited for.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from openclaw_desktop.system.hardware.cuda import CudaHandler
from openclaw_desktop.system.hardware.gpu import GpuFinding, GpuHandler
from openclaw_desktop.system.hardware.metal import MetalHandler
from openclaw_desktop.system.hardware.vulkan import vulkan_handler
from openclaw_desktop.system.memory import read_memory
from openclaw_desktop.system.processor import usable_cores


@dataclass(frozen=True, slots=True)
class Hardware:
    """Sizes in bytes; `disk_free_bytes` where models are kept; `cores` that a model may compute on."""

    memory_bytes: int
    available_bytes: int
    cores: int
    disk_free_bytes: int
    gpu: GpuFinding


def read_hardware(folder: Path, handlers: Sequence[GpuHandler] | None = None) -> Hardware:
    """Return what this machine has; `folder` is where models are, or will be, kept."""
    memory = read_memory()
    findings = [handler.find() for handler in (gpu_handlers() if handlers is None else handlers)]
    gpu = GpuFinding(
        tuple(gpu for finding in findings for gpu in finding.gpus),
        tuple(reason for finding in findings for reason in finding.reasons),
    )
    return Hardware(memory.total_bytes, memory.available_bytes, usable_cores(), _free(folder), gpu)


def gpu_handlers() -> tuple[GpuHandler, ...]:
    """Return this platform's handlers, the best interface first."""
    if sys.platform == "darwin":
        return (MetalHandler(),)
    return (CudaHandler(), vulkan_handler())


def _free(folder: Path) -> int:
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return 0
