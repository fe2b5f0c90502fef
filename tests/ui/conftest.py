"""Qt without a screen; without Qt, no tests here."""

from __future__ import annotations

import importlib.util
import os

# Before anything imports Qt.
os.environ["QT_QPA_PLATFORM"] = "offscreen"

if importlib.util.find_spec("PySide6") is None:
    collect_ignore_glob = ["*.py"]
else:
    from ui_bench import bench, drive, loop, service

    __all__ = ["bench", "drive", "loop", "service"]
