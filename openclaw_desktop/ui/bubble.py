"""One message of the chat: what the user said, or an answer while it is written and after.

Owns the widgets of one message. Must not know the agent or where the message stands. Main thread.
"""

from __future__ import annotations

import time
from contextlib import suppress
from urllib.parse import urlsplit

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from openclaw_desktop.core.errors import Failure
from openclaw_desktop.core.text import tr, visible, without_controls
from openclaw_desktop.service.memory.api import Mark
from openclaw_desktop.ui.flow import FlowLayout
from openclaw_desktop.ui.labels import make_button, make_label, make_tool, paint_tool, set_tip, set_tone
from openclaw_desktop.ui.pane import TextPane

# Text is drawn at most this often while it streams, and never for more than a twelfth of the time.
STREAM_INTERVAL_MS = 90
RENDER_SHARE = 12
CHIP_LIMIT_CHARS = 80
ORIGIN_LIMIT_CHARS = 32


def _shorten(text: str) -> str:
    text = visible(text)
    return text if len(text) <= CHIP_LIMIT_CHARS else text[: CHIP_LIMIT_CHARS - 1] + "…"


def short_origin(origin: str) -> str:
    """Return where a text comes from in a few words: the host of a page, the name of a file."""
    kind, _, place = origin.partition(":")
    if "://" in place:
        with suppress(ValueError):  # whoever wrote the text may have chosen what looks like an address
            place = urlsplit(place).hostname or place
    elif kind in ("file", "folder"):
        place = place.rstrip("/").rsplit("/", 1)[-1] or place
    else:
        place = origin
    place = visible(place)
    return place if len(place) <= ORIGIN_LIMIT_CHARS else place[: ORIGIN_LIMIT_CHARS - 1] + "…"


class UserBubble(QWidget):
    """What the user said, at the right."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.setObjectName("user_message")
        bubble = QFrame()
        bubble.setObjectName("user_bubble")
        self._pane = TextPane()
        self._pane.setAccessibleName(tr("You said"))
        self._pane.show_plain(text)
        inner = QVBoxLayout(bubble)
        inner.setContentsMargins(12, 8, 12, 8)
        inner.addWidget(self._pane)
        row = QHBoxLayout(self)
        row.setContentsMargins(32, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(bubble)


class AnswerBubble(QWidget):
    """One answer: its text as it grows, what was done for it, and who gave it."""

    retry_requested = Signal()
    mark_given = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("answer")
        self.turn_id = ""
        self.mark: Mark = "none"
        self._text = ""
        self._stale = False
        self._notices = QVBoxLayout()
        self._notices.setSpacing(2)
        self._waiting = make_label(tr("Thinking…"), name="waiting", tone="quiet")
        self._bubble = QFrame()
        self._bubble.setObjectName("answer_bubble")
        self._pane = TextPane()
        self._pane.setObjectName("answer_text")
        self._pane.setAccessibleName(tr("Answer"))
        inner = QVBoxLayout(self._bubble)
        inner.setContentsMargins(12, 10, 12, 10)
        inner.addWidget(self._pane)
        self._chips = QWidget()
        self._chip_row = FlowLayout(self._chips)
        self._model = make_label(name="answered_by", tone="quiet")
        self._origin = make_button("", name="untrusted")
        self._origin.setCheckable(True)
        self._origin.toggled.connect(self._show_sources)
        self._sources = TextPane()
        self._sources.setObjectName("sources")
        self._sources.setAccessibleName(tr("What this answer is built on"))
        self._footer = self._make_footer()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(self._notices)
        column.addWidget(self._waiting)
        column.addWidget(self._bubble)
        column.addWidget(self._chips)
        column.addWidget(self._origin)
        column.addWidget(self._sources)
        column.addWidget(self._footer)
        for widget in (self._bubble, self._chips, self._origin, self._sources, self._footer):
            widget.hide()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(STREAM_INTERVAL_MS)
        self._timer.timeout.connect(self._render)

    def _make_footer(self) -> QWidget:
        footer = QWidget()
        self.copy_button = make_tool("copy", tr("Copy this answer"), name="copy", size_px=14)
        self.copy_button.clicked.connect(self.copy)
        self.retry_button = make_tool("retry", tr("Ask the same again"), name="retry", size_px=14)
        self.retry_button.clicked.connect(self.retry_requested)
        self.up_button = make_tool("up", tr("A good answer"), name="mark_up", size_px=14)
        self.down_button = make_tool("down", tr("A bad answer"), name="mark_down", size_px=14)
        row = QHBoxLayout(footer)
        row.setContentsMargins(2, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self._model, 1)
        for button, mark in ((self.up_button, "up"), (self.down_button, "down")):
            button.setCheckable(True)
            button.clicked.connect(lambda _checked=False, mark=mark: self._give_mark(mark))
            button.hide()
            row.addWidget(button)
        row.addWidget(self.copy_button)
        row.addWidget(self.retry_button)
        return footer

    @property
    def text(self) -> str:
        """The answer so far, as the model wrote it."""
        return self._text

    @property
    def shown_text(self) -> str:
        """The text that is on the screen."""
        return self._pane.toPlainText()

    def copy(self) -> None:
        """Put the answer's text on the clipboard."""
        QGuiApplication.clipboard().setText(without_controls(self._text))

    def add_text(self, text: str) -> None:
        """Append `text`; it is drawn soon, together with what follows closely."""
        self._text += text
        self._stale = True
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def set_text(self, text: str) -> None:
        """Show `text` instead of what there is."""
        self._text = text
        self._render()

    def add_notice(self, text: str) -> None:
        """Show a sentence of the agent itself."""
        self._notices.addWidget(make_label(without_controls(text), name="notice", tone="quiet"))

    def set_waiting(self, text: str) -> None:
        """Say what is being done while no text comes."""
        self._waiting.setText(_shorten(text))
        self._waiting.show()

    def add_chip(self, mark: str, text: str, *, detail: str = "", failed: bool = False) -> None:
        """Add a small mark for something that was done, or that failed."""
        chip = make_label(f"{mark} {_shorten(text)}", name="chip", wrap=False)
        set_tip(chip, detail)
        chip.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        set_tone(chip, "danger", failed)
        self._chip_row.addWidget(chip)
        self._chips.show()

    def finish(self, model: str, *, untrusted: bool = False, origins: tuple[str, ...] = (), turn_id: str = "") -> None:
        """End the answer: say who gave it and what it is built on, and offer Copy, Retry and, of a turn, the marks."""
        self._timer.stop()
        self._render()
        self._waiting.hide()
        self._model.setText(model)
        self.turn_id = turn_id
        if untrusted:
            self._name_sources(origins)
        written = bool(self._text.strip())
        self.copy_button.setVisible(written)
        self.show_marks(written and bool(turn_id))
        self._footer.show()

    def _name_sources(self, origins: tuple[str, ...]) -> None:
        if not origins:
            text = tr("built on text that you didn't write")
        elif len(origins) == 1:
            text = tr("built on text from {origin}", origin=short_origin(origins[0]))
        else:
            first = short_origin(origins[0])
            text = tr("built on text from {origin} and {more} more", origin=first, more=len(origins) - 1)
        named = "\n".join(visible(origin) for origin in origins)
        told = tr("Text that you didn't write was read for this answer. Check what it says before you act on it.")
        self._sources.show_plain(f"{told}\n{named}" if named else told)
        self._origin.setText(text.replace("&", "&&"))
        self._origin.setAccessibleName(text)
        set_tip(self._origin, f"{told} {', '.join(origins)}")
        self._origin.show()

    def _show_sources(self, shown: bool) -> None:
        self._sources.setVisible(shown)

    def _give_mark(self, mark: Mark) -> None:
        # Shown once it is kept; a second click takes it back.
        given: Mark = "none" if mark == self.mark else mark
        self.show_mark(self.mark)
        self.mark_given.emit(given)

    def show_mark(self, mark: Mark) -> None:
        """Show which mark stands on this answer."""
        self.mark = mark
        for button, own in ((self.up_button, "up"), (self.down_button, "down")):
            button.setChecked(mark == own)
            set_tone(button, "marked", mark == own)
            paint_tool(button)

    def show_marks(self, shown: bool) -> None:
        """Offer the two marks, or not, where this answer is not kept."""
        self.up_button.setVisible(shown)
        self.down_button.setVisible(shown)

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what came while nobody could see it."""
        super().showEvent(event)
        if self._stale:
            self._render()

    def _render(self) -> None:
        started_s = time.perf_counter()
        self._stale = False
        self._pane.show_markdown(self._text)
        written = bool(self._text.strip())
        self._bubble.setVisible(written)
        if written:
            self._waiting.hide()
        render_ms = (time.perf_counter() - started_s) * 1000
        self._timer.setInterval(max(STREAM_INTERVAL_MS, round(render_ms * RENDER_SHARE)))

    def repaint_text(self) -> None:
        """Draw the text anew, after the theme changed."""
        self._pane.show_markdown(self._text)


class FailureCard(QFrame):
    """A turn that ended without an answer: what happened, what to do, and a way to ask again."""

    retry_requested = Signal()

    def __init__(self, failure: Failure, *, retry: bool) -> None:
        super().__init__()
        self.setObjectName("failure")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.addWidget(make_label(without_controls(failure.sentence), name="failure_sentence"))
        if failure.advice:
            column.addWidget(make_label(without_controls(failure.advice), name="failure_advice", tone="quiet"))
        if retry:
            button = make_button(tr("Try again"), name="retry")
            button.clicked.connect(self.retry_requested)
            row = QHBoxLayout()
            row.addWidget(button)
            row.addStretch(1)
            column.addLayout(row)
