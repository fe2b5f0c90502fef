"""What is promised with SmolLM2 alone: talk, and plain requests by code; for the rest it says what is needed."""

from __future__ import annotations

from pathlib import Path

from agent_process import Program


def test_it_talks(talker: Program) -> None:
    answer = talker.run("ask", "Hello! How are you today?", "--json").done().document
    assert answer["answer"].strip()
    assert answer["model"] == "smollm2-135m"
    assert answer["tool_calls"] == []
    assert answer["usage"]["completion_tokens"] > 0


def test_remember_and_what_did_i_tell_you(talker: Program) -> None:
    kept = talker.run("ask", "Remember that my locker code is 4711", "--json").done().document
    assert [receipt["kind"] for receipt in kept["receipts"]] == ["memory.saved"]
    assert kept["model"] is None, "code did it"
    told = talker.run("ask", "What did I tell you about my locker?", "--json").done().document
    assert "4711" in told["answer"]
    asked = talker.run("ask", "What is my locker code?", "--json").done().document
    assert "4711" in asked["answer"]
    nothing = talker.run("ask", "What did I tell you about Jupiter?", "--json").done().document
    assert nothing["answer"] == "You have told me nothing about that."


def test_read_a_file_in_a_granted_folder(talker: Program, tmp_path: Path) -> None:
    (tmp_path / "user" / "notes.txt").write_text("Buy milk.\n")
    denied = talker.run("ask", "read notes.txt", "--json")
    assert denied.code == 4
    assert "grant add file:read" in denied.document["answer"]
    talker.run("grant", "add", "file:read", str(tmp_path / "user")).done()
    answer = talker.run("ask", "read notes.txt", "--json").done().document
    assert answer["answer"] == "Buy milk.\n"
    assert [receipt["text"] for receipt in answer["receipts"]] == ["read notes.txt"]
    assert answer["label"]["integrity"] == "untrusted"


def test_for_anything_else_it_says_that_the_larger_model_is_needed_and_offers_it(talker: Program) -> None:
    answer = talker.run("ask", "Book a table for two at five", "--json").done().document
    assert "Qwen2.5-Coder 1.5B" in answer["answer"]
    assert "model pull qwen2.5-coder-1.5b" in answer["answer"]
    assert answer["offered_model"] == "qwen2.5-coder-1.5b"
    assert answer["receipts"] == []


def test_incognito_keeps_nothing(talker: Program) -> None:
    talker.run("ask", "I live in Porto and my cat is called Blue", "--incognito", "--json").done()
    answer = talker.run("ask", "Remember that I like tea", "--incognito", "--json").done().document
    assert answer["receipts"] == []
    assert sum(talker.run("status", "--json").done().document["memory"]["count"].values()) == 0
    assert b"Porto" not in (talker.home / "data" / "openclaw.db").read_bytes()


def test_a_chat_goes_on_in_its_session(talker: Program) -> None:
    first = talker.run("ask", "Hello, I am planning a trip.", "--json").done().document
    second = talker.run("ask", "Hello again!", "--session", first["session_id"], "--json").done().document
    assert second["session_id"] == first["session_id"]
    assert second["usage"]["prompt_tokens"] > first["usage"]["prompt_tokens"]
    assert second["memories_used"] or second["answer"]


def test_chat_talks_line_by_line(talker: Program) -> None:
    chat = talker.run("chat", stdin="Remember that I like tea\n/new\nWhat did I tell you about tea?\n").done()
    assert "Saved: I like tea" in chat.out
    assert "You told me:\n- I like tea" in chat.out
