"""The messages of one chat, one below the other, with the newest in sight.

Owns their order and the scrolling. Must not know the agent. Main thread.
"""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from openclaw_desktop.core.errors import Failure
from openclaw_desktop.core.text import tr, without_controls
from openclaw_desktop.service.api import SessionMessage
from openclaw_desktop.ui.bubble import AnswerBubble, FailureCard, UserBubble
from openclaw_desktop.ui.labels import make_button, make_label

# Of a long chat this many messages are built at once; the rest on a click.
PAGE_MESSAGES = 40
AT_END_PX = 24


class Transcript(QScrollArea):
    """The scrolling list of messages."""

    retry_requested = Signal(str)
    mark_given = Signal(AnswerBubble, str)
    answers_restored = Signal(list)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("transcript")
        self.setAccessibleName(tr("Conversation"))
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.titles: dict[str, str] = {}
        self._following = True
        self._earlier: list[SessionMessage] = []
        self._turns: set[str] = set()
        self._clear()
        bar = self.verticalScrollBar()
        bar.setSingleStep(24)
        bar.valueChanged.connect(self._note_position)
        bar.rangeChanged.connect(self._follow)

    def _clear(self) -> None:
        content = QWidget()
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(14, 14, 14, 14)
        self._column.setSpacing(14)
        self._column.addStretch(1)
        self._following = True
        # The old content, with all messages, is deleted by Qt here.
        self.setWidget(content)

    def _note_position(self, value: int) -> None:
        self._following = value >= self.verticalScrollBar().maximum() - AT_END_PX

    def _follow(self, _minimum: int, maximum: int) -> None:
        if self._following:
            self.verticalScrollBar().setValue(maximum)

    def clear(self, keep: Iterable[QWidget] = ()) -> None:
        """Begin an empty chat; what is here of `keep` moves into it."""
        kept = [widget for widget in keep if self.isAncestorOf(widget)]
        for widget in kept:
            widget.setParent(None)
        self._earlier = []
        self._turns = set()
        self._clear()
        for widget in kept:
            self.add(widget)
            widget.show()

    def name_model(self, model: str | None) -> str:
        """Say which model gave an answer: by its title, where `titles` has it."""
        if model is None:
            return tr("answered without a model")
        return without_controls(self.titles.get(model, model))

    def is_empty(self) -> bool:
        """Say whether there is nothing to show."""
        return self._column.count() == 1

    def add(self, widget: QWidget) -> None:
        """Put `widget` at the end."""
        self._column.insertWidget(self._column.count() - 1, widget)

    def add_user(self, text: str) -> UserBubble:
        """Add what the user said and go to the end."""
        bubble = UserBubble(text)
        self._following = True
        self.add(bubble)
        return bubble

    def add_answer(self, asked: str) -> AnswerBubble:
        """Add an empty answer to `asked`."""
        bubble = self._make_answer(asked)
        self.add(bubble)
        return bubble

    def _make_answer(self, asked: str) -> AnswerBubble:
        bubble = AnswerBubble()
        bubble.retry_requested.connect(lambda: self.retry_requested.emit(asked))
        bubble.mark_given.connect(lambda mark: self.mark_given.emit(bubble, mark))
        return bubble

    def note_turn(self, turn_id: str) -> None:
        """Note that the messages of a turn stand here already."""
        self._turns.add(turn_id)

    def add_notice(self, text: str) -> None:
        """Add a subdued sentence."""
        self.add(make_label(without_controls(text), name="notice", tone="quiet"))

    def add_failure(self, failure: Failure, asked: str = "") -> None:
        """Add what went wrong; with `asked`, a button to ask that again."""
        card = FailureCard(failure, retry=bool(asked))
        card.retry_requested.connect(lambda: self.retry_requested.emit(asked))
        self.add(card)

    def remove(self, widget: QWidget) -> None:
        """Take `widget` out again."""
        self._column.removeWidget(widget)
        widget.hide()
        widget.deleteLater()

    def restore(self, messages: tuple[SessionMessage, ...]) -> None:
        """Show a stored chat: its newest messages, and the older ones on a click."""
        self.clear()
        kept = [message for message in messages if message.role in ("user", "assistant")]
        self._earlier = kept
        self._turns = {message.turn_id for message in messages}
        self._show_earlier()

    def append(self, messages: tuple[SessionMessage, ...]) -> bool:
        """Add the turns of a chat that don't stand here yet, such as what was done while nobody was there."""
        new = [m for m in messages if m.role in ("user", "assistant") and m.turn_id not in self._turns]
        self._turns |= {message.turn_id for message in new}
        self._place(new, self._column.count() - 1)
        return bool(new)

    def _show_earlier(self) -> None:
        page, self._earlier = self._earlier[-PAGE_MESSAGES:], self._earlier[:-PAGE_MESSAGES]
        self._place(page, 0)
        if self._earlier:
            button = make_button(tr("Show earlier messages"), name="show_earlier")
            button.clicked.connect(lambda: self._turn_page(button))
            self._column.insertWidget(0, button, 0, Qt.AlignmentFlag.AlignHCenter)

    def _place(self, messages: list[SessionMessage], at: int) -> None:
        """Put stored messages one below the other, the first at the place `at`."""
        asked = ""
        restored = []
        for index, message in enumerate(messages, start=at):
            if message.role == "user":
                asked = message.text
                self._column.insertWidget(index, UserBubble(message.text))
                continue
            answer = self._make_answer(asked)
            answer.set_text(message.text)
            for receipt in message.receipts:
                answer.add_chip("✓", receipt)
            answer.finish(
                self.name_model(message.model),
                untrusted=message.untrusted,
                origins=message.origins,
                turn_id=message.turn_id,
            )
            answer.retry_button.setVisible(bool(asked))
            self._column.insertWidget(index, answer)
            restored.append(answer)
        self.answers_restored.emit(restored)

    def _turn_page(self, button: QWidget) -> None:
        self.remove(button)
        self._show_earlier()

    def repaint_text(self) -> None:
        """Draw every answer anew, after the theme changed."""
        for answer in self.findChildren(AnswerBubble):
            answer.repaint_text()
