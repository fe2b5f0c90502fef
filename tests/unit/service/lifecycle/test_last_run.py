"""What the next start knows of the last end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openclaw_desktop.service.lifecycle import last_run
from openclaw_desktop.service.lifecycle.last_run import LastRun
from openclaw_desktop.system.paths import Home, find_home, prepare


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = find_home(tmp_path / "home", {})
    prepare(home)
    return home


def begin(home: Home) -> LastRun:
    run = LastRun(home)
    run.begin()
    return run


def test_an_end_in_order_leaves_nothing_to_tell(home: Home) -> None:
    begin(home).end()
    assert LastRun(home).begin() is None


def test_a_verb_that_never_began_takes_no_mark_away(home: Home) -> None:
    begin(home)
    LastRun(home).end()
    last = LastRun(home).begin()
    assert last is not None and last.kind == "killed"


def test_an_end_with_the_machine_is_told_apart(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_run, "boot_id", lambda: "yesterday")
    begin(home)
    monkeypatch.undo()
    last = LastRun(home).begin()
    assert last is not None and last.kind == "machine" and "machine went down" in last.sentence


def test_what_python_wrote_at_the_end_is_taken_once(home: Home) -> None:
    run = begin(home)
    run.note_stall()
    assert run.note_restart()
    last = LastRun(home).begin()
    assert last is not None and last.kind == "stalled" and "test_last_run.py" in last.stacks
    again = LastRun(home).begin()
    assert again is not None and again.stacks == ""


def test_the_fourth_restart_within_a_quarter_of_an_hour_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(last_run.time, "time", lambda: now)
    answers = []
    for _ in range(4):
        run = begin(home)
        answers.append(run.note_restart())
    assert answers == [True, True, True, False]
    now += 1000.0
    assert begin(home).note_restart(), "later it may again"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"restarts": "x", "boot": 3}', json.dumps({"restarts": [None, "a"]})])
def test_a_mark_that_makes_no_sense_is_an_end_without_warning(home: Home, text: str) -> None:
    (home.run / "running.json").write_text(text)
    last = LastRun(home).begin()
    assert last is not None and last.kind in ("killed", "machine")


def test_restarts_of_long_ago_count_for_nothing_in_a_run_that_lasted(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(last_run.time, "time", lambda: now)
    for _ in range(last_run.RESTARTS_MOST):
        assert begin(home).note_restart()
    run = begin(home)
    now += 86_400.0
    assert run.note_restart(), "it ran well for a day"
