"""The verbs `notify …` against a running agent: told, listed, weighed by a person, and quiet; kept over a restart."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("no terminal of this kind", allow_module_level=True)

from agent_process import Program
from test_terminal import Terminal


def by_hand(program: Program, *words: str) -> str:
    """Return what a verb says to a person at a terminal."""
    terminal = Terminal(program, *words, columns=200)
    assert terminal.end() == 0, terminal.shown
    terminal.close()
    return terminal.shown


def test_notices_by_hand(tmp_path: Path) -> None:
    program = Program(tmp_path / "home", tmp_path / "user")
    try:
        serving = program.serve()
        sent = program.run("notify", "send", "Bread is ready", "take it out", "--topic", "kitchen", "--json").done()
        told = program.run("notify", "--json").done().document
        # A busy machine has something of its own to tell.
        (notice,) = [one for one in told["notices"] if one["topic"] == "kitchen"]
        assert (notice["id"], notice["topic"], notice["body"]) == (sent.document["id"], "kitchen", "take it out")
        assert told["status"]["unseen"] >= 1

        program.run("notify", "less", "kitchen").failed("by a person", code=4)
        program.run("notify", "quiet", "2h").failed("by a person", code=4)
        assert "kitchen: you asked for less" in by_hand(program, "notify", "less", "kitchen")
        assert "Quiet until" in by_hand(program, "notify", "quiet", "2h")
        status = program.run("status", "--json").done().document["notifications"]
        assert status["queued"] >= 1 and status["unseen"] >= 1 and status["quiet_until"]

        assert serving.stop().code == 0
        listed = program.run("notify", "list", "--json").done().document["notices"]
        (kept,) = [one for one in listed if one["id"] == notice["id"]]
        assert "you asked for less of this" in kept["why"]
        assert "Put away" in by_hand(program, "notify", "dismiss", "all")
        program.run("notify").done()
        listed = program.run("notify", "list", "--all", "--json").done().document["notices"]
        assert {one["id"]: one["state"] for one in listed}[notice["id"]] == "dismissed"
    finally:
        program.end()
