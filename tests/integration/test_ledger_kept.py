"""The ledger of a real agent with the real SmolLM2: what was asked is counted, without a word of it."""

from __future__ import annotations

from pathlib import Path

import apsw
from agent_process import Program


def test_a_turn_is_counted_and_shown(talker: Program, home: Path) -> None:
    assert talker.run("model", "ledger", "--json").done().document == {"days": 1, "lines": []}
    answer = talker.run("ask", "Hello! How are you today?", "--json").done().document
    (line,) = talker.run("model", "ledger", "--days", "3", "--json").done().document["lines"]
    assert (line["lane"], line["model"], line["turns"]) == ("chat", "smollm2-135m", 1)
    for name in ("prompt_tokens", "cached_tokens", "completion_tokens"):
        assert line["sums"][name] == answer["usage"][name]
    assert line["sums"]["seconds"] > 0 and line["sums"]["cpu_seconds"] > 0 and line["sums"]["wh_estimated"] > 0
    assert "smollm2-135m" in talker.run("model", "ledger").done().out
    status = talker.run("status", "--json").done().document
    assert status["ledger"]["today"] == line["sums"]
    assert status["ledger"]["background_left"] == status["ledger"]["background_limit"] == 100_000
    assert set(status["caches"]) >= {"embeddings", "answers", "schemas", "texts"}
    connection = apsw.Connection(str(next(home.rglob("openclaw.db"))), flags=apsw.SQLITE_OPEN_READONLY)
    (row,) = connection.execute("select * from ledger").fetchall()
    connection.close()
    assert row[1] == answer["turn_id"]
    assert not any("Hello" in str(value) for value in row)


def test_an_incognito_turn_leaves_a_count_without_its_turn(talker: Program) -> None:
    talker.run("ask", "Hello!", "--incognito", "--no-tools", "--json").done()
    (line,) = talker.run("model", "ledger", "--json").done().document["lines"]
    assert (line["turns"], line["sums"]["calls"]) == (0, 1)


def test_a_running_agent_answers_with_its_sums(talker: Program) -> None:
    talker.serve()
    talker.run("ask", "Hello!", "--no-tools", "--json").done()
    talker.run("ask", "And again hello!", "--no-tools", "--json").done()
    (line,) = talker.run("model", "ledger", "--json").done().document["lines"]
    assert (line["turns"], line["sums"]["calls"]) == (2, 2)
    assert line["sums"]["cached_tokens"] > 0
