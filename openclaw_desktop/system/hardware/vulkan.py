"""Cards reached by Vulkan: a driver's manifest, and on Linux a render node that it can open.

Owns that reading; the manifests' places are those of the Vulkan loader. Any thread; reads a few small files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from openclaw_desktop.core.text import tr
from openclaw_desktop.system.hardware.gpu import Gpu, GpuFinding

MANIFESTS = (Path("etc/vulkan/icd.d"), Path("usr/local/share/vulkan/icd.d"), Path("usr/share/vulkan/icd.d"))
RENDER_NODES, DRM = Path("dev/dri"), Path("sys/class/drm")
# Mesa's drawing on the processor (lavapipe), and test drivers: they compute nothing faster.
SOFTWARE = ("lvp", "swrast", "swiftshader", "vk_swiftshader", "nulldrv")
VENDORS: Mapping[str, str] = {"0x1002": "AMD", "0x8086": "Intel", "0x10de": "NVIDIA", "0x1af4": "virtio"}


class LinuxVulkanHandler:
    """`root`: where the file system begins."""

    def __init__(self, root: Path = Path("/"), environ: Mapping[str, str] | None = None) -> None:
        self._root = root
        self._environ = os.environ if environ is None else environ

    def find(self) -> GpuFinding:
        """Return one card a render node, where a driver for real cards is installed."""
        nodes = self._nodes()
        if not nodes:
            return GpuFinding(reasons=(tr("There is no GPU device node in /dev/dri."),))
        if not self._drivers():
            names = ", ".join(name for _, name in nodes)
            return GpuFinding(reasons=(tr("There is a graphics card ({name}), but no Vulkan driver.", name=names),))
        open_nodes = [name for node, name in nodes if os.access(node, os.R_OK | os.W_OK)]
        if not open_nodes:
            return GpuFinding(
                reasons=(tr("There is a graphics card, but you may not open it: join the group render."),)
            )
        return GpuFinding(tuple(Gpu("vulkan", name) for name in open_nodes))

    def _nodes(self) -> list[tuple[Path, str]]:
        try:
            nodes = sorted((self._root / RENDER_NODES).glob("renderD*"))
        except OSError:
            return []
        return [(node, self._name(node.name)) for node in nodes]

    def _name(self, node: str) -> str:
        try:
            vendor = (self._root / DRM / node / "device" / "vendor").read_text().strip()
        except OSError:
            return tr("unknown maker")
        return VENDORS.get(vendor, tr("unknown maker"))

    def _drivers(self) -> list[str]:
        if chosen := self._environ.get("VK_DRIVER_FILES") or self._environ.get("VK_ICD_FILENAMES"):
            found = [Path(path) for path in chosen.split(os.pathsep)]
        else:
            found = [path for folder in MANIFESTS for path in (self._root / folder).glob("*.json")]
        return [path.name for path in found if not path.name.startswith(SOFTWARE)]


class WindowsVulkanHandler:
    """Windows hands the loader out with a driver; which card it reaches, llama.cpp says when it runs."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ

    def find(self) -> GpuFinding:
        """Return one unnamed card where the loader is installed."""
        loader = Path(self._environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "vulkan-1.dll"
        if loader.is_file():
            return GpuFinding((Gpu("vulkan", tr("a card with a Vulkan driver")),))
        return GpuFinding(reasons=(tr("There is no Vulkan driver."),))


def vulkan_handler() -> LinuxVulkanHandler | WindowsVulkanHandler:
    """Return the handler of this platform."""
    return WindowsVulkanHandler() if sys.platform == "win32" else LinuxVulkanHandler()
