"""The session bus, overheard: when a tray icon is announced to the panel.

Owns the running `dbus-monitor`. Must not know who announces.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from types import TracebackType

RULE = "type='method_call',interface='org.kde.StatusNotifierWatcher',member='RegisterStatusNotifierItem'"
LIMIT_S = 15.0


class TrayWatch:
    """Use as a context manager, in the environment of a session."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env
        self._unread = b""

    def __enter__(self) -> TrayWatch:
        self._monitor = subprocess.Popen(
            ("dbus-monitor", "--session", "--profile", RULE), env=self._env, stdout=subprocess.PIPE
        )
        # Its first line names the columns, its next is of the moment when it had become a monitor.
        while not self._read_line(time.monotonic() + LIMIT_S).startswith("sig"):
            pass
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._monitor.kill()
        self._monitor.communicate()

    def next_icon(self) -> float:
        """Return when (`time.time`) the next icon was announced, by the monitor's own stamp."""
        deadline_s = time.monotonic() + LIMIT_S
        while True:
            words = self._read_line(deadline_s).split("\t")
            if words[0] == "mc" and words[-1].strip() == "RegisterStatusNotifierItem":
                return float(words[1])

    def _read_line(self, deadline_s: float) -> str:
        assert self._monitor.stdout is not None
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self._monitor.stdout], [], [], max(0.0, deadline_s - time.monotonic()))
            part = os.read(self._monitor.stdout.fileno(), 4096) if ready else b""
            if not part:
                raise TimeoutError(f"nothing on the session bus within {LIMIT_S:.0f} s")
            self._unread += part
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode(errors="replace")
