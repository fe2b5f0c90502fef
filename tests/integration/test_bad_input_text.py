"""Texts and files that are too long, not text, not there, or out to deceive: a plain sentence, and nothing lost."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from agent_process import Program, front_end

from openclaw_desktop.core.events import QuestionRaised, TurnFinished
from openclaw_desktop.service.api import AskRequest
from openclaw_desktop.service.remote import RemoteService

MEGABYTE = "x" * (1 << 20)


def asked(connection: socket.socket, method: str, **params: object) -> dict[str, object]:
    connection.sendall(json.dumps({"id": 1, "method": method, "params": params}).encode() + b"\n")
    with connection.makefile("rb") as lines:
        return dict(json.loads(lines.readline()))


@pytest.mark.parametrize(
    "text", [MEGABYTE, "word " * 3300, "\n" * 20_000 + "x" * 16_001], ids=["1 MB", "16 k", "lines"]
)
def test_a_message_that_is_too_long_is_a_sentence(program: Program, text: str) -> None:
    program.run("ask", "-", stdin=text).failed("16,000 are the most", "Save it as a file", code=2)
    assert program.run("status", "--json").done().document["memory"]["count"] == {"short": 0, "medium": 0, "long": 0}


def test_a_megabyte_through_the_socket_is_a_sentence(program: Program) -> None:
    agent = program.serve()
    with front_end(agent) as connection:
        error = asked(connection, "remember", text=MEGABYTE[: (1 << 20) - 200])["error"]
        assert "16,000 are the most" in error["sentence"]  # type: ignore[index]
        kept = asked(connection, "remember", text="x" * 16_000)["result"]
        assert len(kept["text"]) == 16_000  # type: ignore[index]
    program.run("ask", "-", stdin=MEGABYTE).failed("too long", code=2)
    program.run("ask", "-", stdin="x" * 20_000).failed("16,000 are the most", code=2)
    assert agent.stop().code == 0


def test_a_message_too_long_for_the_model_is_a_sentence_and_the_chat_goes_on(talker: Program) -> None:
    # Each of these letters is several tokens: no context holds them that the model was trained for.
    talker.run("ask", "-", stdin="ꙮ " * 8000).failed("too long for the model", "2048")
    assert talker.run("ask", "Say hello.").done().out.strip()


def test_control_characters_neither_are_kept_nor_reach_the_terminal(program: Program) -> None:
    text = "the \x1b[31mred\x07 \x00key\x9b2J \ud800is here"
    kept = program.run("remember", "-".join(["the \x1b[31mred\x07", "key\x9b2J is here"]), "--json").done().document
    assert kept["text"] == "the [31mred-key2J is here"
    program.run("ask", "-", stdin=b"Remember that " + text.encode("utf-8", "surrogatepass")).done()
    for words in (("recall", "red key"), ("recall", "red key", "--json")):
        shown = program.run(*words).done().out
        assert "red" in shown
        assert not [character for character in shown if ord(character) < 32 and character not in "\n\t"]
        assert "\x9b" not in shown


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "\x00\x01"], ids=repr)
def test_nothing_but_blanks_is_a_sentence(program: Program, text: str) -> None:
    program.run("ask", "-", stdin=text).failed("the text is empty", code=2)


def test_bytes_that_are_no_text_are_taken_as_what_they_can_be(program: Program) -> None:
    ended = program.run("ask", "-", "--json", stdin=b"Remember that caf\xe9 \xff\xfe is open").done()
    assert "is open" in ended.document["answer"]


def test_an_argument_that_is_no_text_is_no_traceback(program: Program) -> None:
    name = os.fsdecode(b"/tmp/caf\xe9-\xff.txt")
    for words in (
        ("remember", name),
        ("recall", name),
        ("ask", "x", "--file", name),
        ("grant", "add", "file:read", name),
    ):
        ended = program.run(*words)
        assert "Traceback" not in ended.out + ended.err and "error of its own" not in ended.err, ended


# What odd file is made, and what the user is told of it.
FILES = {
    "no text": (lambda path: path.write_bytes(bytes(range(256)) * 40), "not a text file"),
    "text with zeros": (lambda path: path.write_bytes(b"a\0b" * 100), "not a text file"),
    "a pipe": (os.mkfifo, "neither a file nor a folder"),
    "unreadable": (lambda path: path.symlink_to("/proc/1/mem"), "could not be read"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_read_as_text_is_a_sentence(program: Program, tmp_path: Path, kind: str) -> None:
    make, sentence = FILES[kind]
    path = tmp_path / "odd.txt"
    make(path)
    program.run("grant", "add", "file:read", "/").done()
    ended = program.run("ask", f"read {path}", "--json").done()
    (call,) = ended.document["tool_calls"]
    assert call["status"] == "failed" and sentence in call["error"]
    assert sentence in ended.document["answer"] and not ended.document["receipts"]


def test_a_missing_file_is_a_sentence_that_names_where_was_looked(program: Program, tmp_path: Path) -> None:
    ended = program.run("ask", "read nothing-here.txt", "--json", cwd=tmp_path).done()
    assert "There is no nothing-here.txt in" in ended.document["answer"]
    assert str(tmp_path) in ended.document["answer"]
    program.run("ask", "What is in it?", "--file", "/no/such.txt").failed("There is no file /no/such.txt", code=2)
    program.run("ask", "What is in it?", "--file", str(tmp_path)).failed("There is no file", code=2)


def test_a_folder_is_no_text_file(program: Program, tmp_path: Path) -> None:
    program.run("grant", "add", "file:read", str(tmp_path)).done()
    (tmp_path / "folder.txt").mkdir()
    ended = program.run("ask", f"read {tmp_path / 'folder.txt'}", "--json").done()
    (call,) = ended.document["tool_calls"]
    assert call["status"] == "failed" and "folder.txt" in call["error"]


def test_a_huge_file_is_cut_and_says_so(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        file.write(b"the first line\n" * 20_000)
        file.truncate(50 << 30)
    program.run("grant", "add", "file:read", str(tmp_path)).done()
    ended = program.run("ask", f"read {path}", "--json").done()
    (call,) = ended.document["tool_calls"]
    assert call["status"] == "done" and call["result"].startswith("the first line\n")
    assert "[cut: the file has 53,687,091,200 bytes]" in call["result"]
    assert len(call["result"]) < 10_000


def test_a_moment_is_too_short_for_an_answer(talker: Program) -> None:
    talker.run("ask", "Tell me a story.", "--timeout", "0.001").failed("0.001 seconds", "more time")
    assert talker.run("status", "--json").done().document["memory"]["count"] == {"short": 0, "medium": 0, "long": 0}


HIDDEN = "photo\u202egpj.exe\u200b.txt"


async def test_a_question_shows_what_a_file_name_hides(program: Program, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / HIDDEN).write_text("the code is 4711")
    agent = program.serve()
    remote = await RemoteService.connect(agent.socket_path)
    assert remote is not None
    seen: list[object] = []
    async for event in remote.ask(AskRequest(f"read {folder / HIDDEN}", attended=True)):
        seen.append(event)
        if isinstance(event, QuestionRaised):
            question = event.question
            assert question.target == f"{folder}/photo\\u202egpj.exe\\u200b.txt"
            assert all(
                text.isprintable() for text in (question.title, question.text, *(c.text for c in question.choices))
            )
            assert question.choices[-1].id == "no"
            assert not await remote.answer_question(question.id, "yes"), "only what is offered can be chosen"
            assert await remote.answer_question(question.id, "no")
    finished = seen[-1]
    assert isinstance(finished, TurnFinished) and finished.answer.tool_calls[0].status == "denied"
    assert "4711" not in str(seen)
    assert await remote.list_grants() == ()
    await remote.close()
