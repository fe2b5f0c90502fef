"""One holder at a time, known by name, and gone with its process."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.system.lock import HomeLock

HOLD = """
import sys
from pathlib import Path
from openclaw_desktop.system.lock import HomeLock
lock = HomeLock(Path(sys.argv[1]))
print(lock.acquire("serve"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agent.lock"


def hold_elsewhere(path: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "True\n"
    return child


def end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate()


def test_one_holder_and_its_name(path):
    first, second = HomeLock(path), HomeLock(path)
    assert first.holder() is None
    assert first.acquire("tray")
    assert first.acquire("tray")
    assert not second.acquire("serve")
    for lock in (first, second):
        holder = lock.holder()
        assert (holder.pid, holder.role) == (os.getpid(), "tray")
        assert datetime.fromisoformat(holder.started_at).tzinfo is not None
    first.release()
    first.release()
    assert second.holder() is None
    assert second.acquire("serve")
    second.release()


def test_looking_does_not_lose_the_lock(path):
    first = HomeLock(path)
    assert first.acquire("tray")
    assert HomeLock(path).holder() == first.holder()
    assert not HomeLock(path).acquire("serve")
    first.release()


def test_a_crash_gives_the_lock_back(path):
    child = hold_elsewhere(path)
    lock = HomeLock(path)
    assert not lock.acquire("tray")
    assert lock.holder().pid == child.pid
    end(child)
    assert json.loads(path.read_text())["pid"] == child.pid  # what it left behind counts for nothing
    assert lock.holder() is None
    assert lock.acquire("tray")
    lock.release()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_started_child_does_not_have_the_file(path):
    lock = HomeLock(path)
    assert lock.acquire("tray")
    code = "import os; print([os.path.realpath(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')])"
    opened = subprocess.run([sys.executable, "-c", code], close_fds=False, capture_output=True, text=True, check=True)
    assert str(path) not in opened.stdout
    lock.release()


@pytest.mark.skipif(sys.platform == "win32", reason="fork")
def test_a_forked_child_does_not_keep_a_released_lock(path):
    lock = HomeLock(path)
    assert lock.acquire("tray")
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    lock.release()
    assert HomeLock(path).holder() is None
    os.close(writer)
    os.close(reader)
    os.waitpid(child, 0)


def test_a_lock_file_that_was_removed_is_made_anew(path):
    lock = HomeLock(path)
    assert lock.acquire("tray")
    lock.release()
    path.unlink()
    assert lock.acquire("tray")
    assert path.exists()
    lock.release()


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"pid": "x"}', "\x00\xff"])
def test_a_holder_that_has_not_written_its_name_yet(path, text):
    lock = HomeLock(path)
    assert lock.acquire("tray")
    path.write_bytes(text.encode("latin-1"))
    assert HomeLock(path).holder().pid == 0
    lock.release()


def test_a_full_disk_keeps_nobody_from_the_lock(path, monkeypatch):
    def write(descriptor, text):
        raise OSError(errno.ENOSPC, "No space left on device")

    lock = HomeLock(path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", write)
        assert lock.acquire("recall")
    assert not HomeLock(path).acquire("serve")
    assert HomeLock(path).holder().pid == 0
    lock.release()
    assert HomeLock(path).holder() is None


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_the_file_is_private(path):
    lock = HomeLock(path)
    lock.acquire("tray")
    assert path.stat().st_mode & 0o777 == 0o600
    lock.release()


def test_no_folder_is_a_sentence(tmp_path):
    with pytest.raises(UserError) as caught:
        HomeLock(tmp_path / "missing" / "agent.lock").acquire("tray")
    assert caught.value.failure.code == "lock_unusable"
