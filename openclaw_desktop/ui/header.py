"""The top of the popup: the name, which model answers and what it is doing, and the two buttons.

Owns that line. Must not know the agent. Main thread.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout

from openclaw_desktop.core.text import tr
from openclaw_desktop.ui.labels import make_label, make_tool, set_tip
from openclaw_desktop.ui.states import Mood, describe_pending
from openclaw_desktop.ui.theme import current_theme
from openclaw_desktop.ui.tray import load_icon


class Header(QFrame):
    """Drag it to move the window."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("header")
        mark = QLabel()
        mark.setPixmap(load_icon("idle").pixmap(26, 26))
        name = make_label(tr("OpenCLaw"), name="headline", wrap=False)
        self._dot = QLabel()
        self._dot.setFixedSize(8, 8)
        self._state = make_label(name="model_state", tone="quiet", wrap=False)
        font = self._state.font()
        font.setPointSizeF(font.pointSizeF() * 0.9)
        self._state.setFont(font)
        self.new_button = make_tool("new", tr("New chat (Ctrl+N)"), name="new_chat", size_px=18)
        self.inbox_button = make_tool("inbox", tr("Inbox"), name="inbox", size_px=18)
        self.inbox_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.inbox_button.hide()
        self.hide_button = make_tool("close", tr("Hide (Esc)"), name="hide", size_px=18)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(name)
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self._dot, 0, Qt.AlignmentFlag.AlignVCenter)
        line.addWidget(self._state, 1)
        words.addLayout(line)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 9, 8, 9)
        row.setSpacing(10)
        row.addWidget(mark)
        row.addLayout(words, 1)
        row.addWidget(self.inbox_button)
        row.addWidget(self.new_button)
        row.addWidget(self.hide_button)
        self._mood: Mood = "idle"
        self.show_state(tr("Starting…"), "busy")

    @property
    def state(self) -> str:
        """What the line below the name says."""
        return self._state.text()

    def show_state(self, sentence: str, mood: Mood) -> None:
        """Say `sentence` below the name."""
        self._mood = mood
        self._state.setText(sentence)
        set_tip(self._state, sentence)
        theme = current_theme()
        colour = {"idle": theme.accent, "busy": theme.warning, "error": theme.danger}[mood]
        self._dot.setStyleSheet(f"background: {colour}; border-radius: 4px;")

    def show_pending(self, pending: int) -> None:
        """Show how many entries of the inbox wait; no button where none does."""
        self.inbox_button.setText(str(pending))
        self.inbox_button.setToolTip(describe_pending(pending))
        self.inbox_button.setAccessibleName(describe_pending(pending))
        self.inbox_button.setVisible(pending > 0)

    def repaint_state(self) -> None:
        """Draw the dot in the colours of the theme."""
        self.show_state(self.state, self._mood)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to move the window."""
        handle = self.window().windowHandle()
        if event.button() == Qt.MouseButton.LeftButton and handle is not None:
            handle.startSystemMove()
