"""The window that asks before the agent acts.

Owns one question on the screen. Must not know what the action is: it shows the frozen call's exact target and returns
the id of a choice. Nothing in it comes formatted from a model; hidden characters are made visible. Main thread.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QFontDatabase, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from openclaw_desktop.core.events import Choice, Question
from openclaw_desktop.core.text import tr, visible, visible_lines, without_controls
from openclaw_desktop.ui.labels import make_button, make_label
from openclaw_desktop.ui.theme import current_theme, make_palette, style_sheet

# As long as this after the window comes to the front, and after the last key since, no button that allows can be
# pressed and no key but Escape counts: the user was typing, or is about to see what the question is.
GUARD_MS = 700
WIDTH_PX = 440
MARGIN_PX = 12
TARGET_LINES = 5
DETAIL_LINES = 12
ORIGINS_SHOWN = 8


class QuestionDialog(QDialog):
    """Shows one question; `answered` says the chosen id, "no" where the window is closed."""

    answered = Signal(str)

    def __init__(self, question: Question) -> None:
        super().__init__(None, Qt.WindowType.Dialog | Qt.WindowType.WindowStaysOnTopHint)
        self.question = question
        self._refusal = question.choices[-1].id
        self._done = False
        theme = current_theme()
        self.setPalette(make_palette(theme))
        self.setStyleSheet(style_sheet(theme))
        self.setObjectName("question")
        self.setWindowTitle(tr("OpenCLaw asks"))
        self.setAccessibleName(visible(question.title))
        self.setModal(False)
        self.setFixedWidth(WIDTH_PX)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        headline = make_label(visible(question.title), name="headline")
        font = headline.font()
        font.setPointSizeF(font.pointSizeF() * 1.2)
        headline.setFont(font)
        column.addWidget(headline)
        if question.text:
            column.addWidget(make_label(without_controls(question.text), name="question_text"))
        if question.target:
            column.addWidget(self._make_target())
        if details := describe_calls(question):
            column.addWidget(self._make_details(details))
        if question.origins:
            column.addWidget(make_label(_describe_origins(question.origins), name="question_origins", tone="quiet"))
        self._guard = QTimer(self)
        self._allowing: list[QPushButton] = []
        column.addSpacing(4)
        column.addLayout(self._make_buttons())
        self._guard.setObjectName("guard")
        self._guard.setSingleShot(True)
        # The service takes no yes before the question's own delay: the buttons must not offer one.
        self._guard.setInterval(max(GUARD_MS, int(question.delay_s * 1000) + GUARD_MS if question.delay_s else 0))
        self._guard.timeout.connect(lambda: self._set_allowed(True))
        self._arm()

    def _make_target(self) -> QWidget:
        # The target of a plan has a line a call.
        shown = visible_lines if len(self.question.calls) > 1 else visible
        target = QPlainTextEdit(shown(self.question.target))
        target.setObjectName("question_target")
        target.setAccessibleName(tr("What it is about, exactly"))
        target.setReadOnly(True)
        target.setTabChangesFocus(True)
        target.installEventFilter(self)
        lines = min(TARGET_LINES, sum(1 + len(line) // 44 for line in target.toPlainText().split("\n")))
        target.setFixedHeight(lines * target.fontMetrics().lineSpacing() + 22)
        return target

    def _make_details(self, text: str) -> QWidget:
        details = QPlainTextEdit(text)
        details.setObjectName("question_details")
        details.setAccessibleName(tr("All that it would do, to the letter"))
        details.setReadOnly(True)
        details.setTabChangesFocus(True)
        details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        details.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        details.installEventFilter(self)
        lines = min(DETAIL_LINES, 1 + text.count("\n"))
        details.setFixedHeight(lines * details.fontMetrics().lineSpacing() + 26)
        return details

    def _make_buttons(self) -> QHBoxLayout | QVBoxLayout:
        texts = [without_controls(choice.text) for choice in self.question.choices]
        row: QHBoxLayout | QVBoxLayout = QHBoxLayout() if sum(map(len, texts)) <= 40 else QVBoxLayout()
        row.setSpacing(8)
        if isinstance(row, QHBoxLayout):
            row.addStretch(1)
        for choice in self.question.choices:
            row.addWidget(self._make_button(choice))
        return row

    def _make_button(self, choice: Choice) -> QPushButton:
        refuses = choice.id == self._refusal
        name = f"question_choice_{choice.id}"
        button = make_button(visible(choice.text), name=name, tone="primary" if refuses else None)
        button.setAutoDefault(refuses)
        button.setDefault(refuses)
        button.clicked.connect(lambda: self._answer(choice.id))
        button.installEventFilter(self)
        if refuses:
            button.setFocus()
        else:
            self._allowing.append(button)
        return button

    def _arm(self) -> None:
        self._set_allowed(False)
        self._guard.start()

    def _set_allowed(self, allowed: bool) -> None:
        for button in self._allowing:
            button.setEnabled(allowed)

    def present_beside(self, window: QWidget | None) -> None:
        """Show the question over `window`, or in the middle of the screen."""
        self.adjustSize()
        screen = window.screen() if window is not None else QGuiApplication.primaryScreen()
        middle = screen.availableGeometry().center() if window is None else window.geometry().center()
        rect = self.rect()
        rect.moveCenter(middle)
        available = screen.availableGeometry()
        rect.moveRight(min(rect.right(), available.right() - MARGIN_PX))
        rect.moveLeft(max(rect.left(), available.left() + MARGIN_PX))
        self.move(rect.topLeft())
        self.show()
        self.raise_()
        self.activateWindow()

    def _answer(self, choice: str) -> None:
        if not self._done:
            self._done = True
            self.hide()
            self.answered.emit(choice)

    def dismiss(self) -> None:
        """Close without an answer: the question was answered elsewhere or no longer matters."""
        self._done = True
        self.hide()

    def changeEvent(self, event: QEvent) -> None:
        """Guard anew each time the window comes to the front: keys meant for another window may land here."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow() and hasattr(self, "_guard"):
            self._arm()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Swallow the keys of a user who has not seen the question yet, whatever has the focus."""
        return self._swallows(event) or super().eventFilter(watched, event)

    def _swallows(self, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent) or event.key() == Qt.Key.Key_Escape:
            return False
        # A key that is still held down was pressed for another window.
        if not self._guard.isActive() and not event.isAutoRepeat():
            return False
        if self._guard.isActive():
            self._guard.start()
        event.accept()
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Refuse on Escape, and on Enter wherever the focus is."""
        if self._swallows(event):
            return
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._answer(self._refusal)
            return
        super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Refuse when the window is closed."""
        self._answer(self._refusal)
        super().closeEvent(event)


def describe_calls(question: Question) -> str:
    """Return what the calls of a question hold besides their target: arguments, where each comes from, what changes.

    "" where the target says it all.
    """
    parts = []
    for call in question.calls:
        lines = [visible(call.tool)] if len(question.calls) > 1 else []
        for argument in call.arguments:
            if argument.value == call.target and not argument.origins and len(question.calls) == 1:
                continue
            value = visible_lines(argument.value)
            source = (
                tr(" (from {origins})", origins=", ".join(map(visible, argument.origins))) if argument.origins else ""
            )
            lines.append(f"{visible(argument.name)}: {value}{source}")
        if call.preview:
            lines.append(visible_lines(call.preview))
        parts.append("\n".join(lines))
    return "\n\n".join(part for part in parts if part)


def _describe_origins(origins: tuple[str, ...]) -> str:
    shown = ", ".join(visible(origin) for origin in origins[:ORIGINS_SHOWN])
    more = len(origins) - ORIGINS_SHOWN
    if more > 0:
        return tr("Asked because of text from: {origins} and {more} more", origins=shown, more=more)
    return tr("Asked because of text from: {origins}", origins=shown)
