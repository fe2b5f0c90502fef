"""The chat as its user has it, against a scripted agent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton
from scripted_service import ScriptedService, make_answer
from ui_bench import Bench, on_loop, until

from openclaw_desktop.core.errors import Failure, UserError
from openclaw_desktop.core.events import (
    AgentStopping,
    ModelOffered,
    ModelStateChanged,
    NoticeShown,
    TextAdded,
    TextWithdrawn,
    ToolFinished,
    ToolStarted,
    TurnFailed,
    TurnFinished,
    TurnStopped,
    WindowRequested,
)
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import CallOutcome, Receipt, ToolCall
from openclaw_desktop.service.api import MESSAGE_LIMIT_CHARS, SessionMessage, SessionView
from openclaw_desktop.ui.bubble import AnswerBubble

UNTRUSTED = Label("untrusted", "private", ("file:notes.txt",))
SESSION = SessionView(
    "session_9",
    (
        SessionMessage("t1", "user", "What is the code?", None, "2026-01-01T00:00:00Z"),
        SessionMessage("t1", "tool", "internal", None, "2026-01-01T00:00:00Z"),
        SessionMessage("t1", "assistant", "It is 4711.", "good-4b", "2026-01-01T00:00:00Z", ("recalled",)),
        SessionMessage("t2", "assistant", "The file says x.", "good-4b", "2026-01-01T00:00:00Z", (), True),
    ),
)


def answers(bench: Bench) -> list[AnswerBubble]:
    return [bubble for bubble in bench.popup.findChildren(AnswerBubble) if not bubble.isHidden()]


@on_loop
async def test_text_streams_in_and_the_model_is_named(bench: Bench) -> None:
    await bench.start_turn("hello")
    for part in ("The **answer**", " is", " 42."):
        bench.service.emit(TextAdded("turn_1", part))
    await until(lambda: answers(bench)[-1].shown_text == "The answer is 42.")
    assert bench.popup.composer.running
    bench.service.emit(TurnFinished("turn_1", make_answer("The **answer** is 42.")))
    await bench.settle()
    assert bench.texts("answered_by") == ["Good 4B"]
    assert bench.find(QPushButton, "untrusted") is None
    assert bench.service.asked[0].attended
    assert bench.popup.composer.edit.toPlainText() == ""


@on_loop
async def test_thousand_small_pieces_are_drawn_a_few_times(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.start_turn()
    drawn = []
    pane = answers(bench)[-1]._pane
    show = pane.show_markdown
    monkeypatch.setattr(pane, "show_markdown", lambda text: (drawn.append(len(text)), show(text)))
    for _ in range(1000):
        bench.service.emit(TextAdded("turn_1", "word "))
    bench.service.emit(TurnFinished("turn_1", make_answer("word " * 1000)))
    await bench.settle()
    assert drawn[-1] == 5000
    assert len(drawn) < 100


@on_loop
async def test_withdrawn_text_is_gone(bench: Bench) -> None:
    await bench.start_turn()
    bench.service.emit(TextAdded("turn_1", "wrong"), TextWithdrawn("turn_1"), NoticeShown("turn_1", "Asked again."))
    bench.service.emit(TextAdded("turn_1", "right"), TurnFinished("turn_1", make_answer("right")))
    await bench.settle()
    assert answers(bench)[-1].shown_text == "right"
    assert bench.texts("notice") == ["Asked again."]


@on_loop
async def test_receipts_failures_and_the_untrusted_mark(bench: Bench) -> None:
    await bench.start_turn()
    receipt = Receipt("file.read", "read notes.txt", "c1", "/home/me/<b>notes.txt")
    bench.service.emit(
        ToolStarted("turn_1", ToolCall("c1", "read_file", {})),
        ToolFinished("turn_1", CallOutcome("c1", "read_file", {}, "done", "x"), (receipt,)),
        ToolFinished("turn_1", CallOutcome("c2", "send_mail", {}, "denied", error="no")),
        TurnFinished("turn_1", make_answer("done", model=None, label=UNTRUSTED, receipts=(receipt,))),
    )
    await bench.settle()
    assert bench.texts("chip") == ["✓ read notes.txt", "✗ send mail: not allowed"]
    tips = [chip.toolTip() for chip in bench.popup.findChildren(QLabel, "chip")]
    assert tips == ["<qt>/home/me/&lt;b&gt;notes.txt</qt>", "<qt>no</qt>"]
    assert bench.find(QPushButton, "untrusted").text() == "built on text from notes.txt"
    assert bench.texts("answered_by") == ["answered without a model"]


@on_loop
async def test_send_turns_into_stop(bench: Bench) -> None:
    await bench.start_turn()
    assert bench.popup.composer.send_button.isHidden()
    bench.popup.composer.stop_button.click()
    await until(lambda: bench.service.stopped == ["turn_1"])
    bench.service.emit(TurnStopped("turn_1", "half"))
    await bench.settle()
    assert answers(bench)[-1].shown_text == "half"
    assert bench.texts("answered_by") == ["stopped"]
    assert bench.popup.composer.stop_button.isHidden()


@on_loop
async def test_stop_before_the_turn_has_an_id_gives_the_text_back(bench: Bench) -> None:
    bench.service.start_turns = False
    bench.type_and_send("slow one")
    await until(lambda: bench.service.asked)
    bench.popup.composer.stop_button.click()
    await bench.settle()
    assert bench.service.closed_turns == 1
    assert bench.popup.composer.edit.toPlainText() == "slow one"
    assert answers(bench) == []


@on_loop
async def test_retry_asks_the_same_again(bench: Bench) -> None:
    await bench.start_turn("what time is it?")
    bench.service.emit(TurnFinished("turn_1", make_answer("noon")))
    await bench.settle()
    answers(bench)[-1].retry_button.click()
    await until(lambda: len(bench.service.asked) == 2)
    assert bench.service.asked[1].text == "what time is it?"
    assert bench.service.asked[1].session_id == "session_1"


@on_loop
async def test_copy_puts_the_markdown_on_the_clipboard(bench: Bench) -> None:
    await bench.start_turn()
    bench.service.emit(TurnFinished("turn_1", make_answer("**bold** \x1b[31mtext")))
    await bench.settle()
    answers(bench)[-1].copy_button.click()
    assert QGuiApplication.clipboard().text() == "**bold** [31mtext"


@on_loop
async def test_new_chat_stops_the_turn_and_clears(bench: Bench) -> None:
    await bench.start_turn()
    QTest.keyClick(bench.popup.composer.edit, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    await until(lambda: bench.service.sessions == 1 and bench.service.closed_turns == 1)
    await until(lambda: answers(bench) == [])
    assert bench.popup.welcome.isVisible()
    await bench.start_turn("fresh")
    assert bench.service.asked[-1].session_id == "new_1"


@on_loop
async def test_failed_turn_says_why_and_offers_to_try_again(bench: Bench) -> None:
    await bench.start_turn("sum it up")
    bench.service.emit(TurnFailed("turn_1", Failure("crash", "The model crashed.", "Try a smaller one.")))
    await bench.settle()
    assert bench.texts("failure_sentence") == ["The model crashed."]
    assert bench.texts("failure_advice") == ["Try a smaller one."]
    bench.find(QPushButton, "retry").click()
    await until(lambda: len(bench.service.asked) == 2)
    assert bench.service.asked[1].text == "sum it up"


@pytest.mark.parametrize("error", [UserError("long", "Too long.", "Shorten it."), RuntimeError("bug")])
def test_refused_turn_gives_the_text_back(bench: Bench, drive, error: Exception) -> None:
    async def check() -> None:
        bench.service.refusal = error
        bench.type_and_send("my long text")
        await until(lambda: bench.service.asked)
        await bench.settle()

    drive(check())
    assert bench.popup.composer.edit.toPlainText() == "my long text"
    assert len(bench.texts("failure_sentence")) == 1
    assert answers(bench) == []


@on_loop
async def test_stream_that_ends_early_is_a_failure(bench: Bench) -> None:
    await bench.start_turn()
    bench.service.emit(TextAdded("turn_1", "half an ans"))
    bench.service.end_stream()
    await bench.settle()
    assert answers(bench)[-1].shown_text == "half an ans"
    assert len(bench.texts("failure_sentence")) == 1


@on_loop
async def test_enter_sends_and_shift_enter_breaks_the_line(bench: Bench) -> None:
    edit = bench.popup.composer.edit
    QTest.keyClicks(edit, "one")
    one_line = edit.height()
    QTest.keyClick(edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(edit, "two")
    await until(lambda: edit.height() > one_line)
    QTest.keyClick(edit, Qt.Key.Key_Return)
    await until(lambda: bench.service.asked)
    assert bench.service.asked[0].text == "one\ntwo"


@on_loop
async def test_enter_while_a_turn_runs_keeps_the_text(bench: Bench) -> None:
    await bench.start_turn()
    QTest.keyClicks(bench.popup.composer.edit, "next")
    QTest.keyClick(bench.popup.composer.edit, Qt.Key.Key_Return)
    assert bench.popup.composer.edit.toPlainText() == "next"
    assert len(bench.service.asked) == 1


@on_loop
async def test_too_long_a_message_is_held_back_with_a_sentence(bench: Bench) -> None:
    composer = bench.popup.composer
    composer.edit.setPlainText("x" * (MESSAGE_LIMIT_CHARS + 1))
    assert "16,001" in composer.hint
    assert "16,000" in composer.hint
    assert not composer.send_button.isEnabled()
    QTest.keyClick(composer.edit, Qt.Key.Key_Return)
    assert len(composer.edit.toPlainText()) == MESSAGE_LIMIT_CHARS + 1
    composer.edit.setPlainText("x" * MESSAGE_LIMIT_CHARS)
    assert composer.hint == ""
    assert composer.send_button.isEnabled()


@on_loop
async def test_pasted_megabyte_is_refused_with_a_sentence(bench: Bench) -> None:
    composer = bench.popup.composer
    composer.edit.setPlainText("keep me")
    QGuiApplication.clipboard().setText("y" * 1_000_000)
    composer.edit.paste()
    assert composer.edit.toPlainText() == "keep me"
    assert "1,000,000" in composer.hint
    composer.edit.insertPlainText("!")
    assert composer.hint == ""


@on_loop
async def test_control_characters_neither_leave_nor_arrive(bench: Bench) -> None:
    QGuiApplication.clipboard().setText("a\x00b\x1b[2Jc\r\nd")
    bench.popup.composer.edit.paste()
    bench.popup.composer.send_button.click()
    await until(lambda: bench.service.asked)
    assert bench.service.asked[0].text == "ab[2Jc\nd"
    bench.service.emit(TurnFinished("turn_1", make_answer("x\x07y\x1b]0;z\ud800")))
    await bench.settle()
    assert answers(bench)[-1].shown_text == "xy]0;z"


@on_loop
async def test_escape_and_close_hide(bench: Bench) -> None:
    QTest.keyClick(bench.popup.composer.edit, Qt.Key.Key_Escape)
    assert bench.popup.isHidden()
    bench.popup.present()
    bench.popup.close()
    assert bench.popup.isHidden()
    bench.popup.present()
    bench.popup.findChild(QToolButton, "hide").click()
    assert bench.popup.isHidden()


@on_loop
async def test_text_that_came_while_hidden_is_there_when_shown(bench: Bench) -> None:
    await bench.start_turn()
    bench.popup.hide()
    bench.service.emit(TextAdded("turn_1", "unseen"))
    await until(lambda: answers(bench)[-1].text == "unseen")
    bench.popup.present()
    assert answers(bench)[-1].shown_text == "unseen"


@on_loop
async def test_model_state_is_shown(bench: Bench) -> None:
    assert bench.popup.header.state == "Good 4B, ready"
    bench.service.tell(ModelStateChanged("good-4b", "loading"))
    await until(lambda: bench.popup.header.state == "Good 4B, loading")
    bench.service.tell(ModelStateChanged("of-tomorrow", "ready"))
    await until(lambda: bench.popup.header.state == "of-tomorrow, ready")
    bench.service.tell(ModelStateChanged("work/far", "busy", leaves_machine=True))
    await until(lambda: bench.popup.header.state == "Leaves this machine: work/far, answering")
    bench.service.tell(ModelStateChanged(None, "unloaded"))
    await until(lambda: bench.popup.header.state == "no model")
    await until(lambda: bench.find(QPushButton, "get_good-4b"))


@on_loop
async def test_window_requests_and_the_end_of_the_agent(bench: Bench) -> None:
    wishes: list[str] = []
    bench.chat.window_requested.connect(wishes.append)
    bench.service.tell(WindowRequested("toggle"))
    await until(lambda: wishes == ["toggle"])
    bench.service.tell(AgentStopping())
    await until(lambda: "stopped" in bench.popup.banner)
    bench.popup.composer.edit.setPlainText("still mine")
    bench.popup.composer.submit()
    assert bench.popup.composer.edit.toPlainText() == "still mine"


@on_loop
async def test_offered_model_is_fetched_and_used(bench: Bench) -> None:
    await bench.start_turn()
    bench.service.emit(ModelOffered("turn_1", "good-4b", "Good 4B", 2_600_000_000))
    bench.service.emit(TurnFinished("turn_1", make_answer("partly")))
    await bench.settle()
    button = bench.find(QPushButton, "get_good-4b")
    assert button.text() == "Get Good 4B (2.6 GB)"
    button.click()
    bench.service.progress(500)
    await until(lambda: bench.texts("offer_progress_text") == ["1 MB of 1 MB"])
    bench.service.progress(1000, done=True)
    await until(lambda: bench.service.used == ["good-4b"])
    await until(lambda: bench.texts("offer_sentence") == ["Good 4B is ready and answers from now on."])


@on_loop
async def test_download_outlives_its_chat(bench: Bench) -> None:
    await bench.start_turn()
    bench.service.emit(ModelOffered("turn_1", "good-4b", "Good 4B", 2_600_000_000))
    bench.service.emit(TurnFinished("turn_1", make_answer("partly")))
    await bench.settle()
    bench.find(QPushButton, "get_good-4b").click()
    bench.service.progress(500)
    await until(lambda: bench.texts("offer_progress_text") == ["1 MB of 1 MB"])
    bench.popup.new_chat_requested.emit()
    await until(lambda: bench.service.sessions == 1 and answers(bench) == [])
    bench.service.progress(1000, done=True)
    await until(lambda: bench.service.used == ["good-4b"])
    await until(lambda: bench.texts("offer_sentence") == ["Good 4B is ready and answers from now on."])
    assert bench.popup.transcript.isVisible()


@on_loop
async def test_failed_and_cancelled_downloads_can_be_tried_again(bench: Bench) -> None:
    await bench.start_turn()
    bench.service.emit(ModelOffered("turn_1", "good-4b", "Good 4B", 2_600_000_000))
    bench.service.emit(TurnFinished("turn_1", make_answer("partly")))
    await bench.settle()
    bench.service.pull_error = UserError("net", "The network is down.", "Try later.")
    bench.find(QPushButton, "get_good-4b").click()
    await until(lambda: bench.texts("offer_sentence") == ["The network is down. Try later."])
    bench.service.pull_error = None
    bench.find(QPushButton, "get_good-4b").click()
    await until(lambda: bench.find(QPushButton, "cancel_good-4b"))
    bench.find(QPushButton, "cancel_good-4b").click()
    await until(lambda: bench.find(QPushButton, "get_good-4b"))
    assert bench.service.used == []


@on_loop
async def test_example_goes_into_the_composer(bench: Bench) -> None:
    examples = [button for button in bench.popup.findChildren(QPushButton, "example") if not button.isHidden()]
    assert len(examples) == 3
    examples[0].click()
    assert bench.popup.composer.edit.toPlainText().startswith("Remember that")


class TestWithoutModel:
    @pytest.fixture
    def service(self) -> ScriptedService:
        return ScriptedService(model=None)

    def test_two_fitting_models_are_offered(self, bench: Bench) -> None:
        assert bench.popup.header.state == "no model"
        assert bench.find(QPushButton, "get_small-1b").text() == "Get Small 1B (1.1 GB)"
        assert bench.find(QPushButton, "get_good-4b") is not None
        assert bench.find(QPushButton, "get_huge-70b") is None

    def test_fetched_model_opens_the_greeting(self, bench: Bench, drive) -> None:
        async def check() -> None:
            bench.find(QPushButton, "get_small-1b").click()
            bench.service.progress(1000, done=True)
            await until(lambda: bench.service.used == ["small-1b"])
            bench.service.tell(ModelStateChanged("small-1b", "unloaded"))
            await until(lambda: bench.find(QPushButton, "example"))

        drive(check())


class TestWithEarlierChat:
    @pytest.fixture
    def service(self) -> ScriptedService:
        return ScriptedService(session=SESSION)

    def test_last_chat_is_shown_and_goes_on(self, bench: Bench, drive) -> None:
        async def check() -> None:
            assert [answer.shown_text for answer in answers(bench)] == ["It is 4711.", "The file says x."]
            assert bench.texts("chip") == ["✓ recalled"]
            assert bench.texts("answered_by") == ["Good 4B", "Good 4B"]
            own, foreign = answers(bench)
            assert own.findChild(QPushButton, "untrusted").isHidden()
            assert not foreign.findChild(QPushButton, "untrusted").isHidden()
            answers(bench)[0].retry_button.click()
            await until(lambda: bench.service.asked)
            assert bench.service.asked[0].text == "What is the code?"
            assert bench.service.asked[0].session_id == "session_9"
            assert bench.texts("notice") == []

        drive(check())

    def test_after_a_night_it_is_shown_and_a_new_one_begins(self, bench: Bench, drive) -> None:
        async def check() -> None:
            bench.clock.moment += timedelta(hours=9)
            await bench.start_turn("good morning")
            assert bench.service.asked[0].session_id is None
            assert bench.texts("notice") == ["A new chat begins here."]
            assert [answer.shown_text for answer in answers(bench)][:2] == ["It is 4711.", "The file says x."]
            bench.service.emit(TurnFinished("turn_1", make_answer("good morning")))
            await bench.settle()
            bench.clock.moment += timedelta(hours=7)
            bench.type_and_send("and now?")
            await until(lambda: len(bench.service.asked) == 2)
            assert bench.service.asked[1].session_id == "session_1"
            assert bench.texts("notice") == ["A new chat begins here."]

        drive(check())


class TestWithoutTitles:
    @pytest.fixture
    def service(self) -> ScriptedService:
        return ScriptedService(list_error=ValueError("boom"))

    def test_ids_are_shown(self, bench: Bench) -> None:
        assert bench.popup.header.state == "good-4b, ready"
        assert bench.popup.composer.edit.placeholderText() == "Ask or tell me something"


class TestWithLongChat:
    @pytest.fixture
    def service(self) -> ScriptedService:
        pairs = [SESSION.messages[0], SESSION.messages[2]] * 60
        return ScriptedService(session=SessionView("long", tuple(pairs)))

    def test_a_page_at_a_time(self, bench: Bench, drive) -> None:
        async def check() -> None:
            assert len(answers(bench)) == 20
            bench.find(QPushButton, "show_earlier").click()
            await until(lambda: len(answers(bench)) == 40)

        drive(check())


def test_every_control_has_a_voice(bench: Bench) -> None:
    for kind in (QToolButton, QPushButton):
        for button in bench.popup.findChildren(kind):
            assert button.accessibleName(), button.objectName()


def test_windows_follow_the_palette(bench: Bench, qapp) -> None:
    before = qapp.palette()
    light = bench.popup.styleSheet()
    try:
        qapp.setPalette(QPalette(QColor("#2b2b2b"), QColor("#202020")))
        bench.popup.dress()
        assert bench.popup.styleSheet() != light
    finally:
        qapp.setPalette(before)
        bench.popup.dress()
    assert bench.popup.styleSheet() == light
