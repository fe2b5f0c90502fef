"""`config get` and `config set`: the file of settings by hand, and what is wrong in it told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openclaw_desktop.cli.commands import run_command
from openclaw_desktop.core.errors import ExitCode


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENCLAW_DESKTOP_HOME", str(tmp_path / "home"))
    return tmp_path / "home/config/settings.toml"


def test_a_setting_is_changed_shown_and_put_back(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["config", "get", "model.threads"]) == ExitCode.DONE
    assert not config.exists(), "looking makes nothing"
    assert run_command(["config", "set", "model.threads", "3"]) == ExitCode.DONE
    assert config.stat().st_mode & 0o077 == 0
    assert run_command(["config", "get", "model.threads"]) == ExitCode.DONE
    assert run_command(["config", "set", "model.threads", ""]) == ExitCode.DONE
    said = capsys.readouterr()
    assert said.out.splitlines() == ["-", "model.threads is now 3.", "3", "model.threads is now -."]
    assert said.err.count("when it starts anew") == 2
    assert "3" not in config.read_text()


def test_what_is_read_each_time_needs_no_new_start(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["config", "set", "web_search.provider", "searxng", "--json"]) == ExitCode.DONE
    said = capsys.readouterr()
    assert json.loads(said.out) == {"web_search.provider": "searxng"} and said.err == ""
    assert run_command(["config", "get", "--json"]) == ExitCode.DONE
    shown = json.loads(capsys.readouterr().out)
    assert shown["web_search.provider"] == "searxng" and shown["model.context_tokens"] == 4096


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["get", "web_serch.url"], "Did you mean web_search.url?"),
        (["set", "web_serch.url", "x"], "Did you mean web_search.url?"),
        (["set", "model.threads", "two"], "It is a whole number from 1 to 1024."),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    config: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["config", *words]) == ExitCode.USAGE
    assert sentence in capsys.readouterr().err
    assert not config.exists()
