"""The window that asks before the agent acts.

Owns one question on the screen. Must not know what the action is: it shows the frozen calls as they are and returns the
id of a choice. Nothing in it comes formatted from a model; hidden characters are made visible. Main thread.
"""

from __future__ import annotations

import math
import time

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QFontMetrics, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from openclaw_desktop.core.events import Choice, Question
from openclaw_desktop.core.text import tr, visible, without_controls
from openclaw_desktop.service.walls.question_lines import Line, describe_calls, name_origin
from openclaw_desktop.ui.call_view import LinesView
from openclaw_desktop.ui.labels import make_button, make_label, set_tip
from openclaw_desktop.ui.theme import current_theme, make_palette, style_sheet

# As long as this after the window comes to the front, and after the last key since, no button that allows can be
# pressed and no key but Escape counts: the user was typing, or is about to see what the question is.
GUARD_MS = 700
COUNT_MS = 250
WIDTH_PX = 440
# Of what changes a file, and of a plan, lines are long and many.
WIDE_PX = 620
SIDE_PX = 20
BAR_PX = 12
MARGIN_PX = 12
TITLE_BAR_PX = 40
LEAST_BODY_PX = 80
BUTTON_PADDING_PX = 40
BUTTON_LINES = 5
ROW_CHARS = 40
ORIGINS_SHOWN = 8


class QuestionDialog(QDialog):
    """Shows one question; `answered` says the chosen id, that of the last choice where the window is closed."""

    answered = Signal(str)

    def __init__(self, question: Question) -> None:
        kinds = Qt.WindowType
        title_bar = kinds.CustomizeWindowHint | kinds.WindowTitleHint | kinds.WindowCloseButtonHint
        super().__init__(None, kinds.Dialog | title_bar | kinds.WindowStaysOnTopHint)
        self.question = question
        self.refusal = question.choices[-1].id
        self._done = False
        self._shown_s: float | None = None
        self._width_px = WIDE_PX if len(question.calls) > 1 or any(c.preview for c in question.calls) else WIDTH_PX
        theme = current_theme()
        self.setPalette(make_palette(theme))
        self.setStyleSheet(style_sheet(theme))
        self.setObjectName("question")
        self.setWindowTitle(tr("OpenCLaw asks"))
        self.setAccessibleName(visible(question.title))
        self.setAccessibleDescription(without_controls(f"{question.text}\n{question.target}"))
        self.setModal(False)
        self.setFixedWidth(self._width_px)
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(SIDE_PX, 18, SIDE_PX, 16)
        column.setSpacing(10)
        headline = make_label(visible(question.title), name="headline")
        font = headline.font()
        font.setPointSizeF(font.pointSizeF() * 1.2)
        headline.setFont(font)
        column.addWidget(headline)
        self._body = self._make_body()
        column.addWidget(self._body)
        self._wait = make_label(name="question_wait", tone="warning")
        self._wait.setVisible(bool(question.delay_s))
        column.addWidget(self._wait)
        self._guard = QTimer(self)
        self._guard.setObjectName("guard")
        self._guard.setSingleShot(True)
        self._guard.timeout.connect(lambda: self._set_allowed(True))
        self._count = QTimer(self)
        self._count.setInterval(COUNT_MS)
        self._count.timeout.connect(self._tell_wait)
        self._allowing: list[QPushButton] = []
        column.addSpacing(4)
        column.addLayout(self._make_buttons())
        self._arm()
        self._fit(QGuiApplication.primaryScreen().availableGeometry().height())

    # What it shows

    def _make_body(self) -> QScrollArea:
        """Return all that there is to read: it scrolls where the screen is too small, and the buttons never leave."""
        body = QScrollArea()
        body.setObjectName("question_body")
        body.setAccessibleName(tr("What is asked"))
        body.setFrameShape(QFrame.Shape.NoFrame)
        body.setWidgetResizable(True)
        body.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        body.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        content = QWidget()
        column = self._reading = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        question, width_px = self.question, self._width_px - 2 * SIDE_PX
        if question.text:
            column.addWidget(make_label(without_controls(question.text), name="question_text"))
        # Of a plan each call says its own.
        if question.target and len(question.calls) < 2:
            lines = [Line("note", visible(question.target))]
            column.addWidget(self._exact(lines, width_px, "question_target", tr("What it is about, exactly")))
        if lines := describe_calls(question.calls):
            voice = tr("All that it would do, to the letter")
            column.addWidget(self._exact(lines, width_px, "question_details", voice))
        if question.origins:
            column.addWidget(make_label(_describe_origins(question.origins), name="question_origins", tone="warning"))
        column.addStretch(1)
        body.setWidget(content)
        return body

    def _exact(self, lines: list[Line], width_px: int, name: str, voice: str) -> LinesView:
        view = LinesView(lines, width_px, name=name, voice=voice)
        view.installEventFilter(self)
        return view

    def _make_buttons(self) -> QHBoxLayout | QVBoxLayout:
        texts = [without_controls(choice.text) for choice in self.question.choices]
        row: QHBoxLayout | QVBoxLayout = QHBoxLayout() if sum(map(len, texts)) <= ROW_CHARS else QVBoxLayout()
        row.setSpacing(8)
        if isinstance(row, QHBoxLayout):
            row.addStretch(1)
        for choice in self.question.choices:
            row.addWidget(self._make_button(choice))
        return row

    def _make_button(self, choice: Choice) -> QPushButton:
        refuses = choice.id == self.refusal
        text = visible(choice.text)
        button = make_button(text, name=f"question_choice_{choice.id}", tone="primary" if refuses else None)
        width_px = self._width_px - 2 * SIDE_PX - BUTTON_PADDING_PX
        lines = break_text(text, button.fontMetrics(), width_px)
        if len(lines) > BUTTON_LINES:
            lines = [*lines[: BUTTON_LINES - 1], "…"]
        button.setText("\n".join(lines).replace("&", "&&"))
        set_tip(button, text if len(lines) > 1 else "")
        button.setAutoDefault(refuses)
        button.setDefault(refuses)
        button.clicked.connect(lambda: self._answer(choice.id))
        button.installEventFilter(self)
        if refuses:
            self._no = button
        else:
            self._allowing.append(button)
        return button

    def _fit(self, screen_px: int) -> None:
        """Be as tall as what is asked, and no taller than the screen."""
        for widget in self.findChildren(QWidget):
            widget.ensurePolished()
        self._body.setFixedHeight(0)
        room_px = screen_px - 2 * MARGIN_PX - TITLE_BAR_PX - self._column.totalHeightForWidth(self._width_px)
        wanted_px = self._lay_out(self._width_px - 2 * SIDE_PX)
        scrolls = wanted_px > room_px
        if scrolls:
            wanted_px = self._lay_out(self._width_px - 2 * SIDE_PX - BAR_PX)
        self._body.setFixedHeight(max(LEAST_BODY_PX, room_px) if scrolls else wanted_px)
        self._body.setFocusPolicy(Qt.FocusPolicy.StrongFocus if scrolls else Qt.FocusPolicy.NoFocus)
        self.resize(self._width_px, self._column.totalHeightForWidth(self._width_px))

    def _lay_out(self, width_px: int) -> int:
        """Give what there is to read that width, and return how tall it is then."""
        for view in self.findChildren(LinesView):
            view.fit(width_px)
        for layout in reversed(self.findChildren(QLayout)):
            layout.activate()
        return self._reading.totalHeightForWidth(width_px)

    # When a yes may be said

    def _arm(self) -> None:
        self._set_allowed(False)
        # The service takes no yes before the question's own delay is over, counted from when it raised it: the buttons
        # must not offer one.
        elapsed_s = 0.0 if self._shown_s is None else time.monotonic() - self._shown_s
        left_s = max(0.0, self.question.delay_s - elapsed_s)
        self._guard.setInterval(GUARD_MS + math.ceil(left_s * 1000))
        self._guard.start()
        self._tell_wait()

    def _set_allowed(self, allowed: bool) -> None:
        for button in self._allowing:
            button.setEnabled(allowed)
        if allowed:
            self._tell_wait()

    def _tell_wait(self) -> None:
        if not self.question.delay_s:
            return
        left_s = math.ceil(max(0, self._guard.remainingTime()) / 1000)
        if left_s and self._guard.isActive():
            self._wait.setText(tr("Read it first: a yes can be given in {seconds} s.", seconds=left_s))
            if not self._count.isActive():
                self._count.start()
        else:
            self._wait.setText(tr("A yes can be given now. No is the safe answer."))
            self._count.stop()

    def present_beside(self, window: QWidget | None) -> None:
        """Show the question over `window`, or in the middle of the screen."""
        screen = window.screen() if window is not None else QGuiApplication.primaryScreen()
        available = screen.availableGeometry()
        self._fit(available.height())
        rect = self.rect()
        rect.moveCenter(available.center() if window is None else window.geometry().center())
        rect.moveRight(min(rect.right(), available.right() - MARGIN_PX))
        rect.moveLeft(max(rect.left(), available.left() + MARGIN_PX))
        rect.moveBottom(min(rect.bottom(), available.bottom() - MARGIN_PX))
        rect.moveTop(max(rect.top(), available.top() + MARGIN_PX))
        if self._shown_s is None:
            self._shown_s = time.monotonic()
        self.move(rect.topLeft())
        self.show()
        self.raise_()
        self.activateWindow()
        # Qt gives the focus to what can be read first; Enter and Space are to find the no.
        self._no.setFocus()

    def _answer(self, choice: str) -> None:
        if not self._done:
            self._done = True
            self.hide()
            self.answered.emit(choice)

    def ask_again(self) -> None:
        """Come back: the yes came before it counted."""
        self._done = False
        self.show()
        self._arm()

    def dismiss(self) -> None:
        """Close without an answer: the question was answered elsewhere or no longer matters."""
        self._done = True
        self.hide()

    def changeEvent(self, event: QEvent) -> None:
        """Guard anew each time the window comes to the front: keys meant for another window may land here."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow() and hasattr(self, "_allowing"):
            self._arm()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Swallow the keys of a user who has not seen the question yet, whatever has the focus."""
        return self._swallows(event) or self._turns_page(event) or super().eventFilter(watched, event)

    def _swallows(self, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent) or event.key() == Qt.Key.Key_Escape:
            return False
        # A key that is still held down was pressed for another window.
        if not self._guard.isActive() and not event.isAutoRepeat():
            return False
        if self._guard.isActive():
            self._arm()
        event.accept()
        return True

    def _turns_page(self, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent) or event.key() not in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
            return False
        if event.type() == QEvent.Type.KeyPress:
            bar = self._body.verticalScrollBar()
            step = bar.pageStep() if event.key() == Qt.Key.Key_PageDown else -bar.pageStep()
            bar.setValue(bar.value() + step)
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Refuse on Escape, and on Enter wherever the focus is; the page keys turn what there is to read."""
        if self._swallows(event) or self._turns_page(event):
            return
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._answer(self.refusal)
            return
        super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Refuse when the window is closed."""
        self._answer(self.refusal)
        super().closeEvent(event)


def break_text(text: str, metrics: QFontMetrics, width_px: int) -> list[str]:
    """Return `text` in lines that fit `width_px`: a button breaks none by itself, and a path has no spaces."""
    lines = []
    while text:
        end = len(text)
        if metrics.horizontalAdvance(text) > width_px:
            low, high = 1, len(text)
            while low < high:
                middle = (low + high + 1) // 2
                low, high = (
                    (middle, high) if metrics.horizontalAdvance(text[:middle]) <= width_px else (low, middle - 1)
                )
            space = text.rfind(" ", 1, low)
            end = space + 1 if space > low // 2 else low
        lines.append(text[:end].rstrip())
        text = text[end:]
    return lines


def _describe_origins(origins: tuple[str, ...]) -> str:
    shown = ", ".join(name_origin(origin) for origin in origins[:ORIGINS_SHOWN])
    more = len(origins) - ORIGINS_SHOWN
    if more > 0:
        return tr("Asked because of text from: {origins} and {more} more", origins=shown, more=more)
    return tr("Asked because of text from: {origins}", origins=shown)
