"""The icon in the tray and its menu.

Owns the QSystemTrayIcon. Must not know the popup or the agent: it only says what the user asked for. Main thread;
imported before everything else, so that the icon is there at once.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QRect, Signal, SignalInstance
from PySide6.QtGui import QAction, QIcon
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.core.text import tr
from openclaw_desktop.ui.states import Mood

ICON_SIZES_PX = (22, 32, 64, 256)


def load_icon(mood: Mood) -> QIcon:
    """Return the program's icon for `mood`, from PNG files: QtSvg would cost start time and memory."""
    icon = QIcon()
    for size_px in ICON_SIZES_PX:
        icon.addFile(str(resource_path("icons", f"openclaw-{mood}-{size_px}.png")))
    return icon


class Tray(QObject):
    """The tray icon: a click toggles the chat, the menu offers the rest."""

    toggle_requested = Signal()
    open_requested = Signal()
    new_chat_requested = Signal()
    quit_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._mood: Mood = "idle"
        self._menu = QMenu()
        self._add_action("open_chat", tr("Open chat"), self.open_requested)
        self._add_action("new_chat", tr("New chat"), self.new_chat_requested)
        self._menu.addSeparator()
        self._status = self._menu.addAction(tr("Starting…"))
        self._status.setObjectName("status")
        self._status.setEnabled(False)
        self._menu.addSeparator()
        self._add_action("quit", tr("Quit"), self.quit_requested)
        self._tip = tr("OpenCLaw: {state}", state=tr("Starting…"))
        self._icon = self._make_icon()

    def _make_icon(self) -> QSystemTrayIcon:
        icon = QSystemTrayIcon(load_icon(self._mood), self)
        icon.setContextMenu(self._menu)
        icon.setToolTip(self._tip)
        icon.activated.connect(self._on_activated)
        return icon

    def _add_action(self, name: str, text: str, wish: SignalInstance) -> QAction:
        action = self._menu.addAction(text)
        action.setObjectName(name)
        action.triggered.connect(wish)
        return action

    def show(self) -> None:
        """Show the icon: now, or once a tray host appears."""
        self._icon.show()

    def renew(self) -> None:
        """Show the icon anew: Qt decides for each icon's whole life which kind of tray it goes to."""
        self._icon.hide()
        self._icon.deleteLater()
        self._icon = self._make_icon()
        self._icon.show()

    def hide(self) -> None:
        """Take the icon out of the tray."""
        self._icon.hide()

    def geometry(self) -> QRect:
        """Return where the icon lies on the screen; empty where the desktop doesn't tell."""
        return self._icon.geometry()

    @property
    def mood(self) -> Mood:
        """Which icon is shown."""
        return self._mood

    @property
    def menu(self) -> QMenu:
        """The context menu."""
        return self._menu

    def show_state(self, sentence: str, mood: Mood) -> None:
        """Put `sentence` into the tooltip and the menu, and show the icon for `mood`."""
        self._status.setText(sentence.replace("&", "&&"))
        self._tip = tr("OpenCLaw: {state}", state=sentence)
        self._icon.setToolTip(self._tip)
        if mood != self._mood:
            self._mood = mood
            self._icon.setIcon(load_icon(mood))

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason == QSystemTrayIcon.ActivationReason.Trigger:
            self.toggle_requested.emit()
