"""A small window that says one thing, asks one thing, and waits for the button that the user presses.

Owns how such a window looks, where it stands, and its one page at a time. Must not know what is asked. Main thread,
loop.
"""

from __future__ import annotations

import asyncio

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent, QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLayout, QPushButton, QVBoxLayout, QWidget

from openclaw_desktop.core.text import without_controls
from openclaw_desktop.ui.labels import Tone, make_button, make_label, set_tone
from openclaw_desktop.ui.theme import current_theme, make_palette, style_sheet
from openclaw_desktop.ui.tray import load_icon

WIDTH_PX = 480
MARK_PX = 32
# What `answer` returns where the window is closed by other means than its buttons.
CLOSED = ""


class Window(QDialog):
    """Fill a page with `begin` and `offer`, `present` it, and await `answer` as often as there is something to ask."""

    def __init__(self, name: str) -> None:
        kinds = Qt.WindowType
        super().__init__(
            None, kinds.Dialog | kinds.CustomizeWindowHint | kinds.WindowTitleHint | kinds.WindowCloseButtonHint
        )
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self._page = self._next = QWidget()
        self._note = make_label(name="window_note")
        theme = current_theme()
        self.setPalette(make_palette(theme))
        self.setStyleSheet(style_sheet(theme))
        self.setObjectName(name)
        self.setFixedWidth(WIDTH_PX)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(24, 20, 24, 18)
        self._column.addWidget(self._page)

    def begin(self, headline: str, *sentences: str) -> QVBoxLayout:
        """Begin a page, and return the column that the rest goes into; `offer` ends it."""
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        mark = make_label(wrap=False)
        mark.setPixmap(load_icon("idle").pixmap(MARK_PX, MARK_PX))
        title = make_label(without_controls(headline), name="headline")
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.4)
        title.setFont(font)
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(mark)
        top.addWidget(title, 1)
        column.addLayout(top)
        column.addSpacing(2)
        for sentence in sentences:
            column.addWidget(make_label(without_controls(sentence), name="window_text"))
        self.setWindowTitle(without_controls(headline))
        self._next = page
        self._note = make_label(name="window_note")
        self._note.hide()
        return column

    def offer(self, column: QVBoxLayout, *buttons: tuple[str, str, Tone | None]) -> list[QPushButton]:
        """End the page with the line for what is said later and with buttons, and show it in the place of the last one.

        Each button is an answer, its text and its tone.
        """
        column.addWidget(self._note)
        column.addSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        made = []
        for answer, text, tone in buttons:
            button = make_button(text, name=answer, tone=tone)
            button.clicked.connect(lambda _checked=False, answer=answer: self._answers.put_nowait(answer))
            row.addWidget(button)
            made.append(button)
        column.addLayout(row)
        self._column.replaceWidget(self._page, self._next)
        self._page.hide()
        self._page.deleteLater()
        self._page = self._next
        self._page.show()
        self.fit()
        return made

    def say(self, sentence: str, *, problem: bool = False) -> None:
        """Say `sentence` above the buttons, or take it away where it is ""."""
        self._note.setText(without_controls(sentence))
        set_tone(self._note, "quiet", not problem)
        set_tone(self._note, "danger", problem)
        self._note.setVisible(bool(sentence))
        self.fit()

    def set_busy(self, busy: bool) -> None:
        """Take nothing while something is done."""
        self._page.setEnabled(not busy)

    async def answer(self) -> str:
        """Wait for a button and return its answer; CLOSED where the window is closed."""
        return await self._answers.get()

    def present(self, *, take_keys: bool = True) -> None:
        """Show the window in the middle of the screen, in front.

        `take_keys` False: it comes by itself, and the keys stay with the window that the user is typing into.
        """
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating, not take_keys)
        self.fit()
        if not self.isVisible():
            rect = self.rect()
            rect.moveCenter(QGuiApplication.primaryScreen().availableGeometry().center())
            self.move(rect.topLeft())
            self.show()
        self.raise_()
        if take_keys:
            self.activateWindow()

    def dismiss(self) -> None:
        """Take the window away for good."""
        self.hide()
        self.deleteLater()

    def fit(self) -> None:
        """Be as tall as the page is."""
        # At once, and with the style sheet's sizes: Qt would do both later.
        for widget in self.findChildren(QWidget):
            widget.ensurePolished()
        for layout in reversed(self.findChildren(QLayout)):
            layout.activate()
        self.resize(WIDTH_PX, self._column.totalHeightForWidth(WIDTH_PX))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Leave it to who asks what closing means."""
        event.ignore()
        self.reject()

    def reject(self) -> None:
        """Answer CLOSED, as Escape does too, unless something is being done."""
        if self._page.isEnabled():
            self._answers.put_nowait(CLOSED)
