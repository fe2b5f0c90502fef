"""The question window: nothing is allowed by accident, nothing in it can hide."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QTextEdit, QWidget
from scripted_service import make_answer
from ui_bench import Bench, on_loop, until

from openclaw_desktop.core.events import (
    Choice,
    Question,
    QuestionClosed,
    QuestionRaised,
    TurnFinished,
)
from openclaw_desktop.ui.question import QuestionDialog

CHOICES = (Choice("file", "This file"), Choice("folder", "R&D folder"), Choice("no", "No"))
QUESTION = Question("q1", "Read a file?", "<b>text</b>", "/home/a\u202etxt\n.pdf", CHOICES, ("notes.txt", "x\u200by"))


@pytest.fixture
def dialog(qtbot) -> QuestionDialog:
    dialog = QuestionDialog(QUESTION)
    qtbot.addWidget(dialog)
    dialog.answers = []
    dialog.answered.connect(dialog.answers.append)
    dialog.present_beside(None)
    return dialog


def button(dialog: QuestionDialog, choice: str) -> QPushButton:
    return dialog.findChild(QPushButton, f"question_choice_{choice}")


def end_guard(dialog: QuestionDialog) -> None:
    timer = dialog.findChild(QTimer, "guard")
    assert timer.interval() >= 500
    timer.stop()
    timer.timeout.emit()


def test_guard_holds_back_what_allows(dialog: QuestionDialog) -> None:
    assert not button(dialog, "file").isEnabled()
    assert not button(dialog, "folder").isEnabled()
    assert button(dialog, "no").isEnabled()
    button(dialog, "file").click()
    assert dialog.answers == []
    end_guard(dialog)
    button(dialog, "file").click()
    assert dialog.answers == ["file"]
    assert dialog.isHidden()


def test_enter_refuses_and_no_is_the_default(dialog: QuestionDialog) -> None:
    end_guard(dialog)
    assert button(dialog, "no").isDefault()
    assert button(dialog, "no").hasFocus()
    assert not button(dialog, "file").isDefault()
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    assert dialog.answers == ["no"]


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_enter_refuses_even_where_an_allowing_button_has_the_focus(dialog: QuestionDialog, key: Qt.Key) -> None:
    end_guard(dialog)
    button(dialog, "file").setFocus()
    QTest.keyClick(button(dialog, "file"), key)
    assert dialog.answers == ["no"]


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space, Qt.Key.Key_N])
@pytest.mark.parametrize("focus", ["question_choice_no", "question_target"])
def test_keys_of_a_user_who_is_typing_answer_nothing(dialog: QuestionDialog, key: Qt.Key, focus: str) -> None:
    widget = dialog.findChild(QWidget, focus)
    widget.setFocus()
    QTest.keyClick(widget, key)
    QTest.keyClick(dialog, key)
    assert dialog.answers == []
    assert dialog.isVisible()
    end_guard(dialog)
    QTest.keyClick(button(dialog, "no"), Qt.Key.Key_Return)
    assert dialog.answers == ["no"]


def test_typing_prolongs_the_guard(dialog: QuestionDialog, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = dialog.findChild(QTimer, "guard")
    begun: list[bool] = []
    QApplication.processEvents()
    monkeypatch.setattr(guard, "start", lambda: begun.append(True))
    QTest.keyPress(button(dialog, "no"), Qt.Key.Key_A)
    assert begun


def test_key_held_down_since_before_answers_nothing(dialog: QuestionDialog) -> None:
    end_guard(dialog)
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        event = QKeyEvent(kind, Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier, "\r", True)
        QApplication.sendEvent(button(dialog, "no"), event)
        QApplication.sendEvent(dialog, event)
    assert dialog.answers == []


def test_escape_refuses(dialog: QuestionDialog) -> None:
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.answers == ["no"]


def test_closing_refuses_once(dialog: QuestionDialog) -> None:
    dialog.close()
    dialog.close()
    assert dialog.answers == ["no"]


def test_hidden_characters_are_visible_and_markup_is_text(dialog: QuestionDialog) -> None:
    assert dialog.findChild(QTextEdit, "question_target").toPlainText() == "/home/a\\u202etxt\\u000a.pdf"
    assert "x\\u200by" in dialog.findChild(QLabel, "question_origins").text()
    text = dialog.findChild(QLabel, "question_text")
    assert text.text() == "<b>text</b>"
    assert text.textFormat() == Qt.TextFormat.PlainText
    assert button(dialog, "folder").text() == "R&&D folder"


def test_it_stays_on_top_and_blocks_nothing(dialog: QuestionDialog) -> None:
    assert dialog.windowFlags() & Qt.WindowType.WindowStaysOnTopHint
    assert not dialog.isModal()


@on_loop
async def test_choice_reaches_the_agent(bench: Bench) -> None:
    await bench.start_turn()
    bench.service.emit(QuestionRaised("turn_1", QUESTION))
    await until(lambda: bench.chat.questions)
    (dialog,) = bench.chat.questions
    end_guard(dialog)
    button(dialog, "folder").click()
    await until(lambda: bench.service.answered == [("q1", "folder")])
    bench.service.emit(QuestionClosed("turn_1", "q1", "folder"), TurnFinished("turn_1", make_answer("ok")))
    await bench.settle()
    assert bench.chat.questions == ()


@on_loop
async def test_question_closed_elsewhere_disappears_unanswered(bench: Bench) -> None:
    await bench.start_turn()
    bench.service.emit(QuestionRaised("turn_1", QUESTION))
    await until(lambda: bench.chat.questions)
    (dialog,) = bench.chat.questions
    bench.service.emit(QuestionClosed("turn_1", "q1", None))
    await until(lambda: not bench.chat.questions)
    assert dialog.isHidden()
    assert bench.service.answered == []


@on_loop
async def test_question_does_not_outlive_its_turn(bench: Bench) -> None:
    await bench.start_turn()
    bench.service.emit(QuestionRaised("turn_1", QUESTION))
    await until(lambda: bench.chat.questions)
    bench.service.end_stream()
    await bench.settle()
    assert bench.chat.questions == ()
    assert bench.service.answered == []


@on_loop
async def test_late_answer_is_told(bench: Bench) -> None:
    bench.service.question_open = False
    await bench.start_turn()
    bench.service.emit(QuestionRaised("turn_1", QUESTION))
    await until(lambda: bench.chat.questions)
    bench.chat.questions[0].close()
    await until(lambda: "That question was no longer open; nothing was done." in bench.texts("notice"))


@on_loop
async def test_a_yes_that_came_too_early_may_be_given_again(bench: Bench) -> None:
    question = Question("q2", "Are you sure?", "", "/1", (Choice("once", "Yes"), Choice("no", "No")), delay_s=3.0)
    await bench.start_turn()
    bench.service.question_open = False
    bench.service.emit(QuestionRaised("turn_1", question))
    await until(lambda: bench.chat.questions)
    (dialog,) = bench.chat.questions
    end_guard(dialog)
    button(dialog, "once").click()
    await until(lambda: bench.service.answered == [("q2", "once")] and dialog.isVisible())
    assert not button(dialog, "once").isEnabled()
    bench.service.question_open = True
    end_guard(dialog)
    button(dialog, "once").click()
    await until(lambda: not bench.chat.questions)
    assert bench.service.answered == [("q2", "once")] * 2
    bench.service.end_stream()
    await bench.settle()
