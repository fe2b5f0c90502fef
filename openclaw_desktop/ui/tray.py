"""The icon in the tray and its menu.

Owns the QSystemTrayIcon. Must not know the popup or the agent: it only says what the user asked for. Main thread;
imported before everything else, so that the icon is there at once.
"""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QObject, QPointF, QRect, QSize, Signal, SignalInstance
from PySide6.QtGui import QAction, QColor, QIcon, QPainter, QPen
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.core.text import tr
from openclaw_desktop.ui.states import Mood, describe_pending, describe_unseen

ICON_SIZES_PX = (22, 32, 64, 256)
DOT_COLOUR = "#d9480f"
DOT_SHARE = 0.2


def load_icon(mood: Mood) -> QIcon:
    """Return the program's icon for `mood`, from PNG files: QtSvg would cost start time and memory."""
    icon = QIcon()
    for size_px in ICON_SIZES_PX:
        icon.addFile(str(resource_path("icons", f"openclaw-{mood}-{size_px}.png")))
    return icon


def add_dot(icon: QIcon) -> QIcon:
    """Return `icon` with a dot in its corner: something waits for the user."""
    dotted = QIcon()
    for size_px in ICON_SIZES_PX:
        pixmap = icon.pixmap(QSize(size_px, size_px), 1.0)
        radius = size_px * DOT_SHARE
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor("#ffffff"), max(1.0, size_px / 22)))
        painter.setBrush(QColor(DOT_COLOUR))
        painter.drawEllipse(QPointF(size_px - radius - 1, radius + 1), radius, radius)
        painter.end()
        dotted.addPixmap(pixmap)
    return dotted


class Tray(QObject):
    """The tray icon: a click toggles the chat, the menu offers the rest."""

    toggle_requested = Signal()
    open_requested = Signal()
    new_chat_requested = Signal()
    inbox_requested = Signal()
    notices_requested = Signal()
    quiet_requested = Signal(bool)
    jail_note_requested = Signal()
    quit_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._mood: Mood = "idle"
        self._pending = 0
        self._unseen = 0
        self._quiet_until: str | None = None
        self._state = tr("Starting…")
        self._menu = QMenu()
        self._add_action("open_chat", tr("Open chat"), self.open_requested)
        self._add_action("new_chat", tr("New chat"), self.new_chat_requested)
        self._inbox = self._add_action("inbox", tr("Inbox"), self.inbox_requested)
        self._notices = self._add_action("notices", tr("Notices"), self.notices_requested)
        self._quiet = self._menu.addAction(tr("Quiet for an hour"))
        self._quiet.setObjectName("quiet")
        self._quiet.triggered.connect(self._ask_for_quiet)
        # A quiet that has ended by the clock tells nobody.
        self._menu.aboutToShow.connect(self._name_quiet)
        self._menu.addSeparator()
        self._status = self._menu.addAction(tr("Starting…"))
        self._status.setObjectName("status")
        self._status.setEnabled(False)
        self._power = self._menu.addAction("")
        self._power.setObjectName("power")
        self._power.setEnabled(False)
        self._power.setVisible(False)
        self._jail = self._add_action("jail", "", self.jail_note_requested)
        self._jail.setVisible(False)
        self._menu.addSeparator()
        self._add_action("quit", tr("Quit"), self.quit_requested)
        self._icon = self._make_icon()

    def _make_icon(self) -> QSystemTrayIcon:
        icon = QSystemTrayIcon(self._draw(), self)
        icon.setContextMenu(self._menu)
        icon.setToolTip(self._tip())
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

    @property
    def state_line(self) -> QAction:
        """The line of the menu that says what the agent does: what more there is to say stands before it."""
        return self._status

    def show_state(self, sentence: str, mood: Mood) -> None:
        """Put `sentence` into the tooltip and the menu, and show the icon for `mood`."""
        self._status.setText(sentence.replace("&", "&&"))
        self._state = sentence
        self._icon.setToolTip(self._tip())
        if mood != self._mood:
            self._mood = mood
            self._icon.setIcon(self._draw())

    def show_pending(self, pending: int) -> None:
        """Show how many entries of the inbox wait: in the menu, in the tooltip, and as a dot on the icon."""
        if pending == self._pending:
            return
        had, self._pending = self._has_news, pending
        self._inbox.setText(tr("Inbox ({count})", count=pending) if pending else tr("Inbox"))
        self._icon.setToolTip(self._tip())
        if had != self._has_news:
            self._icon.setIcon(self._draw())

    def show_unseen(self, unseen: int) -> None:
        """Show how many notices the user has not seen: in the menu, in the tooltip, and as a dot on the icon."""
        if unseen == self._unseen:
            return
        had, self._unseen = self._has_news, unseen
        self._notices.setText(tr("Notices ({count})", count=unseen) if unseen else tr("Notices"))
        self._icon.setToolTip(self._tip())
        if had != self._has_news:
            self._icon.setIcon(self._draw())

    def show_quiet(self, until: str | None) -> None:
        """Say in the menu until when no notice is shown (ISO); None: they are."""
        self._quiet_until = until
        self._name_quiet()

    @property
    def _has_news(self) -> bool:
        return bool(self._pending or self._unseen)

    @property
    def _is_quiet(self) -> bool:
        return self._quiet_until is not None and datetime.fromisoformat(self._quiet_until) > datetime.now(UTC)

    def _name_quiet(self) -> None:
        if self._is_quiet and self._quiet_until is not None:
            time = f"{datetime.fromisoformat(self._quiet_until):%H:%M}"
            self._quiet.setText(tr("Quiet until {time}: end it", time=time))
        else:
            self._quiet.setText(tr("Quiet for an hour"))

    def _ask_for_quiet(self) -> None:
        self.quiet_requested.emit(not self._is_quiet)

    def show_level(self, sentence: str) -> None:
        """Say in the menu how far tools are walled off."""
        self._jail.setText(sentence.replace("&", "&&"))
        self._jail.setVisible(bool(sentence))

    def show_power(self, sentence: str) -> None:
        """Say in the menu what follows of the power; "" where nothing does."""
        self._power.setText(sentence.replace("&", "&&"))
        self._power.setVisible(bool(sentence))

    def _tip(self) -> str:
        lines = [tr("OpenCLaw: {state}", state=self._state)]
        if self._pending:
            lines.append(describe_pending(self._pending))
        if self._unseen:
            lines.append(describe_unseen(self._unseen))
        return "\n".join(lines)

    def _draw(self) -> QIcon:
        icon = load_icon(self._mood)
        return add_dot(icon) if self._has_news else icon

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason == QSystemTrayIcon.ActivationReason.Trigger:
            self.toggle_requested.emit()
