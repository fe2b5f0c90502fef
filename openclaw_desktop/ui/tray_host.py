"""Noticing a tray host that comes after the program.

Owns the subscription to the session bus (StatusNotifierItem, the tray of most Linux desktops). Must not know the icon.
Main thread; imported only where there is no tray host at the start. An older XEmbed tray needs nothing here: Qt docks
the icon by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import SLOT, QObject, Slot
from PySide6.QtDBus import QDBusConnection, QDBusServiceWatcher

WATCHER = "org.kde.StatusNotifierWatcher"
WATCHER_PATH = "/StatusNotifierWatcher"


class TrayHostWatch(QObject):
    """Calls back when a tray host appears on the session bus."""

    def __init__(self, on_host: Callable[[], None]) -> None:
        super().__init__()
        self._on_host = on_host
        bus = QDBusConnection.sessionBus()
        mode = QDBusServiceWatcher.WatchModeFlag.WatchForRegistration
        self._services = QDBusServiceWatcher(WATCHER, bus, mode, self)
        self._services.serviceRegistered.connect(self._tell)
        # The watcher may be there first, and the panel that shows the icons later.
        slot: Any = SLOT("_tell()")  # PySide6's stub asks for bytes, which its code refuses.
        bus.connect(WATCHER, WATCHER_PATH, WATCHER, "StatusNotifierHostRegistered", self, slot)

    @Slot()
    def _tell(self) -> None:
        self._on_host()


def watch_tray_host(on_host: Callable[[], None]) -> QObject | None:
    """Call `on_host` for each tray host that appears while the result lives; None where that can't be known."""
    return TrayHostWatch(on_host) if sys.platform == "linux" else None
