"""Where a home is, how it is made, and what is refused untouched."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.system.paths import Home, find_home, model_folders, prepare

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes and owners are POSIX")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(root)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in [root, *root.rglob("*")]
    }


def refusal(home: Home) -> UserError:
    with pytest.raises(UserError) as caught:
        prepare(home)
    failure = caught.value.failure
    assert failure.sentence.endswith(".")
    assert "\n" not in failure.text
    assert "Errno" not in failure.text
    return caught.value


@pytest.fixture
def xdg(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # Not a test's own folder: its name may leave no room for the address of a socket.
    with tempfile.TemporaryDirectory(prefix="oc-") as folder:
        for variable in ("DATA", "CONFIG", "CACHE"):
            monkeypatch.setenv(f"XDG_{variable}_HOME", f"{folder}/{variable.lower()}")
        yield Path(folder)


def test_the_order_in_which_a_home_is_looked_for(tmp_path):
    one, two, three = tmp_path / "1", tmp_path / "2", tmp_path / "3"
    environ = {"OPENCLAW_DESKTOP_HOME": str(two), "OPENCLAW_HOME": str(three)}
    assert find_home(one, environ).root == one
    assert find_home(None, environ).root == two
    assert find_home(None, {"OPENCLAW_HOME": str(three)}).root == three
    assert find_home(None, {"OPENCLAW_DESKTOP_HOME": "", "OPENCLAW_HOME": str(three)}).root == three


def test_everything_lies_under_a_chosen_home(tmp_path):
    home = find_home(tmp_path / "home", {"XDG_RUNTIME_DIR": str(tmp_path)})
    assert home.database == tmp_path / "home" / "data" / "openclaw.db"
    assert home.settings_file == tmp_path / "home" / "config" / "settings.toml"
    assert home.socket == tmp_path / "home" / "run" / "agent.sock"
    assert home.lock_file == tmp_path / "home" / "run" / "agent.lock"
    assert home.marker == tmp_path / "home" / ".openclaw-desktop"
    assert all(folder.parent == home.root for folder in home.folders)


@pytest.mark.skipif(sys.platform != "linux", reason="XDG")
def test_the_systems_own_folders(xdg):
    # XDG_RUNTIME_DIR is not used: a cron job has another one, and would not find the running agent.
    home = find_home(None, {"XDG_RUNTIME_DIR": str(xdg)})
    assert home.root is None
    assert home.data == xdg / "data" / "openclaw-desktop"
    assert home.config == xdg / "config" / "openclaw-desktop"
    assert home.run == home.data / "run"
    assert home.marker.parent == home.data
    prepare(home)
    assert home.marker.is_file()


@pytest.mark.parametrize("source", ["--home", "OPENCLAW_DESKTOP_HOME", "OPENCLAW_HOME"])
def test_a_relative_home_is_wrong_usage(source):
    with pytest.raises(UserError) as caught:
        find_home(Path("here") if source == "--home" else None, {source: "here"})
    assert caught.value.failure.exit_code == ExitCode.USAGE
    assert source in caught.value.failure.sentence


@posix_only
@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_folders_are_private_whatever_the_umask(tmp_path, umask):
    home = find_home(tmp_path / "new" / "home", {})
    before = os.umask(umask)
    try:
        prepare(home)
    finally:
        os.umask(before)
    for folder in (tmp_path / "new", home.root, *home.folders):
        assert mode(folder) == 0o700, folder
    assert mode(home.marker) & 0o077 == 0


@posix_only
def test_modes_are_repaired_and_contents_kept(tmp_path):
    home = find_home(tmp_path / "home", {})
    prepare(home)
    home.database.write_bytes(b"database")
    home.settings_file.write_bytes(b"settings")
    for path in (home.root, home.data, home.config, home.run):
        path.chmod(0o755)
    for path in (home.database, home.settings_file):
        path.chmod(0o644)
    prepare(home)
    assert {mode(path) for path in (home.root, *home.folders)} == {0o700}
    assert {mode(path) for path in (home.database, home.settings_file)} == {0o600}
    assert home.database.read_bytes() == b"database"


@posix_only
def test_a_shared_models_folder_behind_a_link_stays_shared(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    shared.chmod(0o755)
    home = find_home(tmp_path / "home", {})
    prepare(home)
    home.models.rmdir()
    home.models.symlink_to(shared)
    prepare(home)
    assert mode(shared) == 0o755


def test_a_folder_of_another_program_is_not_touched(tmp_path):
    root = tmp_path / "peer"
    (root / "data").mkdir(parents=True)
    (root / "openclaw.json").write_text("{}")
    before = snapshot(root)
    failure = refusal(find_home(None, {"OPENCLAW_HOME": str(root)})).failure
    assert failure.code == "home_not_ours"
    assert str(root) in failure.sentence
    assert "--home" in failure.advice
    assert "OPENCLAW_DESKTOP_HOME" in failure.advice
    assert snapshot(root) == before


def test_an_empty_folder_and_an_interrupted_first_start_are_taken(tmp_path):
    home = find_home(tmp_path, {})
    home.marker.touch()
    prepare(home)
    assert home.database.parent.is_dir()


@pytest.mark.skipif(sys.platform != "linux", reason="XDG")
def test_models_may_come_first(xdg):
    home = find_home(None, {})
    home.models.mkdir(parents=True)
    prepare(home)
    assert home.marker.exists()


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "file").write_text("mine")
    assert refusal(find_home(tmp_path / "file", {})).failure.code == "home_not_a_folder"
    assert refusal(find_home(tmp_path / "file" / "below", {})).failure.code == "home_not_a_folder"
    home = find_home(tmp_path / "home", {})
    prepare(home)
    home.logs.rmdir()
    home.logs.write_text("not a folder")
    before = snapshot(tmp_path)
    assert refusal(home).failure.code == "home_not_a_folder"
    assert snapshot(tmp_path) == before


def test_a_link_to_nowhere(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert refusal(find_home(tmp_path / "link", {})).failure.code == "home_not_a_folder"


@posix_only
def test_a_home_of_another_user(tmp_path, monkeypatch):
    home = find_home(tmp_path / "home", {})
    prepare(home)
    before = snapshot(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert refusal(home).failure.code == "home_foreign"
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "home_disk_full"),
        (errno.EROFS, "home_read_only"),
        (errno.EACCES, "home_read_only"),
        (errno.ENAMETOOLONG, "home_unusable"),
    ],
)
def test_what_the_disk_says_becomes_a_sentence(tmp_path, monkeypatch, number, code):
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "mkdir", fail)
    assert refusal(find_home(tmp_path / "home", {})).failure.code == code


def test_a_home_that_became_read_only(tmp_path, monkeypatch):
    home = find_home(tmp_path / "home", {})
    prepare(home)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert refusal(home).failure.code == "home_read_only"


@posix_only
def test_a_path_too_long_for_a_socket(tmp_path):
    home = find_home(tmp_path / ("x" * 100), {})
    assert refusal(home).failure.code == "home_path_long"
    assert not home.root.exists()


def test_control_characters_in_a_path_are_shown(tmp_path):
    root = tmp_path / "a\x1b[31mb"
    root.write_text("")
    assert "\x1b" not in refusal(find_home(root, {})).failure.text


def test_model_folders_in_order_and_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    default = model_folders(find_home(tmp_path / "home", {}), {})[-1]
    home = find_home(tmp_path / "home", {})
    extra = tmp_path / "extra"
    named = os.pathsep.join([str(extra), "", str(home.models), str(extra)])
    assert model_folders(home, {"OPENCLAW_MODELS": named}) == (home.models, extra, default)
    assert model_folders(find_home(None, {}), {}) == (default,)
