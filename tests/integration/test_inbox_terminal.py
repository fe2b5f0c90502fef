"""A person at a real terminal answers what waits, and what is asked at once: the whole call, and no yes by accident."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_process import Program
from test_terminal import Terminal


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ana\nsee you on Monday\n")
    return path


@pytest.fixture
def sit_down(program: Program) -> Iterator[Callable[..., Terminal]]:
    """Run a verb in a terminal of its own."""
    opened: list[Terminal] = []

    def sit(*words: str) -> Terminal:
        opened.append(Terminal(program, *words, columns=60))
        return opened[-1]

    program.environ["TERM"] = "xterm"
    yield sit
    for terminal in opened:
        terminal.close()


def words_for(letter: Path) -> tuple[str, str, str]:
    arguments = {"path": str(letter), "text": "Dear Ana\nsee you on Friday\n\x1b[2J", "mode": "replace"}
    return "tool", "call", json.dumps(arguments)


def park(program: Program, letter: Path) -> str:
    """Let a script ask for a change, and return the id under which it waits."""
    verb, action, arguments = words_for(letter)
    program.run(verb, action, "write_file", arguments).failed("inbox approve", code=4)
    (entry,) = program.run("inbox", "list", "--json").done().document["entries"]
    return str(entry["id"])


def states(program: Program) -> list[str]:
    return [entry["state"] for entry in program.run("inbox", "list", "--all", "--json").done().document["entries"]]


def test_what_waits_is_shown_whole_and_done_after_a_yes(
    program: Program, letter: Path, sit_down: Callable[..., Terminal]
) -> None:
    program.serve()
    entry_id = park(program, letter)
    before = letter.read_text()
    program.run("inbox", "approve", entry_id, stdin="y\n").failed("real terminal", code=4)
    person = sit_down("inbox", "approve", entry_id)
    # Typed before there was anything to read: no answer.
    person.type("y\n")
    person.wait_for("Do exactly this, once? [y/N] ")
    shown = person.shown.replace("\r\n", "\n")
    assert "\x1b[31m      | -see you on Monday\x1b[0m\n\x1b[32m      | +see you on Friday\x1b[0m\n" in shown
    assert "\\u001b[2J" in shown and "\x1b[2J" not in shown, "what it would write steers no terminal"
    assert letter.read_text() == before
    person.type("y\n")
    assert person.end() == 0
    assert "done: wrote letter.txt" in person.shown
    assert letter.read_text() == "Dear Ana\nsee you on Friday\n\x1b[2J"
    assert states(program) == ["done"]


def test_anything_but_a_yes_leaves_it_waiting_and_a_no_ends_it(
    program: Program, letter: Path, sit_down: Callable[..., Terminal]
) -> None:
    program.serve()
    entry_id = park(program, letter)
    before = letter.read_text()
    for answer in ("\n", "1\n", "\x04"):
        person = sit_down("inbox", "approve", entry_id)
        person.wait_for("Do exactly this, once? [y/N] ")
        person.type(answer)
        assert person.end() == 4
        assert "it still waits" in person.shown
    assert sit_down("inbox", "deny", entry_id).end() == 0
    late = sit_down("inbox", "approve", entry_id)
    assert late.end() == 4
    assert "no longer waits" in late.shown and "Do exactly this" not in late.shown
    assert letter.read_text() == before


def test_a_question_shows_the_change_and_only_its_number_allows_it(
    program: Program, letter: Path, sit_down: Callable[..., Terminal]
) -> None:
    """No agent runs: each verb is one for as long as it takes."""
    verb, action, arguments = words_for(letter)
    before = letter.read_text()
    person = sit_down(verb, action, "write_file", arguments)
    person.type("1\n")
    person.wait_for("Your choice [")
    assert "\x1b[32m      | +see you on Friday" in person.shown
    person.type("y\n")
    assert person.end() == 4
    assert letter.read_text() == before
    again = sit_down(verb, action, "write_file", arguments)
    again.wait_for("Your choice [")
    again.type("1\n")
    assert again.end() == 0
    assert "Friday" in letter.read_text()
