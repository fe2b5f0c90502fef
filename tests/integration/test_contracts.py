"""What scripts rely on: documents, exit codes, streams and files, as docs/contracts say."""

from __future__ import annotations

import os
import pty
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from agent_process import AGENT, Program, run

NUMBER = (int, float)
MAYBE_TEXT = (str, type(None))
LABEL = {"integrity": str, "confidentiality": str, "origins": list}
CALL = {
    "id": str,
    "name": str,
    "arguments": dict,
    "status": str,
    "result": MAYBE_TEXT,
    "error": MAYBE_TEXT,
    "label": LABEL,
    "unclear": bool,
    "data": object,
    "took_ms": NUMBER,
    "undo_id": str,
    "inbox_id": str,
}
ANSWER = {
    "turn_id": str,
    "answer": str,
    "model": MAYBE_TEXT,
    "tool_calls": [CALL],
    "receipts": [{"kind": str, "text": str, "call_id": str, "subject": str}],
    "memories_used": [str],
    "label": LABEL,
    "usage": {"prompt_tokens": int, "cached_tokens": int, "completion_tokens": int},
    "timing": {"first_token_ms": (*NUMBER, type(None)), "total_ms": NUMBER},
    # Beyond the contract:
    "session_id": str,
    "offered_model": MAYBE_TEXT,
}
HIT = {
    "id": str, "text": str, "tier": str, "score": NUMBER, "why": str, "created_at": str, "source": str,
    "label": LABEL, "purpose": str,
}  # fmt: skip
RECALL = {"query": str, "took_ms": NUMBER, "hits": [HIT]}
STATUS = {
    "version": str,
    "pid": (int, type(None)),
    "uptime_s": (*NUMBER, type(None)),
    "mode": MAYBE_TEXT,
    "home": str,
    "model": {
        "name": MAYBE_TEXT, "state": str, "path": MAYBE_TEXT, "context_tokens": int,
        "tokens_per_s": (*NUMBER, type(None)),
        # Beyond the contract:
        "deaths": int, "ladder": str, "leaves_machine": bool, "endpoint": MAYBE_TEXT,
    },
    "memory": {
        "count": {"short": int, "medium": int, "long": int}, "db_bytes": int, "encrypted": bool,
        "vectors_leave_machine": bool, "key": str, "key_reason": str, "warning": str,
    },
    "power": {
        "source": str, "battery_percent": (*NUMBER, type(None)), "idle_s": (*NUMBER, type(None)), "level": str,
        "presence": str, "sentence": str,
    },
    "health": {"level": str, "rss_bytes": dict, "cpu_percent": NUMBER, "last_error": MAYBE_TEXT, "sentence": str},
    "scheduler": {
        "next_job": MAYBE_TEXT, "next_run": MAYBE_TEXT, "missed": int, "running": int,
        # Beyond the contract:
        "unknown": int, "waiting": int, "waits": str,
        "heartbeat": {"on": bool, "last_at": str, "last": str, "next_at": str},
    },
    "notifications": {"queued": int, "quiet_until": MAYBE_TEXT, "unseen": int, "shown_by": str},
    "sandbox": {"level": int, "layers": list, "reason": str},
    # Beyond the contract:
    "hotkey": str,
    "ledger": dict,
    "caches": dict,
    "inbox": {"pending": int},
    "mcp": {"servers": int, "down": dict},
}  # fmt: skip


def fits(value: Any, form: Any, place: str = "document") -> None:
    """Hold a JSON value to a form: a type, a table of forms, or a list of one form."""
    if isinstance(form, Mapping):
        assert isinstance(value, dict), place
        assert set(value) == set(form), place
        for key, inner in form.items():
            fits(value[key], inner, f"{place}.{key}")
    elif isinstance(form, list):
        assert isinstance(value, list), place
        for number, item in enumerate(value):
            fits(item, form[0], f"{place}[{number}]")
    else:
        assert isinstance(value, form) and (form in (bool, object) or value is not True), f"{place} is {value!r}"


def test_ask_answers_with_the_whole_document(talker: Program, tmp_path: Path) -> None:
    spoken = talker.run("ask", "Say hello.", "--json").done()
    fits(spoken.document, ANSWER)
    assert spoken.document["model"] == "smollm2-135m"
    assert spoken.document["usage"]["completion_tokens"] > 0
    assert 0 < spoken.document["timing"]["first_token_ms"] <= spoken.document["timing"]["total_ms"]

    kept = talker.run("ask", "Remember that my sister's birthday is on March 14", "--json").done()
    fits(kept.document, ANSWER)
    assert kept.document["model"] is None
    assert [receipt["kind"] for receipt in kept.document["receipts"]] == ["memory.saved"]
    assert kept.err == "[saved]\n"

    found = talker.run("ask", "What did I tell you about my sister?", "--json").done()
    fits(found.document, ANSWER)
    assert "March 14" in found.document["answer"]
    assert found.document["memories_used"]


def test_a_read_that_nobody_may_allow_ends_with_4(program: Program, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("the code is 4711\n")
    for flags in ((), ("--approve", "never"), ("--approve", "ask")):
        ended = program.run("ask", f"read {notes}", "--json", *flags)
        assert ended.code == 4
        fits(ended.document, ANSWER)
        assert [call["status"] for call in ended.document["tool_calls"]] == ["parked"]
        assert f"grant add file:read {notes}" in ended.document["answer"]
        assert "4711" not in ended.out + ended.err
    waiting = program.run("inbox", "list", "--json").done().document["entries"]
    assert {entry["call"]["target"] for entry in waiting} == {str(notes)}
    # A person answers, at a real terminal or in a window.
    assert program.run("inbox", "approve", waiting[0]["id"]).code == 4
    assert program.run("inbox", "deny", waiting[0]["id"]).code == 4
    assert program.run("audit", "verify", "--json").done().document["broken"] is None
    program.run("grant", "add", "file:read", str(notes)).done()
    allowed = program.run("ask", f"read {notes}", "--json").done()
    fits(allowed.document, ANSWER)
    assert "4711" in allowed.document["answer"]
    assert allowed.document["label"]["integrity"] == "untrusted"
    (call,) = allowed.document["tool_calls"]
    assert call["status"] == "done" and "4711" in call["result"] and call["error"] is None


def test_recall_answers_with_the_whole_document(program: Program) -> None:
    kept = program.run("remember", "The bicycle is blue", "--json").done()
    fits(kept.document, HIT | {"ended": [str]})
    found = program.run("recall", "bicycle", "--json", "-k", "3").done()
    fits(found.document, RECALL)
    assert found.document["query"] == "bicycle"
    assert [hit["id"] for hit in found.document["hits"]] == [kept.document["id"]]
    assert found.err == ""
    gone = program.run("forget", kept.document["id"], "--json").done()
    assert gone.document["forgotten"] == 1
    assert gone.document["receipt"]["counts"]["facts"] == 1
    assert program.run("recall", "bicycle", "--json").done().document["hits"] == []


def test_status_tells_of_a_running_agent_and_of_none(program: Program) -> None:
    alone = program.run("status", "--json").done()
    fits(alone.document, STATUS)
    assert (alone.document["pid"], alone.document["mode"], alone.document["uptime_s"]) == (None, None, None)
    agent = program.serve()
    running = program.run("status", "--json").done()
    fits(running.document, STATUS)
    assert (running.document["pid"], running.document["mode"]) == (agent.pid, "serve")
    assert running.document["home"] == str(program.home)
    assert running.document["health"]["rss_bytes"]["agent"] > 0


def test_json_is_all_that_stands_on_stdout(program: Program) -> None:
    ended = program.run("ask", "Why is the sky blue?", "--json")
    assert set(ended.document) == {"error"}
    assert set(ended.document["error"]) == {"code", "sentence", "advice"}
    assert ended.document["error"]["sentence"] in ended.failed("model pull")


def test_without_json_the_answer_is_on_stdout_and_the_rest_on_stderr(talker: Program) -> None:
    kept = talker.run("ask", "Remember that I like tea").done()
    assert (kept.out, kept.err) == ("Saved: I like tea\n", "[saved]\n")


def test_nothing_found_is_no_failure(program: Program) -> None:
    ended = program.run("recall", "submarine").done()
    assert (ended.out, ended.err) == ("", "Nothing about that is remembered.\n")


@pytest.mark.parametrize(
    "words",
    [("frobnicate",), ("task", "fly"), ("ask",), ("ask", "x", "--nonsense"),
     ("recall", "x", "-k", "0"), ("ask", "x", "--timeout", "-1"), ("grant",), ()],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_ends_with_2_and_touches_nothing(program: Program, words: tuple[str, ...]) -> None:
    ended = program.run(*words)
    assert (ended.code, ended.out) == (2, "")
    assert "usage:" in ended.err and "Traceback" not in ended.err
    assert not program.home.exists()


@pytest.mark.parametrize(
    "words",
    [("model", "use", "gpt-9"), ("model", "pull", "gpt-9"), ("grant", "add", "file:fly", "/etc"), ("ask", " "),
     ("ask", "x", "--session", "ses_none"), ("ask", "x", "--file", "/no/such/file")],
    ids=" ".join,
)  # fmt: skip
def test_words_that_make_no_sense_end_with_2_and_a_sentence(program: Program, words: tuple[str, ...]) -> None:
    program.run(*words).failed(code=2)


def test_own_folders_are_denied(program: Program) -> None:
    program.run("status").done()
    program.run("grant", "add", "file:read", str(program.home / "data")).failed("belongs to the agent", code=4)


def test_files_are_0600_and_folders_0700_whatever_the_umask(talker: Program) -> None:
    widest = ["sh", "-c", 'umask 0; exec "$@"', "sh"]
    environ = talker.environ
    for words in (("remember", "a fact"), ("model", "list"), ("model", "use", "smollm2-135m")):
        subprocess.run([*widest, *talker.command(*words)], env=environ, check=True, capture_output=True, timeout=60)
    talker.serve([*widest, *talker.command("serve")])
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in [talker.home, *talker.home.rglob("*")]}
    assert {path for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == set(), modes


def test_the_home_is_looked_for_in_order(program: Program, tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    variables = {"OPENCLAW_DESKTOP_HOME": str(second), "OPENCLAW_HOME": str(third)}

    def used(*words: str, **environ: str) -> str:
        ended = run([*AGENT, "status", "--json", *words], program.environ | environ)
        return str(ended.done().document["home"])

    assert used("--home", str(first), **variables) == str(first)
    assert used(**variables) == str(second)
    assert used(OPENCLAW_HOME=str(third)) == str(third)
    with tempfile.TemporaryDirectory(prefix="oc-") as user:  # a short path: it must hold a socket's
        assert used(HOME=user) == f"{user}/.local/share/openclaw-desktop"


def test_no_colour_even_on_a_terminal(program: Program) -> None:
    for words in (("status",), ("--help",), ("doctor",), ("frobnicate",)):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            program.command(*words), env=program.environ | {"NO_COLOR": "1", "TERM": "xterm-256color"},
            stdin=theirs, stdout=theirs, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        seen = b""
        try:
            while chunk := os.read(ours, 65536):
                seen += chunk
        except OSError:
            pass  # the other end is closed: the program has ended
        finally:
            os.close(ours)
        process.wait(timeout=60)
        assert seen and b"\x1b" not in seen
