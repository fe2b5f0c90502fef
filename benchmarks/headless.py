"""`openclaw-agent serve`, started as a service manager starts it.

Owns the process and the socket on which it says that it is ready.
"""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from benchmarks.desk import AGENT
from benchmarks.results import Unavailable

READY_LIMIT_S, STOP_LIMIT_S = 60.0, 15.0


class Headless:
    """Use as a context manager; inside, the agent of `home` is ready after `ready_s` seconds."""

    def __init__(self, home: Path, env: dict[str, str]) -> None:
        self.home = home
        self._log = home.with_suffix(".log")
        self._env = env
        self.started_s = 0.0
        self.ready_s = 0.0

    @property
    def pid(self) -> int:
        """The agent's process id."""
        return self._process.pid

    def __enter__(self) -> Headless:
        address = f"@openclaw-benchmark-{self.home.name}-{time.monotonic_ns()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
            notices.bind("\0" + address[1:])
            notices.settimeout(READY_LIMIT_S)
            self.started_s = time.perf_counter()
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    (AGENT, "serve", "--home", self.home), env=self._env | {"NOTIFY_SOCKET": address}, stderr=log
                )
            try:
                while b"READY=1" not in notices.recv(4096).split(b"\n"):
                    pass
            except TimeoutError:
                self._end()
                raise Unavailable(
                    f"serve was not ready within {READY_LIMIT_S:.0f} s: {self._log.read_text()}"
                ) from None
        self.ready_s = time.perf_counter() - self.started_s
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
