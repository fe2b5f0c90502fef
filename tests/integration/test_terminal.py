"""A person at a real terminal: Ctrl-C, an open question, and a second program beside an open chat."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_process import DEADLINE_S, Program


def hear_interrupts() -> None:
    # Tests that run in the background inherit an ignored SIGINT; a person's shell does not pass one on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """One program in a terminal of its own."""

    def __init__(self, program: Program, *words: str, columns: int = 0) -> None:
        self._controller, terminal = pty.openpty()
        if columns:
            termios.tcsetwinsize(terminal, (24, columns))
        self.process = subprocess.Popen(
            program.command(*words), env=program.environ, cwd=program.environ["HOME"],
            stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
            preexec_fn=hear_interrupts,  # noqa: PLW1509 - no other thread runs here
        )  # fmt: skip
        os.close(terminal)
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self._controller, text.encode())

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def wait_for(self, text: str) -> None:
        """Read what it shows until `text` stands there."""
        self._read_until(lambda: text in self.shown, repr(text))

    def wait_for_more(self, after: str) -> None:
        """Read what it shows until something stands after `after`."""
        self._read_until(lambda: self.shown.partition(after)[2] != "", f"word after {after!r}")

    def _read_until(self, shown: Callable[[], bool], what: str) -> None:
        deadline_s = time.monotonic() + DEADLINE_S
        while not shown():
            ready, _, _ = select.select([self._controller], [], [], max(0.0, deadline_s - time.monotonic()))
            assert ready, f"no {what} in time: {self.shown!r}"
            try:
                self.shown += os.read(self._controller, 4096).decode(errors="replace")
            except OSError:
                raise AssertionError(f"ended without {what}: {self.shown!r}") from None

    def end(self) -> int:
        """Wait until it has ended and return its exit code."""
        code = self.process.wait(DEADLINE_S)
        while select.select([self._controller], [], [], 0.2)[0]:
            try:
                self.shown += os.read(self._controller, 4096).decode(errors="replace")
            except OSError:
                break
        assert "Traceback" not in self.shown
        return code

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._controller)


@pytest.fixture
def notes(talker: Program) -> Path:
    notes = Path(talker.environ["HOME"]) / "notes.txt"
    notes.write_text("Buy milk.\n")
    return notes


@pytest.fixture
def terminals(talker: Program) -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


def opened(terminals: list[Terminal], program: Program, *words: str) -> Terminal:
    terminals.append(Terminal(program, *words))
    return terminals[-1]


def test_ctrl_c_at_the_prompt_ends_the_chat_at_once(talker: Program, terminals: list[Terminal]) -> None:
    chat = opened(terminals, talker, "chat")
    chat.wait_for("> ")
    chat.interrupt()
    assert chat.end() == 1
    assert "Stopped." in chat.shown


def test_ctrl_c_at_a_question_stops_the_turn_and_loses_no_line(
    talker: Program, terminals: list[Terminal], notes: Path
) -> None:
    chat = opened(terminals, talker, "chat")
    chat.wait_for("> ")
    chat.type("read notes.txt\n")
    chat.wait_for("Your choice")
    chat.interrupt()
    chat.wait_for("[Stopped.]")
    chat.type("Remember that I like tea\n")
    chat.wait_for("Saved: I like tea")
    chat.type("/quit\n")
    assert chat.end() == 0
    assert "Buy milk" not in chat.shown
    assert talker.run("grant", "list", "--json").done().document == {"grants": []}


def test_a_time_limit_holds_while_a_question_is_open(talker: Program, terminals: list[Terminal], notes: Path) -> None:
    ask = opened(terminals, talker, "ask", "read notes.txt", "--timeout", "8")
    ask.wait_for("Your choice")
    assert ask.end() == 1
    assert "within 8 seconds" in ask.shown


def test_the_answer_no_is_the_default(talker: Program, terminals: list[Terminal], notes: Path) -> None:
    ask = opened(terminals, talker, "ask", "read notes.txt")
    ask.wait_for("Your choice [3]")
    ask.type("\n")
    assert ask.end() == 4
    assert "You said no." in ask.shown


def test_beside_an_open_chat_other_verbs_attach(talker: Program, terminals: list[Terminal]) -> None:
    chat = opened(terminals, talker, "chat")
    chat.wait_for("> ")
    hit = talker.run("remember", "I like tea", "--json").done().document
    assert hit["text"] == "I like tea"
    assert talker.run("status", "--json").done().document["pid"] == chat.process.pid
    chat.type("What did I tell you about tea?\n")
    chat.wait_for("You told me:")
    chat.type("\x04")
    assert chat.end() == 0


def test_stopping_twice_leaves_the_model_whole(talker: Program, terminals: list[Terminal]) -> None:
    chat = opened(terminals, talker, "chat")
    chat.wait_for("> ")
    chat.type("Tell me a very long story about the sea.\n")
    # The model is loaded ahead: only a word of the answer says that there is a turn to stop.
    chat.wait_for_more("about the sea.\r\n")
    chat.interrupt()
    chat.interrupt()
    chat.wait_for("[Stopped.]")
    chat.type("Hello! How are you?\n")
    chat.wait_for("[smollm2-135m]")
    chat.type("/quit\n")
    assert chat.end() == 0
    assert "error of its own" not in chat.shown
