"""The notices in the window and the tray: counted, shown with why and how they stand, and what the user wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QPushButton
from scripted_service import ScriptedService
from ui_bench import on_loop, until

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import NoticeFollowed, NoticesChanged
from openclaw_desktop.service.notices.views import NoticeView
from openclaw_desktop.ui.inbox import InboxWindow
from openclaw_desktop.ui.inbox_desk import InboxDesk
from openclaw_desktop.ui.notices import NoticeCard
from openclaw_desktop.ui.notices_desk import NoticesDesk
from openclaw_desktop.ui.tray import Tray

AT = "2026-01-01T09:00:00+00:00"


def notice(name: str, **changes: Any) -> NoticeView:
    values: dict[str, Any] = {
        "id": name, "topic": "mail", "title": f"title {name}", "body": "a body", "priority": "normal",
        "why": "Because of a test.", "state": "held", "state_text": "Held back: quiet until 07:00.", "created_at": AT,
        "due_at": None, "session_id": None, "untrusted": False, "origins": (), "unseen": True,
    }  # fmt: skip
    return NoticeView(**(values | changes))


@dataclass
class PageBench:
    """Both desks, joined as the program joins them, and what they told."""

    service: ScriptedService
    inbox: InboxDesk
    desk: NoticesDesk
    unseen: list[int] = field(default_factory=list)
    chats: list[str] = field(default_factory=list)
    led: list[str] = field(default_factory=list)

    @property
    def window(self) -> InboxWindow:
        assert self.inbox.window is not None
        return self.inbox.window

    async def open(self) -> None:
        self.inbox.open("notices")
        await until(lambda: sorted(self.window.notices.cards) == sorted(self.service.notices))

    def press(self, name: str, button: str) -> None:
        self.window.notices.cards[name].findChild(QPushButton, button).click()

    def said(self, name: str) -> list[str]:
        labels = self.window.notices.cards[name].findChildren(QLabel)
        return [label.text() for label in labels if not label.isHidden()]


@pytest.fixture
def page(drive: Callable, service: ScriptedService) -> Iterator[PageBench]:
    bench = PageBench(service, InboxDesk(), NoticesDesk())
    bench.inbox.window_made.connect(bench.desk.take_window)
    bench.desk.unseen_changed.connect(bench.unseen.append)
    bench.desk.chat_wanted.connect(bench.chats.append)
    bench.desk.inbox_wanted.connect(lambda: bench.led.append("inbox"))
    bench.desk.page_wanted.connect(lambda: bench.led.append("notices"))
    service.notices |= {name: notice(name) for name in ("a", "b")}

    async def attach() -> None:
        await bench.inbox.attach(service)
        await bench.desk.attach(service)

    drive(attach())
    yield bench
    drive(bench.desk.close())
    drive(bench.inbox.close())
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@on_loop
async def test_they_are_counted_and_seen_once_they_are_on_the_screen(page: PageBench) -> None:
    assert page.unseen == [2] and page.service.notice_calls == []
    page.inbox.open()
    page.desk.follow(NoticesChanged(2, 1))
    tab = page.window.findChildren(QPushButton, "tab")[1]
    assert (tab.text(), page.window.shows_notices, page.service.notice_calls) == ("Notices (2)", False, [])
    tab.click()
    await until(lambda: page.service.notice_calls)
    assert page.service.notice_calls == [("see", ("a", "b"))]
    assert sorted(page.window.notices.cards) == ["a", "b"]


@on_loop
async def test_a_card_says_what_why_and_how_it_stands_as_plain_text(page: PageBench) -> None:
    page.service.notices["a"] = notice("a", body="<b>not</b> bold", untrusted=True, origins=("web:evil.test",))
    await page.open()
    said = page.said("a")
    assert "<b>not</b> bold" in said and "It holds text that you didn't write: web:evil.test" in said
    assert "Because of a test. Held back: quiet until 07:00." in said
    labels = page.window.notices.cards["a"].findChildren(QLabel)
    assert {label.textFormat() for label in labels} == {Qt.TextFormat.PlainText}
    assert not any("didn't write" in line for line in page.said("b"))


@on_loop
async def test_each_button_does_what_it_says(page: PageBench) -> None:
    page.service.notices["b"] = notice("b", topic="job:1", session_id="session_9", wish="less")
    await page.open()
    assert page.window.notices.cards["a"].findChild(QPushButton, "notice_open") is None, "it leads nowhere"
    page.service.notice_calls.clear()
    for name, button in (
        ("a", "notice_later"), ("a", "notice_less"), ("b", "notice_forget"), ("a", "notice_away"), ("b", "notice_open"),
    ):  # fmt: skip
        before = len(page.service.notice_calls)
        page.press(name, button)
        await until(lambda before=before: len(page.service.notice_calls) > before)
    assert [call for call in page.service.notice_calls if call[0] != "see"] == [
        ("snooze", "a", 3600.0), ("weigh", "mail", "less"), ("weigh", "job:1", "forget"), ("dismiss", ("a",)),
        ("open", "b"),
    ]  # fmt: skip
    await until(lambda: not page.window.notices.cards)
    assert page.window.notices.findChild(QLabel, "headline").text() == "No notices"


@on_loop
async def test_all_are_put_away_and_quiet_is_asked_for_and_ended(page: PageBench) -> None:
    await page.open()
    page.service.notice_calls.clear()
    hush = page.window.notices.findChild(QPushButton, "notices_hush")
    hush.click()
    page.desk.follow(NoticesChanged(0, 0, AT))
    assert hush.text() == "End the quiet"
    hush.click()
    page.window.notices.findChild(QPushButton, "notices_away").click()
    await until(lambda: len(page.service.notice_calls) == 3)
    assert page.service.notice_calls == [("quiet", 3600.0), ("quiet", None), ("dismiss", ())]


@on_loop
async def test_a_failure_is_said_in_the_window(page: PageBench) -> None:
    await page.open()
    page.service.notice_error = UserError("gone", "That notice is over.")
    page.press("a", "notice_away")
    problem = page.window.findChild(QLabel, "inbox_problem")
    await until(problem.isVisible)
    assert "That notice is over." in problem.text()


@on_loop
async def test_what_was_followed_leads_to_its_chat_the_questions_or_the_notices(page: PageBench) -> None:
    page.desk.go(NoticeFollowed("a", "mail", "session_9"))
    page.desk.go(NoticeFollowed("b", "inbox", None))
    page.desk.go(NoticeFollowed("", "", None))
    page.desk.go(NoticeFollowed("c", "mail", None))
    assert page.chats == ["session_9"] and page.led == ["inbox", "notices", "notices"]


@on_loop
async def test_what_was_followed_can_be_read_although_it_is_over(page: PageBench) -> None:
    page.desk.page_wanted.connect(lambda: page.inbox.open("notices"))
    page.service.notices["b"] = notice("b", state="opened", unseen=False)
    page.service.notices["c"] = notice("c", state="dismissed", unseen=False)
    page.desk.go(NoticeFollowed("b", "crash", None))
    await until(lambda: page.window.notices.cards)
    assert list(page.window.notices.cards) == ["b", "a"]
    assert page.window.notices.cards["b"].findChild(QPushButton, "notice_later") is None, "it is over"
    page.window.close()
    page.inbox.open("notices")
    await until(lambda: list(page.window.notices.cards) == ["a"])


@on_loop
async def test_many_changes_at_once_are_read_once_and_leave_the_cards_that_are_as_they_were(page: PageBench) -> None:
    await page.open()
    await until(lambda: not any(one.unseen for one in page.service.notices.values()))
    page.desk.follow(NoticesChanged(0, 0))
    await until(lambda: not any(card.notice.unseen for card in page.window.notices.cards.values()))
    stays, listed = page.window.notices.cards["b"], page.service.notice_lists
    page.service.notices["a"] = notice("a", unseen=False, title="another")
    page.service.notices["c"] = notice("c", unseen=False)
    for _ in range(50):
        page.desk.follow(NoticesChanged(0, 0))
    await until(lambda: "c" in page.window.notices.cards)
    assert page.service.notice_lists - listed <= 2
    assert page.window.notices.cards["b"] is stays and "another" in page.said("a")

    def order() -> list[str]:
        shown = [card for card in page.window.notices.findChildren(NoticeCard) if card.isVisible()]
        return [card.notice.id for card in sorted(shown, key=lambda card: card.y())]

    await until(lambda: order() == ["a", "b", "c"])


@on_loop
async def test_the_tray_counts_them_and_offers_quiet(page: PageBench) -> None:
    tray, asked = Tray(), []
    tray.quiet_requested.connect(asked.append)
    quiet, notices = (tray.menu.findChild(QAction, name) for name in ("quiet", "notices"))
    tray.show_unseen(3)
    assert notices.text() == "Notices (3)"
    assert "3 notices that you have not seen" in tray._icon.toolTip()
    quiet.trigger()
    until_at = datetime.now(UTC) + timedelta(hours=1)
    tray.show_quiet(until_at.isoformat())
    assert quiet.text() == f"Quiet until {until_at:%H:%M}: end it"
    quiet.trigger()
    tray.show_quiet((datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    assert quiet.text() == "Quiet for an hour", "it has ended by itself"
    assert asked == [True, False]
    tray.show_unseen(0)
    assert notices.text() == "Notices"


@on_loop
async def test_in_the_narrowest_window_nothing_of_a_notice_is_cut_off(page: PageBench) -> None:
    long = "A file with a name such as /home/user/Documents/letters/2026/november/very-long-file-name.txt"
    page.service.notices["a"] = notice("a", title=long, session_id="session_1", wish="less")
    await page.open()
    page.window.resize(page.window.minimumSize())
    QCoreApplication.processEvents()
    card = page.window.notices.cards["a"]
    viewport = card.parentWidget().parentWidget()
    assert card.width() <= viewport.width() <= page.window.width()
    buttons = card.findChildren(QPushButton)
    assert len({button.pos().y() for button in buttons}) > 1, "they stand in several lines"
    for widget in (*buttons, *card.findChildren(QLabel)):
        right = widget.mapTo(card, widget.rect().topRight()).x()
        assert widget.isHidden() or right < card.width(), widget.objectName()
        assert widget.width() >= min(widget.sizeHint().width(), widget.minimumSizeHint().width())
