"""Where the user writes.

Owns the unsent text and what may be sent. Must not know the agent: it says what was sent and that a stop is wanted.
Main thread.
"""

from __future__ import annotations

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QTextOption
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from openclaw_desktop.core.text import tr, without_controls
from openclaw_desktop.service.api import MESSAGE_LIMIT_CHARS
from openclaw_desktop.ui.labels import make_label, make_tool

# Up to here text may be pasted and then shortened by hand; more would only freeze the window (a line of 60,000
# characters without a space takes Qt half a second).
PASTE_LIMIT_CHARS = 2 * MESSAGE_LIMIT_CHARS
MOST_LINES = 8


class MessageEdit(QPlainTextEdit):
    """Plain text that grows with its lines; Enter sends, Shift+Enter breaks the line."""

    send_requested = Signal()
    paste_refused = Signal(int)
    focus_changed = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("composer")
        self.setAccessibleName(tr("Message"))
        self.setTabChangesFocus(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(2)
        self.document().documentLayout().documentSizeChanged.connect(lambda _size: self._fit())
        self._fit()

    def _fit(self) -> None:
        lines = min(MOST_LINES, max(1, int(self.document().size().height())))
        self.setFixedHeight(lines * self.fontMetrics().lineSpacing() + 8)
        # Qt measures too early where a line wraps, and would show a bar for text that fits.
        needed = Qt.ScrollBarPolicy.ScrollBarAsNeeded if lines == MOST_LINES else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self.setVerticalScrollBarPolicy(needed)

    def length(self) -> int:
        """Return the number of characters, without copying the text where it is short."""
        units = self.document().characterCount() - 1
        return units if units <= MESSAGE_LIMIT_CHARS else len(self.toPlainText())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Send on Enter; every other key is the editor's."""
        shifted = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not shifted:
            self.send_requested.emit()
            return
        super().keyPressEvent(event)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Paste plain text; refuse what no message could hold, which would freeze the window."""
        text = source.text()
        if len(text) + self.length() > PASTE_LIMIT_CHARS:
            self.paste_refused.emit(len(text))
            return
        self.textCursor().insertText(without_controls(text))
        self.ensureCursorVisible()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the keys go."""
        super().focusInEvent(event)
        self.focus_changed.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show that the keys go elsewhere."""
        super().focusOutEvent(event)
        self.focus_changed.emit(False)


class Composer(QWidget):
    """The editor with its button, Send or Stop, and a line for what stands in the way of sending."""

    submitted = Signal(str)
    stop_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._running = False
        self._ready = False
        self._refused = ""
        self.edit = MessageEdit()
        self.send_button = make_tool("send", tr("Send (Enter)"), name="send", size_px=18)
        self.stop_button = make_tool("stop", tr("Stop the answer"), name="stop", size_px=18)
        for button in (self.send_button, self.stop_button):
            button.setFixedSize(30, 30)
        self.stop_button.hide()
        self._panel = QFrame()
        self._panel.setObjectName("composer_panel")
        row = QHBoxLayout(self._panel)
        row.setContentsMargins(10, 5, 6, 5)
        row.setSpacing(6)
        row.addWidget(self.edit, 1, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.send_button, 0, Qt.AlignmentFlag.AlignBottom)
        row.addWidget(self.stop_button, 0, Qt.AlignmentFlag.AlignBottom)
        self._hint = make_label(name="composer_hint", tone="danger")
        self._hint.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 4, 12, 12)
        column.setSpacing(4)
        column.addWidget(self._hint)
        column.addWidget(self._panel)
        self.setFocusProxy(self.edit)
        self.edit.textChanged.connect(self._on_text_changed)
        self.edit.send_requested.connect(self.submit)
        self.edit.paste_refused.connect(self._on_paste_refused)
        self.edit.focus_changed.connect(self._on_focus_changed)
        self.send_button.clicked.connect(self.submit)
        self.stop_button.clicked.connect(self.stop_requested)
        self._update()

    @property
    def running(self) -> bool:
        """Whether a turn runs, so that the button stops it."""
        return self._running

    @property
    def hint(self) -> str:
        """The sentence above the editor, "" where there is none."""
        return self._hint.text()

    def set_ready(self, ready: bool, placeholder: str) -> None:
        """Allow or forbid sending; writing is always possible."""
        self._ready = ready
        self.edit.setPlaceholderText(placeholder)
        # Qt draws a changed placeholder only where something else is drawn too.
        self.edit.viewport().update()
        self._update()

    def set_running(self, running: bool) -> None:
        """Turn Send into Stop while a turn runs."""
        had_focus = self.send_button.hasFocus() or self.stop_button.hasFocus()
        self._running = running
        self.send_button.setVisible(not running)
        self.stop_button.setVisible(running)
        if had_focus:
            self.edit.setFocus()
        self._update()

    def give_back(self, text: str) -> None:
        """Put a text that was not accepted back in front of what has been written since."""
        written = self.edit.toPlainText()
        self.edit.setPlainText(f"{text}\n{written}" if written.strip() else text)
        self.edit.moveCursor(self.edit.textCursor().MoveOperation.End)

    def submit(self) -> None:
        """Send the text, where it can be sent; otherwise it stays."""
        text = without_controls(self.edit.toPlainText()).strip()
        if not text or self._running or not self._ready or len(text) > MESSAGE_LIMIT_CHARS:
            return
        self.edit.clear()
        self.submitted.emit(text)

    def _on_text_changed(self) -> None:
        self._refused = ""
        self._update()

    def _on_paste_refused(self, length_chars: int) -> None:
        self._refused = tr(
            "The pasted text has {length:,} characters; a message can have {limit:,}. "
            "Save it as a file and ask about the file.",
            length=length_chars,
            limit=MESSAGE_LIMIT_CHARS,
        )
        self._update()

    def _on_focus_changed(self, focused: bool) -> None:
        self._panel.setProperty("focused", focused)
        self._panel.style().unpolish(self._panel)
        self._panel.style().polish(self._panel)

    def _update(self) -> None:
        length_chars = self.edit.length()
        hint = self._refused
        if length_chars > MESSAGE_LIMIT_CHARS:
            hint = tr(
                "This message has {length:,} characters; a message can have {limit:,}. "
                "Shorten it, or save it as a file and ask about the file.",
                length=length_chars,
                limit=MESSAGE_LIMIT_CHARS,
            )
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))
        sendable = self._ready and 0 < length_chars <= MESSAGE_LIMIT_CHARS
        self.send_button.setEnabled(sendable and not self._running)
