"""A real Secret Service (gnome-keyring) in a desktop session.

Owns the daemon. It says itself when it is on the bus.
"""

from __future__ import annotations

import subprocess

from session import DEADLINE_S, DesktopSession


class Keyring:
    """A keyring daemon in a session, which can be ended and come back locked."""

    def __init__(self, session: DesktopSession) -> None:
        self.session = session
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self, password: str | None) -> None:
        """Start it, open with `password`, or as it is with nobody at its window."""
        words = ["gnome-keyring-daemon", "--components=secrets", "--foreground"]
        with (self.session.folder / "keyring.log").open("ab") as log:
            self._daemon = subprocess.Popen(
                words if password is None else [*words, "--unlock"],
                env=self.session.env, stdin=subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        self._daemon.stdin.write((password or "").encode())
        self._daemon.stdin.close()
        self.session.run("gdbus", "wait", "--session", "--timeout", f"{DEADLINE_S:.0f}", "org.freedesktop.secrets")

    def items(self) -> str:
        """Return what the daemon itself says that it holds."""
        return self.session.run(
            "gdbus", "call", "--session", "--dest", "org.freedesktop.secrets",
            "--object-path", "/org/freedesktop/secrets",
            "--method", "org.freedesktop.Secret.Service.SearchItems", "{}",
        )  # fmt: skip

    def end(self) -> None:
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait(DEADLINE_S)
            self._daemon = None
