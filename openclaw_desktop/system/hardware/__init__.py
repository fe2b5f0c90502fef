"""What this machine can compute with. Start at `hardware.py`."""

from openclaw_desktop.system.hardware.gpu import Gpu, GpuFinding, GpuKind
from openclaw_desktop.system.hardware.hardware import Hardware, read_hardware
from openclaw_desktop.system.hardware.watts import Watts, read_watts

__all__ = ["Gpu", "GpuFinding", "GpuKind", "Hardware", "Watts", "read_hardware", "read_watts"]
