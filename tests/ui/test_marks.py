"""Below an answer: what it is built on, and what the user thinks of it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QTextBrowser
from scripted_service import ScriptedService, make_answer
from ui_bench import Bench, on_loop, until

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import TurnFinished, TurnStopped
from openclaw_desktop.core.labels import Label
from openclaw_desktop.service.api import SessionMessage, SessionView
from openclaw_desktop.ui.bubble import AnswerBubble, short_origin

WEB = "web:https://news.example.org/a?b=<i>"
FOREIGN = Label("untrusted", "private", ("file:/home/ana/notes\u202e.txt", "user", WEB))
AT = "2026-01-01T00:00:00+00:00"


def answers(bench: Bench) -> list[AnswerBubble]:
    return bench.popup.transcript.findChildren(AnswerBubble)


async def answered(bench: Bench, label: Label = FOREIGN) -> AnswerBubble:
    await bench.start_turn()
    bench.service.emit(TurnFinished("turn_1", make_answer("done", label=label)))
    await bench.settle()
    return answers(bench)[-1]


@pytest.mark.parametrize(
    ("origin", "short"),
    [
        ("file:/home/ana/notes.txt", "notes.txt"),
        ("folder:/home/ana/", "ana"),
        ("web:https://example.org:8443/secret?x", "example.org"),
        ("clipboard", "clipboard"),
        ("mail:eve@evil.test\u200b", "mail:eve@evil.test\\u200b"),
        ("mail:Eve <a://[b>", "Eve <a://[b>"),
        ("command:" + "x" * 60, "command:" + "x" * 23 + "…"),
    ],
)
def test_an_origin_is_named_in_a_few_words(origin: str, short: str) -> None:
    assert short_origin(origin) == short


@on_loop
async def test_an_answer_says_what_it_is_built_on_and_a_click_names_all_of_it(bench: Bench) -> None:
    answer = await answered(bench)
    mark = answer.findChild(QPushButton, "untrusted")
    sources = answer.findChild(QTextBrowser, "sources")
    assert mark.text() == mark.accessibleName() == "built on text from notes\\u202e.txt and 1 more"
    assert "&lt;i&gt;" in mark.toolTip(), "what stands in an origin is no markup"
    assert "notes\\u202e.txt" in mark.toolTip()
    assert sources.isHidden()
    mark.setFocus()
    QTest.keyClick(mark, Qt.Key.Key_Space)
    assert not sources.isHidden()
    assert sources.toPlainText().split("\n")[1:] == ["file:/home/ana/notes\\u202e.txt", WEB]
    mark.click()
    assert sources.isHidden()


@on_loop
async def test_an_untrusted_answer_without_named_origins_says_so_too(bench: Bench) -> None:
    answer = await answered(bench, Label("untrusted", "private"))
    assert answer.findChild(QPushButton, "untrusted").text() == "built on text that you didn't write"


@on_loop
async def test_a_mark_is_shown_once_it_is_kept_and_a_second_click_takes_it_back(bench: Bench) -> None:
    answer = await answered(bench)
    answer.up_button.click()
    assert not answer.up_button.isChecked(), "not kept yet"
    await until(lambda: answer.mark == "up")
    assert bench.service.marks == {"turn_1": "up"}
    assert (answer.up_button.isChecked(), answer.down_button.isChecked()) == (True, False)
    answer.down_button.click()
    await until(lambda: answer.mark == "down")
    assert (answer.up_button.isChecked(), answer.down_button.isChecked()) == (False, True)
    answer.down_button.click()
    await until(lambda: answer.mark == "none")
    assert bench.service.marks == {"turn_1": "none"}
    assert not answer.down_button.isChecked()


@on_loop
async def test_a_mark_that_could_not_be_kept_is_not_shown(bench: Bench) -> None:
    answer = await answered(bench)
    bench.service.mark_error = UserError("disk", "The disk is full.", "Free some.")
    answer.up_button.click()
    await until(lambda: bench.texts("failure_sentence") == ["The disk is full."])
    assert answer.mark == "none" and not answer.up_button.isChecked()


@on_loop
async def test_what_was_stopped_before_a_word_has_no_marks(bench: Bench) -> None:
    await bench.start_turn()
    bench.service.emit(TurnStopped("turn_1", ""))
    await bench.settle()
    (answer,) = answers(bench)
    assert answer.up_button.isHidden() and answer.down_button.isHidden() and answer.copy_button.isHidden()


class TestWithEarlierChat:
    @pytest.fixture
    def service(self) -> ScriptedService:
        said = [
            SessionMessage(turn, role, f"{role} of {turn}", None, AT, (), bool(origins), origins)
            for turn, origins in (("t1", ("web:x",)), ("t2", ()))
            for role in ("user", "assistant")
        ]
        service = ScriptedService(session=SessionView("session_9", tuple(said)))
        service.marks["t1"] = "down"
        service.unmarkable.add("t2")
        return service

    def test_marks_and_origins_come_back(self, bench: Bench, drive) -> None:
        async def check() -> None:
            marked, lost = answers(bench)
            await until(lambda: marked.mark == "down")
            assert marked.down_button.isChecked() and not marked.down_button.isHidden()
            assert lost.up_button.isHidden(), "what is not in memory can't be marked"
            assert marked.findChild(QPushButton, "untrusted").text() == "built on text from web:x"
            assert lost.findChild(QPushButton, "untrusted").isHidden()

        drive(check())
