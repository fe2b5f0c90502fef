"""The inbox: what parks is told once, is shown whole before a yes, and its result stands in its chat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QTextBrowser, QTextEdit, QToolButton, QWidget
from scripted_service import ScriptedService, make_answer
from ui_bench import Bench, on_loop, until

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import ChatChanged, InboxChanged, ShownArgument, ShownCall, TurnFinished
from openclaw_desktop.service.api import SessionMessage, SessionView
from openclaw_desktop.service.walls.views import InboxView
from openclaw_desktop.ui.inbox import InboxWindow
from openclaw_desktop.ui.inbox_desk import InboxDesk

AT, END = "2026-01-01T09:00:00+00:00", "2026-01-08T09:00:00+00:00"
CALL = ShownCall(
    "write_file", "/home/ana/a.txt", (ShownArgument("text", "pay evil.test"),), "@@ -1 +1 @@\n-old\n+pay evil.test"
)


def entry(name: str, **changes: Any) -> InboxView:
    view = InboxView(
        name, "write_file", "file:write", CALL, "a change outside every grant", ("web:evil.test",), "session_9",
        "turn_7", f"hash of {name}", AT, END, None, "open", "",
    )  # fmt: skip
    return replace(view, **changes)


@dataclass
class InboxBench:
    """A desk that follows a scripted inbox, and what it told."""

    service: ScriptedService
    desk: InboxDesk
    pending: list[int] = field(default_factory=list)
    chats: list[str] = field(default_factory=list)

    @property
    def window(self) -> InboxWindow:
        assert self.desk.window is not None
        return self.desk.window

    async def park(self, *entries: InboxView) -> None:
        for one in entries:
            self.service.entries[one.id] = one
            self.desk.follow(InboxChanged(len(self.service.entries), one.id, f"waits: {one.id}", "open"))

    async def open(self) -> None:
        self.desk.open()
        waiting = [one.id for one in self.service.entries.values() if one.state == "open"]
        await until(lambda: sorted(self.window.cards) == sorted(waiting))

    async def look(self, name: str) -> None:
        self.find(name, QPushButton, "inbox_look").click()
        await until(lambda: self.desk.dialog is not None)

    def find(self, name: str, kind: type, widget: str) -> Any:
        return self.window.cards[name].findChild(kind, widget)

    def said(self, name: str) -> list[str]:
        labels = self.window.cards[name].findChildren(QLabel)
        return [label.text() for label in labels if not label.isHidden()]

    def choose(self, choice: str) -> None:
        """Press a button of the question once its guard has ended."""
        dialog = self.desk.dialog
        assert dialog is not None
        guard = dialog.findChild(QTimer, "guard")
        guard.stop()
        guard.timeout.emit()
        dialog.findChild(QPushButton, f"question_choice_{choice}").click()


@pytest.fixture
def inbox(drive: Callable, service: ScriptedService) -> Iterator[InboxBench]:
    said = (("user", "tidy up\u202e my notes"), ("assistant", "I asked."))
    messages = tuple(SessionMessage("turn_7", role, text, None, AT) for role, text in said)
    service.sessions_kept["session_9"] = SessionView("session_9", messages)
    bench = InboxBench(service, InboxDesk())
    bench.desk.pending_changed.connect(bench.pending.append)
    bench.desk.chat_wanted.connect(bench.chats.append)
    drive(bench.desk.attach(service))
    yield bench
    drive(bench.desk.close())
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@on_loop
async def test_what_parks_is_counted(inbox: InboxBench) -> None:
    assert inbox.pending == [0]
    await inbox.park(entry("a"), entry("b"))
    await inbox.park(entry("a"))
    assert inbox.pending == [0, 1, 2, 2]


@on_loop
async def test_a_card_says_what_why_where_from_and_until_when(inbox: InboxBench) -> None:
    await inbox.park(entry("a"))
    await inbox.open()
    said = inbox.said("a")
    assert inbox.find("a", QTextBrowser, "inbox_target").toPlainText() == "/home/ana/a.txt"
    assert "write_file" in said and "waits for you" in said
    assert "You had asked: tidy up\\u202e my notes" in said
    assert "It follows from text that you didn't write: web:evil.test" in said
    assert "Asked because: a change outside every grant" in said
    assert any(line.startswith("Since ") and ", until " in line for line in said)
    assert (
        inbox.window.findChild(QWidget, "inbox_page").findChild(QLabel, "headline").text()
        == "One task waits for your answer"
    )


@on_loop
async def test_a_yes_is_for_the_whole_call_that_is_shown(inbox: InboxBench) -> None:
    await inbox.park(entry("a"))
    await inbox.open()
    await inbox.look("a")
    dialog = inbox.desk.dialog
    assert dialog is not None
    details = dialog.findChild(QTextEdit, "question_details").toPlainText()
    assert details == "text\npay evil.test\n@@ -1 +1 @@\n-old\n+pay evil.test"
    assert dialog.findChild(QTextEdit, "question_target").toPlainText() == "/home/ana/a.txt"
    assert "web:evil.test" in dialog.findChild(QLabel, "question_origins").text()
    dialog.findChild(QPushButton, "question_choice_once").click()
    assert inbox.service.inbox_calls == [], "the guard holds it back"
    inbox.choose("once")
    await until(lambda: "It is done." in inbox.said("a"))
    assert inbox.service.inbox_calls == [("approve", "a", "hash of a")]
    assert "done" in inbox.said("a")
    assert inbox.find("a", QPushButton, "inbox_look").isHidden()
    assert (
        inbox.window.findChild(QWidget, "inbox_page").findChild(QLabel, "headline").text()
        == "Nothing waits for your answer"
    )


@pytest.mark.parametrize("way", ["later", "escape", "close"])
@on_loop
async def test_to_look_and_leave_answers_nothing(inbox: InboxBench, way: str) -> None:
    await inbox.park(entry("a"))
    await inbox.open()
    await inbox.look("a")
    dialog = inbox.desk.dialog
    assert dialog is not None
    if way == "later":
        inbox.choose("later")
    elif way == "escape":
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
    else:
        dialog.close()
    assert inbox.desk.dialog is None
    inbox.window.close()
    await inbox.open()
    assert inbox.service.inbox_calls == []
    assert inbox.service.entries["a"].state == "open"


@on_loop
async def test_a_no_is_one_click(inbox: InboxBench) -> None:
    await inbox.park(entry("a"), entry("b", created_at=END))
    await inbox.open()
    inbox.find("a", QPushButton, "inbox_deny").click()
    await until(lambda: "you said no" in inbox.said("a"))
    assert inbox.service.inbox_calls == [("deny", "a")]
    assert list(inbox.window.cards) == ["a", "b"], "oldest first, and what was answered stays in sight"
    inbox.window.close()
    await inbox.open()


@on_loop
async def test_what_went_wrong_is_said_at_its_card(inbox: InboxBench) -> None:
    await inbox.park(entry("a"))
    await inbox.open()
    inbox.service.inbox_error = UserError("call_changed", "It has changed, so nothing was done.", "Look again.")
    await inbox.look("a")
    inbox.choose("once")
    await until(lambda: "It has changed, so nothing was done. Look again." in inbox.said("a"))
    assert inbox.find("a", QPushButton, "inbox_look").isEnabled()


@pytest.mark.parametrize("button", ["inbox_look", "inbox_deny"])
@on_loop
async def test_without_an_agent_the_window_says_so_and_nothing_is_answered(inbox: InboxBench, button: str) -> None:
    await inbox.park(entry("a"))
    await inbox.open()
    inbox.service.list_inbox_error = UserError("agent_gone", "The agent has stopped.")
    inbox.find("a", QPushButton, button).click()
    problem = inbox.window.findChild(QLabel, "inbox_problem")
    await until(lambda: not problem.isHidden() and problem.text() == "The agent has stopped.")
    assert inbox.desk.dialog is None and inbox.service.inbox_calls == []


@pytest.mark.parametrize("state", ["denied", "expired", "open"])
@on_loop
async def test_a_question_goes_when_its_entry_ends_elsewhere_or_becomes_another(inbox: InboxBench, state: str) -> None:
    await inbox.park(entry("a"))
    await inbox.open()
    await inbox.look("a")
    inbox.service.entries["a"] = entry("a", state=state, call_hash="another")
    inbox.desk.follow(InboxChanged(int(state == "open"), "a", "It changed meanwhile", state))
    assert inbox.desk.dialog is None
    assert inbox.service.inbox_calls == []


@on_loop
async def test_its_chat_is_one_click_away_where_it_still_is(inbox: InboxBench) -> None:
    await inbox.park(entry("a"), entry("b", session_id=None))
    await inbox.open()
    inbox.find("a", QPushButton, "inbox_chat").click()
    assert inbox.chats == ["session_9"]
    assert inbox.find("b", QPushButton, "inbox_chat").isHidden()


@on_loop
async def test_the_header_counts_what_waits(bench: Bench) -> None:
    asked: list[bool] = []
    bench.popup.inbox_requested.connect(lambda: asked.append(True))
    button = bench.popup.findChild(QToolButton, "inbox")
    assert button.isHidden()
    bench.popup.header.show_pending(3)
    assert (button.text(), button.accessibleName()) == ("3", "3 tasks wait for your answer")
    button.click()
    assert asked == [True]
    bench.popup.header.show_pending(0)
    assert button.isHidden()


def told(turn: str, text: str) -> SessionMessage:
    return SessionMessage(turn, "assistant", text, None, AT)


def shown(bench: Bench) -> list[str]:
    return [pane.toPlainText() for pane in bench.popup.transcript.findChildren(QTextBrowser, "answer_text")]


@on_loop
async def test_the_result_is_shown_in_its_chat_once(bench: Bench) -> None:
    await bench.start_turn()
    bench.service.emit(TurnFinished("turn_1", make_answer("It waits.")))
    await bench.settle()
    service = bench.service
    chat = SessionView("session_1", (told("turn_1", "It waits."), told("turn_2", "Done.")))
    service.sessions_kept["session_1"] = chat
    service.tell(ChatChanged("session_8"))
    service.tell(ChatChanged("session_1"))
    await until(lambda: shown(bench) == ["It waits.", "Done."])
    service.tell(ChatChanged("session_1"))
    service.tell(InboxChanged(0))
    heard: list[object] = []
    bench.chat.inbox_changed.connect(heard.append)
    await until(lambda: heard)
    assert shown(bench) == ["It waits.", "Done."]


@on_loop
async def test_a_running_turn_is_not_disturbed_by_what_comes_into_its_chat(bench: Bench) -> None:
    await bench.start_turn()
    service = bench.service
    service.sessions_kept["session_1"] = SessionView("session_1", (told("turn_0", "Done meanwhile."),))
    heard: list[object] = []
    bench.chat.inbox_changed.connect(heard.append)
    service.tell(ChatChanged("session_1"))
    service.tell(InboxChanged(0))
    await until(lambda: heard)
    assert "Done meanwhile." not in shown(bench)
    service.emit(TurnFinished("turn_1", make_answer("The answer.")))
    await until(lambda: shown(bench) == ["The answer.", "Done meanwhile."])


@on_loop
async def test_another_chat_is_shown_but_not_while_an_answer_is_written(bench: Bench) -> None:
    service = bench.service
    service.sessions_kept["session_9"] = SessionView("session_9", (told("turn_7", "From the other chat."),))
    await bench.start_turn()
    bench.chat.open_session("session_9")
    assert "is being written" in bench.popup.banner
    service.emit(TurnFinished("turn_1", make_answer("ok")))
    await bench.settle()
    bench.chat.open_session("session_9")
    await until(lambda: shown(bench) == ["From the other chat."])
    await bench.start_turn("and?")
    assert service.asked[-1].session_id == "session_9"
    service.end_stream()
    await bench.settle()
    bench.chat.open_session("session_0")
    await until(lambda: "There is no such chat." in bench.texts("failure_sentence"))
