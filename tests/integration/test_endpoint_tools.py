"""A turn with a tool, through the whole product, by an endpoint: in each way in which servers take the form of a reply.

The server's words are written here, but for the last test, where Qwen chooses behind a real server;
tests/integration/test_endpoint_servers.py asks more of real ones.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from agent_process import Program
from endpoint_server import EndpointServer, Reply, Seen, calls, refuses, says
from model_servers import xllamacpp_server
from test_terminal import Terminal

NOTE = "The plumber comes on Thursday at nine."
# No plain request, which would be understood without a model.
QUESTION = "When does the plumber come, as my file notes.txt says it?"


def script(style: str) -> Any:
    """Return a server that takes one way to a form, reads the note and tells what it says."""

    def answer(seen: Seen) -> Reply:
        if seen.body is None:
            return Reply(200, {"data": [{"id": "m"}]})
        if "logprobs" in seen.body:
            top = [{"token": "Yes", "logprob": -0.01}, {"token": "No", "logprob": -5.0}]
            return Reply(200, {"choices": [{"logprobs": {"content": [{"top_logprobs": top}]}}]})
        form = seen.body.get("response_format", {}).get("type") or ("tools" if "tools" in seen.body else "plain")
        if form not in (style, "plain"):
            return refuses(400, f"{form}: response_format and tools are not supported")
        read = NOTE in seen.body["messages"][-1]["content"]
        if style == "tools":
            told = calls("answer", '{"text": "On Thur', 'sday at nine."}')
            return told if read else calls("read_file", '{"path"', ': "notes.txt"}')
        told = says('{"tool": "answer", ', '"text": "On Thursday at nine."}')
        return told if read else says('{"tool": "read_file", "path": "notes.txt"}')

    return answer


def test_a_chat_in_a_terminal_says_that_it_leaves_the_machine(program: Program) -> None:
    program.run("status").done()
    config = program.home / "config"
    # An address that is kept for documentation: nobody is asked, and nobody would answer.
    (config / "endpoints.toml").write_text('[far]\nurl = "https://192.0.2.1/v1"\nmodel = "m"\n')
    (config / "settings.toml").write_text('[model]\nid = "far/m"\n')
    terminal = Terminal(program, "chat")
    try:
        terminal.wait_for("leaves this machine and goes to https://192.0.2.1/v1")
        terminal.wait_for("> ")
        terminal.type("/quit\n")
        assert terminal.end() == 0
    finally:
        terminal.close()


@pytest.mark.parametrize("style", ["json_schema", "json_object", "tools", "plain"])
async def test_a_file_is_read_and_told_of(program: Program, tmp_path: Path, style: str) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "notes.txt").write_text(NOTE, encoding="utf-8")

    async def run(*words: str) -> Any:
        ended = await asyncio.to_thread(program.run, *words, "--json", cwd=folder)
        return ended.done().document

    async with EndpointServer(script(style)) as server:
        await run("model", "add", server.url, "--name", "there")
        await run("model", "use", "there")
        await run("grant", "add", "file:read", str(folder))
        answer = await run("ask", QUESTION)
    assert answer["answer"] == "On Thursday at nine." and answer["model"] == "there/m"
    assert [(call["name"], call["status"]) for call in answer["tool_calls"]] == [("read_file", "done")]
    # What a file says stays untrusted, whoever's model has read it.
    assert answer["label"]["integrity"] == "untrusted"


def test_qwen_behind_a_real_server_chooses_the_file_and_tells_what_it_says(
    program: Program, tmp_path: Path, qwen: Path
) -> None:
    pytest.importorskip("xllamacpp", reason="xllamacpp is not installed")
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "notes.txt").write_text(NOTE, encoding="utf-8")
    with xllamacpp_server(next(qwen.iterdir())) as server:
        program.run("model", "add", server.url, "--name", "there").done()
        program.run("model", "use", "there").done()
        program.run("grant", "add", "file:read", str(folder)).done()
        answer = program.run("ask", QUESTION, "--json", cwd=folder).done().document
    assert answer["model"].startswith("there/")
    (call,) = answer["tool_calls"]
    assert (call["name"], call["status"]) == ("read_file", "done")
    # A small model may name a sheet too, which a text has none of: what counts is the file.
    assert call["arguments"]["path"] == str(folder / "notes.txt")
    assert "Thursday" in answer["answer"]
    assert answer["label"]["integrity"] == "untrusted"
