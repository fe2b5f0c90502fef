"""A real `systemd --user` in a mount namespace of its own, where /run/systemd says that systemd booted the machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from agent_process import Program, eventually

SYSTEMD = Path("/lib/systemd/systemd")
UNIT = "openclaw-agent.service"


def mount_namespaces() -> bool:
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


def why_not() -> str:
    """Return why there can be none here; "" where there can."""
    if not SYSTEMD.exists() or not shutil.which("unshare"):
        return "not installed: systemd or unshare"
    if os.geteuid() != 0 or not mount_namespaces():
        return "needs root, and a root folder that is a mount of its own: a chroot has none"
    return ""


class Manager:
    """A running `systemd --user` and the way to talk to it; `program` runs beside it from then on."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._folder = folder
        # systemd listens below it, and a socket's address has room for some hundred bytes.
        self._run = Path(tempfile.mkdtemp(prefix="oc-"))
        self.home = folder / "home"
        self.units = self.home / ".config" / "systemd" / "user"
        self.units.mkdir(parents=True)
        self.environ = program.environ | {
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self._run),
            # systemctl takes any root that is not process 1's for a chroot, and would do nothing there.
            "SYSTEMD_IGNORE_CHROOT": "1",
        }
        booted = "mkdir -p /run/systemd && mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/system"
        start = f"{booted} && exec {SYSTEMD} --user"
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["unshare", "-m", "sh", "-c", start],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            eventually((self._run / "systemd" / "private").exists, "systemd --user")
        except AssertionError:
            self.end()
            raise
        program.environ = self.environ
        program.prefix = ["nsenter", "-m", "-t", str(self._process.pid)]

    def write_drop_in(self, text: str) -> None:
        """Change the unit as a user does, with a file beside it; without a journal here the log is a file."""
        folder = self.units / f"{UNIT}.d"
        folder.mkdir(exist_ok=True)
        (folder / "test.conf").write_text(f"[Service]\nStandardError=append:{self._folder / 'agent.log'}\n{text}")

    def control(self, *words: str) -> str:
        enter = ["nsenter", "-m", "-t", str(self._process.pid), "systemctl", "--user"]
        ended = subprocess.run(
            [*enter, *words], env=self.environ, capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == 0, ended.stderr + (self._folder / "log").read_text()
        return ended.stdout.strip()

    def value_of(self, name: str) -> str:
        return self.control("show", UNIT, "-p", name, "--value")

    @property
    def log(self) -> str:
        path = self._folder / "agent.log"
        return path.read_text() if path.exists() else ""

    def end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._run, ignore_errors=True)
