"""What starts the agent, held to the programs that read it: systemd-analyze, desktop-file-validate, a plist reader."""

from __future__ import annotations

import json
import os
import plistlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from agent_process import Program, eventually
from user_manager import Manager, why_not

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.system.autostart.launch_agent import LaunchAgent
from openclaw_desktop.system.autostart.run_key import command_line
from openclaw_desktop.system.autostart.xdg import XdgAutostart
from openclaw_desktop.system.service_unit import SystemUnit
from openclaw_desktop.system.service_unit.systemd import SYSTEM_TEMPLATE, UNIT, check_readable, unit_text

ODD = 'a b 5% $HOME\'s "é" \\x;&`'
COMMAND = ["/bin/true", "serve", "--home", f"/tmp/{ODD}"]


@pytest.mark.parametrize(("template", "scope"), [(UNIT, "--user"), (SYSTEM_TEMPLATE, "--system")])
@pytest.mark.parametrize("environment", [{}, {"OPENCLAW_MODELS": f"/m/{ODD}"}])
def test_systemd_takes_the_units_without_a_word(
    tmp_path: Path, template: str, scope: str, environment: dict[str, str]
) -> None:
    path = tmp_path / UNIT
    text = unit_text(template, COMMAND, environment, 2)
    assert "@" not in text
    path.write_text(text)
    said = verify(path, scope)
    assert said == "", said


def test_what_systemd_would_not_take_is_seen_by_that(tmp_path: Path) -> None:
    path = tmp_path / UNIT
    path.write_text(unit_text(UNIT, COMMAND, {}, 2).replace("WatchdogSec=60", "WatchdogSec=soon"))
    assert "Failed to parse sec value, ignoring: soon" in verify(path, "--user")


def verify(path: Path, scope: str) -> str:
    """Return what systemd-analyze says on stderr: it exits with 0 even where it can't read a value."""
    words = ["systemd-analyze", scope, "--man=no", "verify", str(path)]
    environ = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(path.parent), "HOME": str(path.parent)}
    ended = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=60, check=False)
    return "\n".join(line for line in (ended.stdout + ended.stderr).splitlines() if UNIT in line or str(path) in line)


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "there is a manager")
def test_the_words_of_a_unit_reach_the_program_as_they_are(program: Program, tmp_path: Path) -> None:
    """The machine's unit is run as it is, but for its user: this manager is no one's but this test's."""
    manager = Manager(program, tmp_path / "manager")
    try:
        told = tmp_path / "told"
        script = tmp_path / "tell.sh"
        script.write_text(f'#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done >{told}\nenv >>{told}\n')
        script.chmod(0o755)
        words = [str(script), "serve", f"/x/{ODD}", "--", "${HOME}", "%h", "~"]
        text = unit_text(UNIT, words, {"OPENCLAW_MODELS": f"/m/{ODD}"}, 2).replace("Type=notify", "Type=oneshot")
        (manager.units / UNIT).write_text(text.replace("Restart=on-failure", "").replace("WatchdogSec=60", ""))
        manager.control("daemon-reload")
        manager.control("start", UNIT)
        lines = told.read_text().splitlines()
        assert lines[: len(words) - 1] == words[1:]
        assert f"OPENCLAW_MODELS=/m/{ODD}" in lines
    finally:
        manager.end()


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "there is a manager")
def test_the_jail_is_whole_below_what_the_machines_unit_forbids(program: Program, tmp_path: Path) -> None:
    manager = Manager(program, tmp_path / "manager")
    try:
        command = program.command("sandbox", "check", "--json")[4:]
        out = tmp_path / "checked"
        text = unit_text(SYSTEM_TEMPLATE, command, {}, 2)
        # What stays away: a user of its own, which this machine lacks, and what would hide the checkout in /root.
        # Root alone can't make a namespace of users without its capabilities; the user openclaw has none to begin with.
        others = ("CapabilityBoundingSet=", "ProtectHome=yes", "PrivateTmp=yes", "Restart=on-failure")
        for line in ("User=openclaw", "Group=openclaw", *others):
            assert f"\n{line}\n" in text
            text = text.replace(f"\n{line}\n", "\n")
        text = text.replace("Type=notify", "Type=oneshot").replace(
            "WatchdogSec=60", f"StandardOutput=file:{out}\nStandardError=file:{out}.err"
        )
        text = text.replace("ProtectSystem=strict", "ProtectSystem=strict\nReadWritePaths=/tmp")
        (manager.units / UNIT).write_text(text.replace("/var/lib/openclaw", str(tmp_path / "state")))
        manager.control("daemon-reload")
        manager.control("start", UNIT)
        found = json.loads(out.read_text())
        assert found["level"] == 3 and "namespaces" in found["layers"], found
    finally:
        manager.end()


def test_a_desktop_takes_the_entry(tmp_path: Path) -> None:
    entry = XdgAutostart(tmp_path / "autostart")
    assert entry.install(["/opt/a b/openclaw-desktop", "--hidden", "--home", f"/tmp/{ODD}"])
    assert entry.installed() and entry.program() == "/opt/a b/openclaw-desktop"
    checked = subprocess.run(["desktop-file-validate", entry.place], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    assert not entry.install(["/opt/a b/openclaw-desktop", "--hidden", "--home", f"/tmp/{ODD}"]), "it is so already"
    assert entry.remove() and not entry.remove()


def test_a_desktop_hands_on_the_words_as_they_are(tmp_path: Path) -> None:
    """GLib, which most desktops start entries with, reads the file and starts a program that tells its words."""
    told = tmp_path / "told"
    script = tmp_path / "tell it.sh"
    script.write_text(f'#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done >{told}.part\nmv {told}.part {told}\n')
    script.chmod(0o755)
    words = ["--hidden", "--home", f"/tmp/{ODD}", "%f", "$PATH"]
    entry = XdgAutostart(tmp_path / "autostart")
    entry.install([str(script), *words])
    subprocess.run(["gio", "launch", entry.place], check=True, capture_output=True, timeout=30)
    eventually(told.exists, "the words")
    assert told.read_text().splitlines() == words


def test_a_mac_reads_the_plist(tmp_path: Path) -> None:
    agent = LaunchAgent(tmp_path)
    command = ["/Applications/Open CLaw.app/openclaw-desktop", "--home", f"/tmp/<&>{ODD}"]
    assert agent.install(command) and agent.program() == command[0]
    read = plistlib.loads(Path(agent.place).read_bytes())
    assert read["ProgramArguments"] == command and read["RunAtLoad"] is True and read["Label"] == "org.openclaw.desktop"
    assert set(read) == {"Label", "ProgramArguments", "RunAtLoad", "ProcessType", "LimitLoadToSessionType"}
    assert agent.remove() and not agent.installed() and agent.program() == ""


def test_windows_reads_the_line() -> None:
    assert command_line([r"C:\Program Files\a.exe", "--home", 'x"y']) == r'"C:\Program Files\a.exe" --home x\"y'


def test_a_path_that_no_entry_can_hold_is_refused(tmp_path: Path) -> None:
    for install in (
        XdgAutostart(tmp_path).install,
        LaunchAgent(tmp_path).install,
        lambda command: unit_text(UNIT, command, {}, 1),
    ):
        with pytest.raises(UserError) as refused:
            install(["/bin/true", "/tmp/a\nExecStart=/bin/rm"])
        assert "\\u000a" in refused.value.failure.sentence


class Told:
    """Notes what would have been told to the machine's own manager."""

    def __init__(self) -> None:
        self.words: list[list[str]] = []

    def __call__(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        self.words.append(list(words))
        if words[0] in ("systemd-sysusers", "systemd-tmpfiles"):
            return (
                subprocess.run([*words, "--dry-run"], capture_output=True, text=True, check=False)
                if (words[0] == "systemd-sysusers")
                else subprocess.CompletedProcess(words, 0, "", "")
            )
        return subprocess.CompletedProcess(words, 0, "enabled\n", "")


def test_the_machines_unit_is_written_with_its_user_and_taken_away(tmp_path: Path) -> None:
    told = Told()
    unit = SystemUnit(tmp_path, told, is_root=True)
    assert unit.install(["/bin/true", "serve"])
    assert [words[0] for words in told.words] == ["systemd-sysusers", "systemd-tmpfiles", "systemctl", "systemctl"]
    assert told.words[-1] == ["systemctl", "enable", UNIT]
    assert "u openclaw" in (tmp_path / "etc/sysusers.d/openclaw.conf").read_text()
    assert "0700 openclaw openclaw" in (tmp_path / "etc/tmpfiles.d/openclaw.conf").read_text()
    assert unit.program() == "/bin/true" and not unit.install(["/bin/true", "serve"])
    assert unit.remove() and not list((tmp_path / "etc").rglob("*openclaw*"))


def test_only_root_may_and_only_a_program_that_all_may_run(tmp_path: Path) -> None:
    told = Told()
    with pytest.raises(UserError) as refused:
        SystemUnit(tmp_path, told, is_root=False).install(["/bin/true"])
    assert (
        refused.value.failure.exit_code == 4 and "sudo openclaw-agent service install" in refused.value.failure.advice
    )
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    shutil.copy("/bin/true", closed / "program")
    for program in (str(closed / "program"), "/root/.venv/bin/openclaw-agent", "/nowhere/program"):
        with pytest.raises(UserError) as refused:
            check_readable(program)
        assert refused.value.failure.code == "program_not_readable"
    assert not list(tmp_path.rglob("*.service")) and told.words == []
