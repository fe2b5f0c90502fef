"""The page of the notices in the inbox's window: each with how it stands, why it came, and what can be done with it.

Owns its cards. Must not know the agent: it says what the user wants of which notice. Main thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from openclaw_desktop.core.text import tr, visible, without_controls
from openclaw_desktop.service.notices.views import NoticeView
from openclaw_desktop.service.walls.question_lines import name_origin
from openclaw_desktop.ui.flow import FlowLayout
from openclaw_desktop.ui.labels import make_button, make_label, set_tone
from openclaw_desktop.ui.moments import format_moment

MARGIN_PX, BUTTON_GAP_PX = 12, 8
ORIGINS_SHOWN = 4
BODY_CHARS = 1500
PRESSING = ("critical", "high")
OVER = ("opened", "dismissed", "expired")


class NoticeCard(QFrame):
    """One notice."""

    wanted = Signal(str)
    weighed = Signal(str)

    def __init__(self, notice: NoticeView) -> None:
        """`wanted`: "open", "later" or "away"; `weighed`: "less" or "forget", of its topic."""
        super().__init__()
        self.notice = notice
        self.setObjectName("card")
        self.setAccessibleName(tr("Notice: {title}", title=notice.title))
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(6)
        head = QHBoxLayout()
        head.addWidget(make_label(notice.title, name="headline"), 1)
        at = make_label(format_moment(notice.created_at), name="notice_at", tone="quiet", wrap=False)
        set_tone(at, "warning", notice.priority in PRESSING and notice.unseen)
        head.addWidget(at)
        column.addLayout(head)
        if notice.untrusted:
            column.addWidget(make_label(_name_origins(notice), name="notice_mark", tone="warning"))
        if notice.body:
            body = notice.body if len(notice.body) <= BODY_CHARS else notice.body[: BODY_CHARS - 1] + "…"
            column.addWidget(make_label(without_controls(body), name="notice_body"))
        told = " ".join(filter(None, (notice.why, notice.state_text)))
        column.addWidget(make_label(visible(told), name="notice_why", tone="quiet"))
        column.addWidget(self._make_buttons(notice))

    def _make_buttons(self, notice: NoticeView) -> QWidget:
        # A narrow window gets them in several lines.
        buttons = QWidget()
        row = FlowLayout(buttons, BUTTON_GAP_PX)
        if notice.session_id is not None or notice.topic == "inbox":
            text = tr("Show its chat") if notice.session_id is not None else tr("Look at it…")
            self._add(row, text, "notice_open", "open")
        if notice.wish:
            undo = make_button(
                tr("Take “less” back") if notice.wish == "less" else tr("Take “more” back"), name="notice_forget"
            )
            undo.setAccessibleName(tr("Tell me of this kind as before: {title}", title=notice.title))
            undo.clicked.connect(lambda: self.weighed.emit("forget"))
            row.addWidget(undo)
        else:
            less = make_button(tr("Less like this"), name="notice_less")
            less.setAccessibleName(tr("Less like this: {title}", title=notice.title))
            less.clicked.connect(lambda: self.weighed.emit("less"))
            row.addWidget(less)
        if notice.state not in OVER:
            self._add(row, tr("In an hour"), "notice_later", "later")
            self._add(row, tr("Put away"), "notice_away", "away")
        return buttons

    def _add(self, row: FlowLayout, text: str, name: str, wish: str) -> None:
        button = make_button(text, name=name)
        button.clicked.connect(lambda: self.wanted.emit(wish))
        row.addWidget(button)


def _name_origins(notice: NoticeView) -> str:
    if not notice.origins:
        return tr("It holds text that you didn't write.")
    names = ", ".join(name_origin(origin) for origin in notice.origins[:ORIGINS_SHOWN])
    if (more := len(notice.origins) - ORIGINS_SHOWN) > 0:
        names = tr("{origins} and {more} more", origins=names, more=more)
    return tr("It holds text that you didn't write: {origins}", origins=names)


def _describe(count: int) -> str:
    if not count:
        return tr("No notices")
    return tr("One notice") if count == 1 else tr("{count} notices", count=count)


class NoticesPage(QWidget):
    """All that is not over, newest first."""

    wanted = Signal(str, str)
    weighed = Signal(str, str)
    all_away = Signal()
    quiet_wanted = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("notices_page")
        self.cards: dict[str, NoticeCard] = {}
        self._is_quiet = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        self._headline = make_label(name="headline")
        font = self._headline.font()
        font.setPointSizeF(font.pointSizeF() * 1.3)
        self._headline.setFont(font)
        column.addWidget(self._headline)
        self._quiet = make_label(name="notices_quiet", tone="quiet")
        column.addWidget(self._quiet)
        self._scroll = QScrollArea()
        self._scroll.setObjectName("notices_entries")
        self._scroll.setAccessibleName(tr("What the agent had to tell"))
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        content = QWidget()
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(0, 0, MARGIN_PX, 0)
        self._column.setSpacing(10)
        self._column.addStretch(1)
        self._scroll.setWidget(content)
        column.addWidget(self._scroll, 1)
        row = QHBoxLayout()
        self._hush = make_button("", name="notices_hush")
        self._hush.clicked.connect(lambda: self.quiet_wanted.emit(not self._is_quiet))
        self._away = make_button(tr("Put all away"), name="notices_away")
        self._away.clicked.connect(self.all_away)
        row.addWidget(self._hush)
        row.addStretch(1)
        row.addWidget(self._away)
        column.addLayout(row)
        self.show_notices(())
        self.show_quiet(None)

    def show_notices(self, notices: Sequence[NoticeView]) -> None:
        """Show `notices` in the place of those that are shown; the cards of those that are as they were stay."""
        place = self._scroll.verticalScrollBar().value()
        before, self.cards = self.cards, {}
        for row, notice in enumerate(notices):
            card = before.get(notice.id)
            if card is None or card.notice != notice:
                card = self._make_card(notice)
            else:
                del before[notice.id]
            self.cards[notice.id] = card
            if (item := self._column.itemAt(row)) is None or item.widget() is not card:
                self._column.insertWidget(row, card)
        for card in before.values():
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        self._scroll.verticalScrollBar().setValue(place)
        self._headline.setText(_describe(len(notices)))
        self._away.setVisible(bool(notices))

    def _make_card(self, notice: NoticeView) -> NoticeCard:
        card = NoticeCard(notice)
        card.wanted.connect(lambda wish: self.wanted.emit(notice.id, wish))
        card.weighed.connect(lambda wish: self.weighed.emit(notice.topic, wish))
        return card

    def show_quiet(self, until: str | None) -> None:
        """Say until when nothing is shown; None: it may be."""
        self._is_quiet = until is not None
        if until is None:
            self._quiet.setText(tr("What the agent had to tell you. What was held back is here as well."))
            self._hush.setText(tr("Quiet for an hour"))
        else:
            self._quiet.setText(tr("Quiet until {time}: only what is critical is shown.", time=format_moment(until)))
            self._hush.setText(tr("End the quiet"))
        self._hush.setAccessibleName(self._hush.text())
