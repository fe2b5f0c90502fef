"""The window of the inbox: what waits for the user's answer, what became of what they answered, and the notices.

Owns its cards; the notices are a page of their own. Must not know the agent: it says which entry is to be looked at,
denied, or shown in its chat. Main thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from openclaw_desktop.core.text import tr, visible, visible_lines, without_controls
from openclaw_desktop.service.walls.question_lines import name_origin
from openclaw_desktop.service.walls.views import InboxState, InboxView
from openclaw_desktop.ui.labels import make_button, make_label, set_tone
from openclaw_desktop.ui.moments import format_moment
from openclaw_desktop.ui.notices import NoticesPage
from openclaw_desktop.ui.pane import TextPane
from openclaw_desktop.ui.states import describe_pending
from openclaw_desktop.ui.theme import current_theme, make_palette, style_sheet

SIZE_PX = QSize(560, 560)
LEAST_SIZE_PX = QSize(380, 300)
MARGIN_PX = 12
ORIGINS_SHOWN = 6
ASKED_CHARS = 160

PageName = Literal["inbox", "notices"]


def describe_state(state: InboxState) -> str:
    """Return how an entry stands, as words for people."""
    match state:
        case "open":
            return tr("waits for you")
        case "running":
            return tr("being done…")
        case "done":
            return tr("done")
        case "failed":
            return tr("tried, and failed")
        case "denied":
            return tr("you said no")
        case "expired":
            return tr("nobody answered in time")
        case "unknown":
            return tr("unknown: check whether it was done")


class EntryCard(QFrame):
    """One entry."""

    look_wanted = Signal()
    refused = Signal()
    chat_wanted = Signal()

    def __init__(self, entry: InboxView, asked: str) -> None:
        """`asked`: what the user had said in the turn that this came from, "" where nobody knows."""
        super().__init__()
        self.setObjectName("card")
        self.setAccessibleName(tr("{tool}, {state}", tool=entry.tool, state=describe_state(entry.state)))
        self.entry_id = entry.id
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(6)
        head = QHBoxLayout()
        head.addWidget(make_label(visible(entry.tool), name="headline"), 1)
        state = make_label(describe_state(entry.state), name="inbox_state", tone="quiet", wrap=False)
        set_tone(state, "danger", entry.state in ("failed", "unknown"))
        head.addWidget(state)
        column.addLayout(head)
        target = TextPane()
        target.setObjectName("inbox_target")
        target.setAccessibleName(tr("What it is about, exactly"))
        target.show_plain(visible(entry.call.target))
        target.setVisible(bool(entry.call.target))
        column.addWidget(target)
        for text, tone in _reasons(entry, asked):
            column.addWidget(make_label(text, name="inbox_why", tone="warning" if tone else "quiet"))
        self._note = make_label(visible_lines(entry.outcome), name="inbox_outcome")
        self._note.setVisible(bool(entry.outcome))
        column.addWidget(self._note)
        column.addLayout(self._make_buttons(entry))

    def _make_buttons(self, entry: InboxView) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self._chat = make_button(tr("Show its chat"), name="inbox_chat")
        self._chat.clicked.connect(self.chat_wanted)
        self._chat.setVisible(entry.session_id is not None)
        self._deny = make_button(tr("No"), name="inbox_deny")
        self._deny.setAccessibleName(tr("No, do not do this: {tool}", tool=entry.tool))
        self._deny.clicked.connect(self.refused)
        self._look = make_button(tr("Look at it…"), name="inbox_look", tone="primary")
        self._look.setAccessibleName(tr("Look at all of it, and decide: {tool}", tool=entry.tool))
        self._look.clicked.connect(self.look_wanted)
        for button in (self._deny, self._look):
            button.setVisible(entry.state == "open")
        row.addWidget(self._chat)
        row.addStretch(1)
        row.addWidget(self._deny)
        row.addWidget(self._look)
        return row

    def set_busy(self, busy: bool) -> None:
        """Take no answer while one is on its way."""
        self._deny.setEnabled(not busy)
        self._look.setEnabled(not busy)
        if busy:
            self.say(tr("Being done…"))

    def say(self, sentence: str, *, problem: bool = False) -> None:
        """Say what came of an answer."""
        self._note.setText(without_controls(sentence))
        set_tone(self._note, "danger", problem)
        self._note.setVisible(bool(sentence))


def _reasons(entry: InboxView, asked: str) -> list[tuple[str, bool]]:
    """Return where an entry comes from and how long it waits, in sentences; True: of text that others wrote."""
    said = []
    if asked:
        short = asked if len(asked) <= ASKED_CHARS else asked[: ASKED_CHARS - 1] + "…"
        said.append((tr("You had asked: {text}", text=visible(short)), False))
    if entry.origins:
        names = ", ".join(name_origin(origin) for origin in entry.origins[:ORIGINS_SHOWN])
        if (more := len(entry.origins) - ORIGINS_SHOWN) > 0:
            names = tr("{origins} and {more} more", origins=names, more=more)
        said.append((tr("It follows from text that you didn't write: {origins}", origins=names), True))
    said.append((tr("Asked because: {reason}", reason=visible(entry.reason)), False))
    since = format_moment(entry.created_at)
    if entry.state == "open":
        said.append((tr("Since {since}, until {end}", since=since, end=format_moment(entry.expires_at)), False))
    else:
        said.append((tr("Since {since}", since=since), False))
    return said


class InboxWindow(QDialog):
    """Two pages: the entries, oldest first, and the notices. Closing it answers nothing."""

    look_wanted = Signal(str)
    refused = Signal(str)
    chat_wanted = Signal(str)
    closed = Signal()
    notices_shown = Signal()

    def __init__(self) -> None:
        kinds = Qt.WindowType
        super().__init__(
            None, kinds.Dialog | kinds.CustomizeWindowHint | kinds.WindowTitleHint | kinds.WindowCloseButtonHint
        )
        self.setObjectName("inbox_window")
        self.setWindowTitle(tr("OpenCLaw: waiting for you"))
        self.setAccessibleName(tr("What waits for your answer"))
        self.setMinimumSize(LEAST_SIZE_PX)
        self.resize(SIZE_PX)
        self.cards: dict[str, EntryCard] = {}
        self.notices = NoticesPage()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(18, 12, 18, 16)
        whole.setSpacing(12)
        self._tabs: dict[PageName, QPushButton] = {}
        whole.addLayout(self._make_tabs())
        entries = QWidget()
        entries.setObjectName("inbox_page")
        self._pages = QStackedWidget()
        self._pages.addWidget(entries)
        self._pages.addWidget(self.notices)
        whole.addWidget(self._pages, 1)
        column = QVBoxLayout(entries)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        self._headline = make_label(name="headline")
        font = self._headline.font()
        font.setPointSizeF(font.pointSizeF() * 1.3)
        self._headline.setFont(font)
        column.addWidget(self._headline)
        column.addWidget(
            make_label(
                tr("What came up while nobody was there to ask. Nothing of it is done until you say so."),
                name="inbox_text",
                tone="quiet",
            )
        )
        self._scroll = QScrollArea()
        self._scroll.setObjectName("inbox_entries")
        self._scroll.setAccessibleName(tr("What waits for your answer"))
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column.addWidget(self._scroll, 1)
        self._problem = make_label(name="inbox_problem", tone="danger")
        self._problem.hide()
        whole.addWidget(self._problem)
        row = QHBoxLayout()
        row.addStretch(1)
        close = make_button(tr("Close"), name="inbox_close")
        close.clicked.connect(self.close)
        row.addWidget(close)
        whole.addLayout(row)
        self.show_entries((), {})
        self.show_unseen(0)
        self.show_page("inbox")
        self.dress()

    def _make_tabs(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        names: tuple[PageName, ...] = ("inbox", "notices")
        for name in names:
            tab = self._tabs[name] = make_button("", name="tab")
            tab.setCheckable(True)
            tab.clicked.connect(lambda _checked, name=name: self.show_page(name))
            row.addWidget(tab)
        row.addStretch(1)
        return row

    def show_page(self, name: PageName) -> None:
        """Show what waits for an answer, or the notices."""
        for other, tab in self._tabs.items():
            tab.setChecked(other == name)
        self._pages.setCurrentIndex(0 if name == "inbox" else 1)
        self.say("")
        if name == "notices":
            self.notices_shown.emit()

    @property
    def shows_notices(self) -> bool:
        """True while the user can see the notices."""
        return self.isVisible() and self._pages.currentIndex() == 1

    def show_unseen(self, unseen: int) -> None:
        """Say how many notices the user has not seen."""
        self._name_tab("notices", tr("Notices ({count})", count=unseen) if unseen else tr("Notices"))

    def _name_tab(self, name: PageName, text: str) -> None:
        self._tabs[name].setText(text)
        self._tabs[name].setAccessibleName(text)

    def dress(self) -> None:
        """Put on the colours that fit the desktop's palette."""
        theme = current_theme()
        self.setPalette(make_palette(theme))
        self.setStyleSheet(style_sheet(theme))

    def show_entries(self, entries: Sequence[InboxView], asked: Mapping[str, str]) -> None:
        """Show `entries` in the place of those that are shown; `asked`: what the user had said, by entry."""
        place = self._scroll.verticalScrollBar().value()
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, MARGIN_PX, 0)
        column.setSpacing(10)
        self.cards = {}
        for entry in entries:
            card = EntryCard(entry, asked.get(entry.id, ""))
            card.look_wanted.connect(lambda entry_id=entry.id: self.look_wanted.emit(entry_id))
            card.refused.connect(lambda entry_id=entry.id: self.refused.emit(entry_id))
            card.chat_wanted.connect(lambda session_id=entry.session_id: self.chat_wanted.emit(session_id or ""))
            self.cards[entry.id] = card
            column.addWidget(card)
        column.addStretch(1)
        # The old content, with all its cards, is deleted by Qt here.
        self._scroll.setWidget(content)
        self._scroll.verticalScrollBar().setValue(place)
        waiting = sum(entry.state == "open" for entry in entries)
        self._headline.setText(describe_pending(waiting))
        self._name_tab("inbox", tr("Questions ({count})", count=waiting) if waiting else tr("Questions"))
        self.say("")

    def say(self, sentence: str) -> None:
        """Say what went wrong, or take it away where it is ""."""
        self._problem.setText(without_controls(sentence))
        self._problem.setVisible(bool(sentence))

    def present(self) -> None:
        """Show the window in the middle of the screen, in front."""
        if not self.isVisible():
            rect = self.rect()
            available = QGuiApplication.primaryScreen().availableGeometry()
            rect.setSize(rect.size().boundedTo(available.size() - QSize(2 * MARGIN_PX, 4 * MARGIN_PX)))
            rect.moveCenter(available.center())
            self.setGeometry(rect)
            self._tabs["notices" if self._pages.currentIndex() else "inbox"].setFocus()
            self.show()
        self.raise_()
        self.activateWindow()
        if self.shows_notices:
            self.notices_shown.emit()

    def reject(self) -> None:
        """Close, as Escape does."""
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Say that it is closed; nothing is answered by that."""
        super().closeEvent(event)
        self.hide()
        self.closed.emit()
