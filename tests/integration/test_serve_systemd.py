"""`serve` under a real `systemd --user`: ready when it says so, restarted when it hangs.

systemd runs in a mount namespace of its own, where /run/systemd says that this machine was booted with it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_process import Program, eventually, wait_gone

SYSTEMD = Path("/lib/systemd/systemd")
UNIT = """[Service]
Type=notify
ExecStart={command}
WatchdogSec=1
Restart=on-failure
RestartSec=0
StandardError=append:{log}
"""


def mount_namespaces() -> bool:
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.skipif(not SYSTEMD.exists() or not shutil.which("unshare"), reason="not installed: systemd or unshare"),
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("unshare") or not mount_namespaces(),
        reason="needs root, and a root folder that is a mount of its own: a chroot has none",
    ),
]


class Manager:
    """A running `systemd --user` and the way to talk to it."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._folder = folder
        (folder / "run").mkdir(mode=0o700, parents=True)
        units = folder / "home" / ".config" / "systemd" / "user"
        units.mkdir(parents=True)
        command = " ".join(program.command("serve"))
        (units / "openclaw.service").write_text(UNIT.format(command=command, log=folder / "agent.log"))
        self._environ = program.environ | {
            "HOME": str(folder / "home"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            # systemctl takes any root that is not process 1's for a chroot, and would do nothing there.
            "SYSTEMD_IGNORE_CHROOT": "1",
        }
        booted = "mkdir -p /run/systemd && mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/system"
        start = f"{booted} && exec {SYSTEMD} --user"
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["unshare", "-m", "sh", "-c", start],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            eventually((folder / "run" / "systemd" / "private").exists, "systemd --user")
        except AssertionError:
            self.end()
            raise

    def control(self, *words: str) -> str:
        enter = ["nsenter", "-m", "-t", str(self._process.pid), "systemctl", "--user"]
        ended = subprocess.run(
            [*enter, *words], env=self._environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 0, ended.stderr + (self._folder / "log").read_text()
        return ended.stdout.strip()

    def value_of(self, name: str) -> str:
        return self.control("show", "openclaw.service", "-p", name, "--value")

    @property
    def log(self) -> str:
        return (self._folder / "agent.log").read_text()

    def end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def manager(program: Program, tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(program, tmp_path / "systemd")
    yield manager
    manager.end()
    print(manager.log)  # shown where the test failed


def test_systemd_sees_it_ready_feeds_its_watchdog_and_starts_it_again(manager: Manager, program: Program) -> None:
    manager.control("start", "openclaw.service")  # returns once READY=1 has come
    assert manager.value_of("ActiveState") == "active"
    pid = int(manager.value_of("MainPID"))
    assert program.run("status", "--json").done().document["pid"] == pid
    kept = program.run("remember", "The watchdog is a poodle", "--json").done().document["id"]

    os.kill(pid, signal.SIGSTOP)
    wait_gone([pid])
    eventually(lambda: manager.value_of("NRestarts") == "1" and manager.value_of("ActiveState") == "active", "restart")
    again = int(manager.value_of("MainPID"))
    assert again != pid
    assert program.run("status", "--json").done().document["pid"] == again
    assert program.run("recall", "poodle", "--json").done().document["hits"][0]["id"] == kept

    manager.control("stop", "openclaw.service")
    assert (manager.value_of("ActiveState"), manager.value_of("Result")) == ("inactive", "success")
    assert not (program.home / "run" / "agent.sock").exists()
    assert "Traceback" not in manager.log, manager.log
