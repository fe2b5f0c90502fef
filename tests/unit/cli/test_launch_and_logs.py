"""The offer to start at login, and how lines of a log are read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from openclaw_desktop.cli import onboarding
from openclaw_desktop.cli.log_lines import LogLine, _joined, _of_file, _of_journal, describe_line
from openclaw_desktop.cli.logs import is_journal
from openclaw_desktop.system.paths import find_home


@pytest.mark.parametrize(("answer", "entry"), [("y", True), ("", False), ("n", False), (None, False)])
async def test_the_tray_starts_at_login_only_after_a_yes(
    answer: str | None, entry: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read_line(question: str) -> str | None:
        assert "log in" in question
        return answer

    monkeypatch.setattr(onboarding, "read_line", read_line)
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    said: list[str] = []
    home = find_home(tmp_path / "home", {})
    assert await onboarding._offer_launch(home, said.append, asks=True) == ("tray" if entry else None)
    assert (tmp_path / "config" / "autostart" / "openclaw-desktop.desktop").exists() == entry
    asked_again = await onboarding._offer_launch(home, said.append, asks=False)
    assert asked_again == ("tray" if entry else None), "what was decided is told, not asked"
    assert "by itself" in said[-1]


def test_lines_of_the_file_are_records_with_their_places() -> None:
    lines = [
        "left over of a record that is gone",
        "2026-11-29 12:00:00,123 WARNING openclaw_desktop.x: it failed: token=abc",
        '  File "/x/y.py", line 3, in turn',
        "ValueError",
        "2026-11-29 12:00:01,000 INFO a: b",
    ]
    first, second = _joined(map(_of_file, lines))
    assert first.at == "2026-11-29T12:00:00.123" and first.level == "WARNING" and "abc" not in first.text
    assert first.text.splitlines()[1:] == ['  File "/x/y.py", line 3, in turn', "ValueError"]
    assert describe_line(second) == "2026-11-29T12:00:01.000 INFO     a: b"


def test_entries_of_the_journal_are_the_same_records() -> None:
    entries = [
        {"MESSAGE": "Started OpenCLaw agent.", "PRIORITY": "6"},
        {"MESSAGE": "openclaw_desktop.x: it failed", "PRIORITY": "3", "__REALTIME_TIMESTAMP": "1764417600123000"},
        {"MESSAGE": list(b"ValueError"), "PRIORITY": "3"},
        {"MESSAGE": "a: b", "PRIORITY": "4", "__REALTIME_TIMESTAMP": "no number"},
    ]
    first, second = _joined(map(_of_journal, ["no json", *map(json.dumps, entries)]))
    assert first == LogLine(first.at, "ERROR", "openclaw_desktop.x", "it failed\nValueError") and first.at
    assert second == LogLine("", "WARNING", "a", "b")


@pytest.mark.parametrize("stream", ["", "1", "a:b", "1:2"])
def test_stderr_is_the_journal_only_where_systemd_says_that_very_stream(stream: str) -> None:
    assert not is_journal({"JOURNAL_STREAM": stream})


def test_stderr_is_the_journal_where_it_is_that_stream() -> None:
    found = os.fstat(2)
    assert is_journal({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
