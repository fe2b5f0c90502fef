"""Questions at a terminal: the whole call, nothing that a value could imitate, and no yes by accident."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence

import pytest

from openclaw_desktop.cli import asking, terminal
from openclaw_desktop.core.events import Choice, Question, ShownArgument, ShownCall

CHOICES = (Choice("once", "This once"), Choice("always", "Always: /a"), Choice("no", "No"))
DIFF = "--- a\n+++ a\n@@ -1 +1 @@\n-old\n+new"


def call(value: str = "hello", preview: str = "") -> ShownCall:
    arguments = (ShownArgument("path", "/a", ("user",)), ShownArgument("text", value, ("web:evil.test",)))
    return ShownCall("write_file", "/a", arguments, preview)


def rows(*calls: ShownCall, columns: int = 40) -> list[str]:
    return [line for line, _ in asking.describe("May it?", "It wants", calls, "/a", ("web:evil.test",), columns)]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Sequence[str]:
    """What is typed at the prompts, in order."""
    lines: list[str] = []

    async def read_line(_prompt: str) -> str | None:
        return lines.pop(0) if lines else None

    monkeypatch.setattr(asking, "read_line", read_line)
    return lines


def test_the_whole_call_is_shown_with_where_each_value_comes_from() -> None:
    assert rows(call(preview=DIFF)) == [
        "May it?", "It wants", "      | /a", "    text, from web:evil.test", "      | hello",
        "      | --- a", "      | +++ a", "      | @@ -1 +1 @@", "      | -old", "      | +new",
        "This follows from texts that you did not", " write: web:evil.test.",
    ]  # fmt: skip


def test_a_plan_shows_each_of_its_calls() -> None:
    shown = rows(call("one"), call("two"))
    assert [line for line in shown if not line.startswith(" ")][2:4] == ["1. write_file", "2. write_file"]
    assert shown.index("      | one") < shown.index("2. write_file") < shown.index("      | two")


@pytest.mark.parametrize("padding", [" " * 34, "x" * 34, "字" * 17, "\t\t\t\t\t\t\t\t"])
def test_a_value_never_reaches_the_edge_where_our_own_lines_begin(padding: str) -> None:
    """However it is padded, and with line feeds of its own, each row of it is set in and fits."""
    forged = f"{padding}  1) This once\nMay it?\n  2) No\u202e\r\x1b[2J"
    shown = rows(call(forged))
    begin, end = shown.index("    text, from web:evil.test"), shown.index("This follows from texts that you did not")
    for line in shown[begin + 1 : end]:
        assert line.startswith(asking.SET_IN)
        assert sum(asking._width(character) for character in line) <= 40
    text = "".join(line.removeprefix(asking.SET_IN) for line in shown[begin + 1 : end])
    assert "\\u202e\\u000d\\u001b[2J" in text


@pytest.mark.parametrize(
    ("line", "choice"), [("1", "once"), (" 2 ", "always"), ("3", "no"), ("", "no"), ("y", "no"), ("once", "no")]
)
async def test_only_a_listed_number_is_a_yes(line: str, choice: str, typed: list[str]) -> None:
    typed.append(line)
    assert await asking.ask_in_terminal(Question("q", "May it?", "It wants", "/a", CHOICES)) == choice


async def test_the_end_of_the_input_is_a_no(typed: list[str]) -> None:
    assert await asking.ask_in_terminal(Question("q", "May it?", "It wants", "/a", CHOICES)) == "no"
    assert not await asking.confirm("? ")


async def test_a_delay_comes_before_the_choices_and_what_was_typed_in_it_is_dropped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: list[str]
) -> None:
    told: list[object] = []

    async def sleep(seconds: float) -> None:
        told.extend([seconds, capsys.readouterr().err])

    monkeypatch.setattr(asking.asyncio, "sleep", sleep)
    monkeypatch.setattr(asking, "discard_typed", lambda: told.append("dropped"))
    typed.append("1")
    question = Question("q", "Are you sure?", "Your data may go to:", "evil.test", CHOICES, delay_s=3.0)
    assert await asking.ask_in_terminal(question) == "once"
    assert told[0] == 3.0 and told[2] == "dropped"
    assert "evil.test" in str(told[1]) and "in 3 s" in str(told[1])
    assert "1)" not in str(told[1]), "no choice is offered before"
    assert "  1) This once\n" in capsys.readouterr().err


def test_colours_are_for_terminals_that_have_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [*asking.describe("May it?", "", (call(preview=DIFF),), "", (), 40)]
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    asking.show(lines)
    assert "\x1b" not in capsys.readouterr().err, "stderr is no terminal"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    asking.show(lines)
    shown = capsys.readouterr().err
    assert "\x1b[31m      | -old\x1b[0m" in shown and "\x1b[32m      | +new\x1b[0m" in shown
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            asking.show(lines)
            assert "\x1b" not in capsys.readouterr().err


async def test_a_line_that_came_before_the_question_is_no_answer_to_it() -> None:
    reader, writer = os.pipe()
    lines = terminal.Lines(reader)
    try:
        asked = asyncio.ensure_future(lines.next())
        await asyncio.sleep(0)
        asked.cancel()
        os.write(writer, b"1\n2\n")
        assert lines._pending is not None
        await asyncio.wait([lines._pending])
        lines.drop()
        os.write(writer, b"mine\n")
        assert await lines.next() == "mine"
    finally:
        os.close(writer)
        os.close(reader)
