"""The doctor over the whole product: some thirty checks, what it repairs, its log and its bundle without content."""

from __future__ import annotations

import json
import os
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest
from agent_process import Ended, Program, eventually, worker_pid

from openclaw_desktop.storage.connection import connect

SECRET, SAID, KEPT = "sk-canary-4f1c9b7e52aa", "MEADOWLARK the message", "QUINCE the memory"
CHECKS = {
    "home", "socket", "settings", "logs", "crashes", "leftovers", "workers", "descriptors", "disk", "database", "wal",
    "version", "backups", "key", "secrets", "model", "engine", "meaning", "sandbox", "tools", "network", "hotkey",
    "skills", "grants", "audit", "inbox", "clock", "zone", "battery", "idle", "notices", "launch",
}  # fmt: skip


def findings(program: Program, *words: str) -> dict[str, dict[str, object]]:
    return {one["check"]: one for one in program.run("doctor", "--json", *words).document["findings"]}


def test_it_looks_at_some_thirty_things_and_mends_what_is_safe(talker: Program, tmp_path: Path) -> None:
    program = talker
    gone, notes = tmp_path / "gone", tmp_path / "notes"
    for folder in (gone, notes):
        folder.mkdir()
        program.run("grant", "add", "file:read", str(folder)).done()
    program.run("remember", "The car is blue").done()
    program.run("backup", "create").done()
    gone.rmdir()
    age(program)
    half = program.home / "data" / ".measured.json.a1b2c3d4"
    half.touch()
    os.utime(half, (0, 0))
    entry = Path(program.environ["HOME"]) / ".config" / "autostart" / "openclaw-desktop.desktop"
    program.run("service", "install", "--tray").done()
    entry.write_text(entry.read_text().replace("TryExec=", "TryExec=/gone"))

    seen = findings(program)
    assert set(seen) >= CHECKS and len(seen) >= 30, CHECKS - set(seen)
    wrong = {check for check, one in seen.items() if one["level"] == "warning"}
    assert wrong >= {"grants", "backups", "leftovers", "launch"}, seen
    assert all(one["advice"] for one in seen.values() if one["check"] in ("grants", "backups", "leftovers", "launch"))
    assert "gone" in str(seen["grants"]["sentence"]) and "notes" not in str(seen["grants"]["sentence"])

    mended = findings(program, "--fix")
    assert {check for check, one in mended.items() if one["repaired"]} == {"backups", "leftovers", "launch"}
    assert not half.exists() and "/gone" not in entry.read_text()
    assert mended["grants"]["level"] == "warning", "a disk may be away: what was granted is the user's"
    last = program.run("doctor", "--json").done()  # warnings are no failure
    after = {one["check"]: one for one in last.document["findings"]}
    assert {check for check, one in after.items() if one["repaired"]} == set()
    assert after["backups"]["level"] == after["leftovers"]["level"] == after["launch"]["level"] == "ok"


def age(program: Program) -> None:
    """Have the newest copy be a week old."""
    (copy,) = (program.home / "backups").glob("openclaw-*.db")
    old = datetime.now(UTC) - timedelta(days=7)
    _, stamp, reason = copy.name.split("-", 2)
    copy.rename(copy.with_name(f"openclaw-{old:%Y%m%dT%H%M%SZ}-{reason}"))
    assert stamp.endswith("Z")


@pytest.fixture
def used(program: Program) -> Program:
    """A home with a secret, a message, a memory, a log and a crash."""
    agent = program.serve()
    program.run("secret", "set", "key", "--host", "api.example.com", "--store", "session", stdin=SECRET).done()
    program.run("remember", KEPT).done()
    program.run("ask", f"Remember that {SAID}")
    program.run("ask", f"What is {SAID}?")
    program.run("tool", "call", "read_file", json.dumps({"path": f"/{SAID}"}), "--approve", "never")
    program.run("recall", f'"{SAID} AND (')
    agent.stop(9)
    agent = program.serve()
    eventually((program.home / "logs" / "agent.log").exists, "the log")
    os.kill(worker_pid("tools", agent.pid), 11)
    eventually(lambda: list((program.home / "logs").glob("crash-*.txt")), "the report")
    return program


def test_no_secret_and_no_content_is_in_the_log_and_the_bundle(used: Program, tmp_path: Path) -> None:
    target = tmp_path / "help.zip"
    done = used.run("doctor", "--bundle", str(target), "--json").document
    with zipfile.ZipFile(target) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert [one["name"] for one in done["files"]] == list(parts)
    assert {"system.json", "doctor.json", "settings.json", "status.json", "agent.log", "crash-1.txt"} <= set(parts)
    assert oct(target.stat().st_mode & 0o777) == "0o600"
    assert json.loads(parts["status.json"])["sandbox"]["level"] == 3 and b"worker tools ended" in parts["agent.log"]
    logs = {path.name: path.read_bytes() for path in (used.home / "logs").iterdir()}
    needles = (SECRET, "MEADOWLARK", "QUINCE", "api.example.com", used.environ["HOME"])
    for name, data in (*parts.items(), *logs.items()):
        for needle in needles:
            assert needle.encode() not in data, (name, needle)
    said = used.run("doctor", "--bundle", str(tmp_path / "again.zip"))
    assert all(name in said.out for name in parts), said
    used.run("doctor", "--bundle", str(target)).failed("can't be written", "not there yet")


def test_the_log_is_shown_by_weight_and_followed(program: Program) -> None:
    program.run("status").done()
    path = program.home / "logs" / "agent.log"
    path.write_text(line("INFO", "a word") + line("WARNING", "worker tools ended") + "  more of it\n")
    path.with_name("agent.log.1").write_text(line("ERROR", "an older one"))
    every = lines(program.run("logs", "--json"))
    assert [one["level"] for one in every] == ["ERROR", "INFO", "WARNING"]
    assert every[-1]["text"] == "worker tools ended\n  more of it"
    assert [one["level"] for one in lines(program.run("logs", "--json", "--level", "warning"))] == ["ERROR", "WARNING"]
    assert len(lines(program.run("logs", "--json", "-n", "1"))) == 1
    program.run("logs", "--follow", "--json").failed("no end", code=2)

    following = program.start("logs", "--follow", "-n", "1")
    assert following.stdout is not None
    assert "worker tools ended" in following.stdout.readline()
    with path.open("a") as log:
        log.write(line("ERROR", "a new line"))
    while "a new line" not in (shown := following.stdout.readline()):
        assert shown
    path.rename(path.with_name("agent.log.2"))
    path.write_text(line("ERROR", "of the next file"))
    while "of the next file" not in (shown := following.stdout.readline()):
        assert shown
    following.send_signal(2)
    _, err = following.communicate(timeout=30)
    assert following.returncode == 0 and "Traceback" not in err


def line(level: str, text: str) -> str:
    return f"{time.strftime('%Y-%m-%d %H:%M:%S')},000 {level} a.test: {text}\n"


def lines(ended: Ended) -> list[dict[str, str]]:
    return list(ended.done().document["lines"])


def test_a_home_that_does_not_open_can_be_bundled_too(program: Program, tmp_path: Path) -> None:
    program.run("remember", KEPT).done()
    path = program.home / "data" / "openclaw.db"
    connection = connect(path, None, apsw.SQLITE_OPEN_READWRITE)
    connection.pragma("user_version", 9999)
    connection.close()
    target = tmp_path / "help.zip"
    assert program.run("doctor", "--bundle", str(target), "--json").code == 1
    with zipfile.ZipFile(target) as archive:
        (finding,) = json.loads(archive.read("doctor.json"))
        assert finding["check"] == "database_newer"
        assert not any(b"QUINCE" in archive.read(name) for name in archive.namelist())
