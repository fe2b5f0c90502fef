"""Settings: read once, changed without losing anything, and understandable when wrong."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.storage.settings import Settings, load_settings, set_setting


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def failure_of(path: Path):
    with pytest.raises(UserError) as caught:
        load_settings(path)
    assert "\n" not in caught.value.failure.text
    return caught.value.failure


def test_no_file_means_the_defaults(path):
    settings = load_settings(path)
    assert settings == Settings()
    assert settings.values() == {
        "model.id": None,
        "model.context_tokens": 4096,
        "model.threads": None,
        "model.idle_unload_s": 900,
        "hotkey.toggle_chat": "Ctrl+Alt+Space",
        "memory.engine_idle_s": 600,
        "backup.keep_daily": 14,
        "backup.folder": None,
        "backup.budget_times": 5,
        "backup.keep_hourly": 24,
        "secrets.keyring_wait_s": 60,
        "memory.embeddings": None,
        "memory.short_term_days": 14,
        "memory.short_term_turns": 400,
        "memory.archive_days": 30,
        "memory.keep_turns_days": None,
        "memory.keep_turns_mb": None,
        "memory.limit_mb": None,
        "network.proxy": None,
        "network.mirror": None,
        "network.private_hosts": None,
        "web_search.provider": None,
        "web_search.url": None,
        "web_search.secret": None,
        "budget.background_tokens_per_day": 100_000,
        "energy.watts_per_core": 10,
        "cost.cloud_cents_per_mtoken": None,
        "cost.electricity_cents_per_kwh": None,
        "notifications.per_hour": 6,
        "notifications.quiet_hours": None,
        "notifications.zone": None,
        "notifications.digest_at": "17:30",
        "jobs.keep_runs": 100,
    }
    assert not path.exists()


def test_what_is_in_the_file(path):
    path.write_bytes(b'\xef\xbb\xbf[model]\r\nid = "small"\r\nthreads = 2\r\n[backup]\r\nkeep_daily = 3\r\n')
    settings = load_settings(path)
    assert (settings.model.id, settings.model.threads, settings.backup.keep_daily) == ("small", 2, 3)
    assert settings.model.context_tokens == 4096


def test_a_change_keeps_comments_and_order(path):
    path.write_text('# mine\n[hotkey]\ntoggle_chat = "F9"  # easy to reach\n\n[model]\n# small\nid = "a"\n')
    assert set_setting(path, "model.id", "b").model.id == "b"
    assert path.read_text() == ('# mine\n[hotkey]\ntoggle_chat = "F9"  # easy to reach\n\n[model]\n# small\nid = "b"\n')
    set_setting(path, "backup.keep_daily", 7)
    assert "# easy to reach" in path.read_text()
    assert load_settings(path).backup.keep_daily == 7


def test_every_setting_can_be_set_and_unset(path):
    for name, default in Settings().values().items():
        texts = (
            "model.id", "hotkey.toggle_chat", "memory.embeddings", "network.proxy", "network.mirror", "backup.folder",
            "network.private_hosts", "web_search.provider", "web_search.url", "web_search.secret",
            "notifications.quiet_hours", "notifications.zone", "notifications.digest_at",
        )  # fmt: skip
        value = "some" if name in texts else 1000
        value = "endpoint:some" if name == "memory.embeddings" else value
        assert set_setting(path, name, value).values()[name] == value
        assert load_settings(path).values()[name] == value
        assert set_setting(path, name, None).values()[name] == default
    assert load_settings(path) == Settings()


def test_what_was_typed_is_read_as_the_settings_own_type(path):
    assert set_setting(path, "model.threads", "4").model.threads == 4
    assert set_setting(path, "model.id", "4").model.id == "4"
    assert set_setting(path, "model.threads", "").model.threads is None
    with pytest.raises(UserError):
        set_setting(path, "model.threads", "four")


@pytest.mark.parametrize(
    ("text", "line", "wrong", "nearest"),
    [
        ("[modell]\n", 1, "modell", "model"),
        ("# x\n[model]\nid = 'a'\ncontext_token = 1\n", 4, "model.context_token", "model.context_tokens"),
        ("model = {thread = 1}\n", None, "model.thread", "model.threads"),
        ("toggle_chat = 'F9'\n", 1, "toggle_chat", "hotkey.toggle_chat"),
        ("[hotkey]\nkeep_daily = 3\n", 2, "hotkey.keep_daily", "backup.keep_daily"),
        ('[memory]\n"engine_idle" = 3\n', 2, "memory.engine_idle", "memory.engine_idle_s"),
    ],
)
def test_an_unknown_setting_names_the_nearest(path, text, line, wrong, nearest):
    path.write_text(text)
    failure = failure_of(path)
    assert failure.code == "setting_unknown"
    assert failure.exit_code == ExitCode.USAGE
    assert wrong in failure.sentence
    assert failure.advice == f"Did you mean {nearest}?"
    assert (f"line {line} of" in failure.sentence) == (line is not None)


def test_an_unknown_setting_that_resembles_nothing(path):
    with pytest.raises(UserError) as caught:
        set_setting(path, "zzz.qqq", 1)
    assert "model.id" in caught.value.failure.advice
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[model]\ncontext_tokens = '4096'\n", "model.context_tokens"),
        ("[model]\ncontext_tokens = true\n", "model.context_tokens"),
        ("[model]\ncontext_tokens = 4096.0\n", "model.context_tokens"),
        ("[model]\ncontext_tokens = 1\n", "model.context_tokens"),
        ("[model]\nthreads = 0\n", "model.threads"),
        ("[model]\nid = 7\n", "model.id"),
        ("[model]\nid = ''\n", "model.id"),
        ('[model]\nid = "a\\u001b[31m"\n', "model.id"),
        ("[hotkey]\ntoggle_chat = ['F9']\n", "hotkey.toggle_chat"),
        ("[hotkey.toggle_chat]\nkey = 1\n", "hotkey.toggle_chat"),
        ("[backup]\nkeep_daily = -1\n", "backup.keep_daily"),
        ("model = 3\n", "model"),
        ("[[model]]\nid = 'a'\n", "model"),
    ],
)
def test_a_wrong_value_says_what_is_expected(path, text, name):
    path.write_text(text)
    failure = failure_of(path)
    assert failure.code == "setting_invalid"
    assert failure.exit_code == ExitCode.USAGE
    assert name in failure.sentence
    assert "\x1b" not in failure.text
    assert failure.advice


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[model]\nid = \n", "line 2"),
        (b"[model\n", "line 1"),
        (b"[model]\nid = 'a'\nid = 'b'\n", "line 3"),
        (b"[model]\nid = '\xff'\n", "UTF-8"),
        (b"[model]\nthreads = " + b"9" * 5000, "digits"),
    ],
)
def test_a_broken_file_is_told_and_kept(path, content, reason):
    path.write_bytes(content)
    failure = failure_of(path)
    assert failure.code == "settings_broken"
    assert reason in failure.sentence
    with pytest.raises(UserError):
        set_setting(path, "model.id", "b")
    assert path.read_bytes() == content


@pytest.mark.parametrize("value", [0, True, 1.5, ["a"], "99999999999999999999"])
def test_an_unfit_value_changes_nothing(path, value):
    path.write_text("[model]\nthreads = 2\n")
    with pytest.raises(UserError):
        set_setting(path, "model.threads", value)
    assert path.read_text() == "[model]\nthreads = 2\n"


@pytest.mark.parametrize("text", ["model.id = 'a'\n", "model = { id = 'a' }\n", "[model]\n[backup]\nkeep_daily = 2\n"])
def test_other_ways_to_write_a_table(path, text):
    path.write_text(text)
    before = load_settings(path)
    after = set_setting(path, "model.threads", 3)
    assert after.values() == before.values() | {"model.threads": 3}
    assert load_settings(path) == after


def test_a_folder_instead_of_a_file(path):
    path.mkdir()
    assert failure_of(path).code == "settings_unreadable"


@pytest.mark.skipif(sys.platform == "win32", reason="modes and links are POSIX")
def test_the_file_is_private_and_a_link_stays_a_link(path, tmp_path):
    real = tmp_path / "dotfiles.toml"
    path.symlink_to(real)
    set_setting(path, "model.id", "a")
    assert path.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert load_settings(path).model.id == "a"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_alone(path, monkeypatch, call):
    set_setting(path, "model.id", "old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os if call == "fsync" else Path, call, fail)
    with pytest.raises(UserError) as caught:
        set_setting(path, "model.id", "new")
    assert caught.value.failure.code == "file_not_written"
    assert load_settings(path).model.id == "old"
    assert [child.name for child in path.parent.iterdir()] == [path.name]
