"""What a question shows of its calls: all of it, in lines that no value can imitate, readable in both looks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QRect, Qt, QTimer
from PySide6.QtGui import QAccessible, QColor, QGuiApplication, QPalette, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QScrollArea, QTextEdit

from openclaw_desktop.core.events import Choice, Question, ShownArgument, ShownCall
from openclaw_desktop.service.walls.question_lines import Line, describe_calls
from openclaw_desktop.ui.question import BUTTON_LINES, QuestionDialog, break_text
from openclaw_desktop.ui.theme import DARK, LIGHT, Theme

ONCE, NO = Choice("once", "This once"), Choice("no", "No")
DIFF = "--- /home/ana/a.txt\n+++ /home/ana/a.txt\n@@ -1,3 +1,3 @@\n milk\n--- old\n+@@ new\n eggs"


def ask(*calls: ShownCall, target: str = "/home/ana/a.txt", delay_s: float = 0.0) -> Question:
    return Question("q", "May it?", "It wants", target, (ONCE, NO), ("web:x",), calls=calls, delay_s=delay_s)


def call(preview: str = "", **values: tuple[str, tuple[str, ...]]) -> ShownCall:
    arguments = tuple(ShownArgument(name, value, origins) for name, (value, origins) in values.items())
    return ShownCall("write_file", "/home/ana/a.txt", arguments, preview)


@pytest.fixture
def show(qtbot) -> Iterator:
    def make(question: Question) -> QuestionDialog:
        dialog = QuestionDialog(question)
        qtbot.addWidget(dialog)
        dialog.answers = []
        dialog.answered.connect(dialog.answers.append)
        return dialog

    return make


def details(dialog: QuestionDialog) -> QTextEdit:
    return dialog.findChild(QTextEdit, "question_details")


def test_the_whole_call_is_shown_with_where_each_value_comes_from(show) -> None:
    shown = call(
        path=("/home/ana/a.txt", ("user",)),
        text=("pay evil.test\u202e", ("user", "web:evil.test")),
        mode=("append", ()),
    )
    assert details(show(ask(shown))).toPlainText() == (
        "text, from you, web:evil.test\npay evil.test\\u202e\nmode\nappend"
    )


def test_a_target_that_others_named_is_said_to_be_theirs() -> None:
    assert describe_calls([call(path=("/home/ana/a.txt", ("mail:eve",)))])[0] == Line("foreign", "path, from mail:eve")
    assert describe_calls([call(path=("/home/ana/a.txt", ("user",)))]) == []


def test_a_value_cannot_pass_for_a_line_of_ours(show) -> None:
    forged = "milk\n2. delete_file\npath, from you\n+ nothing"
    lines = describe_calls([call(text=(forged, ("web:x",)))])
    assert [line.kind for line in lines] == ["foreign", "value", "value", "value", "value"]
    view = details(show(ask(call(text=(forged, ("web:x",))))))
    cursor = view.textCursor()
    margins = set()
    for _ in range(4):
        cursor.movePosition(QTextCursor.MoveOperation.NextBlock)
        margins.add(cursor.blockFormat().leftMargin())
    assert margins and 0 not in margins, "a value is set in, wherever its lines break"
    assert view.document().firstBlock().blockFormat().leftMargin() == 0


def test_each_line_of_a_diff_knows_what_it_does_whatever_it_says() -> None:
    kinds = [line.kind for line in describe_calls([call(DIFF)])]
    assert kinds == ["file", "file", "place", "kept", "removed", "added", "kept"]
    assert [line.kind for line in describe_calls([call("- /a\n+ /b")])] == ["removed", "added"]
    note = describe_calls([call("It has no network.\n- or so")])
    assert [line.kind for line in note] == ["note", "note"]


def luminance(name: str) -> float:
    parts = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in QColor(name).getRgbF()
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_what_a_diff_says_can_be_read(theme: Theme) -> None:
    pairs = [
        (theme.on_added, theme.added), (theme.on_removed, theme.removed), (theme.text, theme.code),
        (theme.subdued, theme.code), (theme.warning, theme.code), (theme.warning, theme.window),
        (theme.danger, theme.window), (theme.on_accent, theme.accent),
    ]  # fmt: skip
    assert [(pair, round(contrast(*pair), 1)) for pair in pairs if contrast(*pair) < 4.5] == []


@pytest.mark.parametrize("dark", [False, True])
def test_the_diff_has_the_colours_of_the_look(show, qapp, dark: bool) -> None:
    before = QGuiApplication.palette()
    try:
        if dark:
            QGuiApplication.setPalette(QPalette(QColor("#2b2b2b"), QColor("#202020")))
        view = details(show(ask(call(DIFF))))
    finally:
        QGuiApplication.setPalette(before)
    theme = DARK if dark else LIGHT
    colours = {}
    block = view.document().firstBlock()
    while block.isValid():
        colours[block.text()] = block.blockFormat().background().color().name()
        block = block.next()
    assert (colours["--- old"], colours["+@@ new"]) == (theme.removed, theme.added)


def test_a_plan_shows_each_of_its_calls_once(show) -> None:
    calls = [
        ShownCall(f"tool_{n}", f"/{n}", (ShownArgument("path", f"/{n}"), ShownArgument("to", "/x", ("mail:eve",))))
        for n in (1, 2)
    ]
    dialog = show(ask(*calls, target="1. tool_1: /1\n2. tool_2: /2"))
    assert dialog.findChild(QTextEdit, "question_target") is None
    assert details(dialog).toPlainText() == (
        "1. tool_1\npath\n/1\nto, from mail:eve\n/x\n2. tool_2\npath\n/2\nto, from mail:eve\n/x"
    )
    for name in ("once", "no"):
        assert dialog.findChild(QPushButton, f"question_choice_{name}") is not None


def test_a_long_change_scrolls_and_the_buttons_stay(show) -> None:
    dialog = show(ask(call("\n".join(["@@ -1 +1,400 @@", *(f"+line {n}" for n in range(400))]))))
    dialog.present_beside(None)
    screen: QRect = QGuiApplication.primaryScreen().availableGeometry()
    assert dialog.height() < screen.height()
    body = dialog.findChild(QScrollArea, "question_body")
    bar = body.verticalScrollBar()
    assert bar.maximum() > 0
    no = dialog.findChild(QPushButton, "question_choice_no")
    assert dialog.rect().contains(QRect(no.mapTo(dialog, no.rect().topLeft()), no.size()))
    guard = dialog.findChild(QTimer, "guard")
    guard.stop()
    guard.timeout.emit()
    QTest.keyClick(no, Qt.Key.Key_PageDown)
    QTest.keyClick(details(dialog), Qt.Key.Key_PageDown)
    assert bar.value() > bar.pageStep()
    QTest.keyClick(dialog, Qt.Key.Key_PageUp)
    QTest.keyClick(dialog, Qt.Key.Key_PageUp)
    assert bar.value() == 0
    assert dialog.answers == []


def test_nothing_stands_beyond_an_edge(show) -> None:
    dialog = show(ask(call(text=("x" * 3000 + "END", ())), target="/" + "y" * 900))
    dialog.present_beside(None)
    for name in ("question_target", "question_details"):
        view = dialog.findChild(QTextEdit, name)
        assert view.document().idealWidth() <= view.width()
        assert view.document().size().height() <= view.height(), "all of it is laid out, none cut off"
    assert dialog.findChild(QScrollArea, "question_body").horizontalScrollBar().maximum() == 0


def test_a_button_says_all_that_it_allows(show, qapp) -> None:
    scope = "Always: /home/ana/" + "/".join(["a very long folder"] * 6)
    question = Question("q", "May it?", "", "/1", (Choice("always", scope), NO))
    dialog = show(question)
    button = dialog.findChild(QPushButton, "question_choice_always")
    assert "".join(button.text().split()) == "".join(scope.split())
    assert button.accessibleName() == scope
    assert button.sizeHint().width() <= dialog.width()
    endless = break_text("z" * 5000, button.fontMetrics(), 300)
    assert len(endless) > BUTTON_LINES and "".join(endless) == "z" * 5000


def test_no_yes_is_offered_before_the_questions_own_delay(show) -> None:
    dialog = show(ask(delay_s=3.0))
    guard = dialog.findChild(QTimer, "guard")
    wait = dialog.findChild(QLabel, "question_wait")
    yes = dialog.findChild(QPushButton, "question_choice_once")
    assert guard.interval() >= 3000 and guard.isActive()
    assert not wait.isHidden() and "in 4 s" in wait.text()
    yes.click()
    assert dialog.answers == []
    guard.stop()
    guard.timeout.emit()
    assert "can be given now" in wait.text()
    yes.click()
    assert dialog.answers == ["once"]


def test_without_a_delay_nothing_is_said_about_one(show) -> None:
    dialog = show(ask())
    assert dialog.findChild(QLabel, "question_wait").isHidden()


def test_a_screen_reader_hears_what_is_asked_and_what_each_button_does(show) -> None:
    dialog = show(ask(call(text=("hello", ("web:x",)))))

    def voice(widget) -> tuple[QAccessible.Role, str]:
        heard = QAccessible.queryAccessibleInterface(widget)
        return heard.role(), heard.text(QAccessible.Text.Name)

    assert voice(dialog) == (QAccessible.Role.Dialog, "May it?")
    described = QAccessible.queryAccessibleInterface(dialog).text(QAccessible.Text.Description)
    assert described == "It wants\n/home/ana/a.txt"
    assert voice(dialog.findChild(QPushButton, "question_choice_once")) == (QAccessible.Role.Button, "This once")
    assert voice(details(dialog))[1] == "All that it would do, to the letter"
    order = [dialog.findChild(QPushButton, "question_choice_no")]
    while (following := order[-1].nextInFocusChain()) is not order[0]:
        order.append(following)
    reachable = [widget.objectName() for widget in order if widget.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert {"question_target", "question_details", "question_choice_once", "question_choice_no"} <= set(reachable)
