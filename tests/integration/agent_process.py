"""The product as its user meets it: one verb, or an agent that serves until it is told to stop."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

T = TypeVar("T")

AGENT = (sys.executable, "-P", "-m", "openclaw_desktop.cli.agent")
DEADLINE_S = 60.0


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    def done(self) -> Ended:
        assert self.code == 0, self
        return self

    def failed(self, *words: str, code: int = 1) -> str:
        """Hold it to one plain sentence on stderr that says `words`, and return it."""
        assert self.code == code, self
        assert "Traceback" not in self.out + self.err, self
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self
        for word in words:
            assert word in lines[0], self
        return lines[0]


class Program:
    """`openclaw-agent` for one home, with an environment that holds nothing of the machine's own agent."""

    def __init__(self, home: Path, user: Path) -> None:
        self.home = home
        user.mkdir(exist_ok=True)
        self.environ = {
            name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ
        } | {"HOME": str(user)}
        self.prefix: list[str] = []
        self.agents: list[Serving] = []

    def command(self, *words: str) -> list[str]:
        return [*self.prefix, *AGENT, *words, *(() if "--home" in words else ("--home", str(self.home)))]

    def run(self, *words: str, stdin: str | bytes = "", cwd: Path | None = None, **environ: str) -> Ended:
        return run(self.command(*words), self.environ | environ, stdin=stdin, cwd=cwd)

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words), env=self.environ | environ, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def serve(self, command: Sequence[str] | None = None, **environ: str) -> Serving:
        agent = Serving(command or self.command("serve"), self.environ | environ, self.home)
        self.agents.append(agent)
        agent.wait_for("READY=1")
        return agent

    def end(self) -> None:
        """Leave no agent behind, however the test went."""
        for agent in self.agents:
            agent.kill()


def run(command: Sequence[str], environ: dict[str, str], *, stdin: str | bytes = "", cwd: Path | None = None) -> Ended:
    data = stdin.encode() if isinstance(stdin, str) else stdin
    ended = subprocess.run(
        command, env=environ, input=data, cwd=cwd, capture_output=True, timeout=DEADLINE_S * 2, check=False
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


class Serving:
    """A running `serve` and what it tells its service manager."""

    def __init__(self, command: Sequence[str], environ: dict[str, str], home: Path) -> None:
        self.home = home
        self.told: list[str] = []
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = f"openclaw-test-{uuid.uuid4()}"
        self._manager.bind("\0" + name)
        self._process = subprocess.Popen(
            command, env=environ | {"NOTIFY_SOCKET": "@" + name}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def socket_path(self) -> Path:
        return self.home / "run" / "agent.sock"

    def wait_for(self, line: str, times: int = 1) -> None:
        """Wait until the agent has told its manager `line` so often."""
        ended = os.pidfd_open(self.pid)
        deadline_s = time.monotonic() + DEADLINE_S
        try:
            while self.told.count(line) < times:
                ready, _, _ = select.select([self._manager, ended], [], [], max(0.0, deadline_s - time.monotonic()))
                if self._manager in ready:
                    self.told.append(self._manager.recv(4096).decode())
                else:
                    assert ended in ready, f"no {line} in time, only {self.told}"
                    raise AssertionError(f"ended before {line}: {self._process.communicate()}")
        finally:
            os.close(ended)

    def stop(self, number: int = signal.SIGTERM) -> Ended:
        """End it with a signal, and return how it ended."""
        self._process.send_signal(number)
        out, err = self._process.communicate(timeout=DEADLINE_S)
        with contextlib.suppress(BlockingIOError):
            self._manager.setblocking(False)
            while True:
                self.told.append(self._manager.recv(4096).decode())
        self._manager.close()
        return Ended(self._process.returncode, out, err)

    def kill(self) -> None:
        """End it and whatever it started, whatever happened to it."""
        if self._process.returncode is None:
            left = descendants(self.pid)
            self._process.kill()
            self._process.communicate()
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
        self._manager.close()


def descendants(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def worker_pid(role: str, agent_pid: int | None = None) -> int:
    """Wait for the worker of that role below an agent (this process, if none is named) and return its pid."""

    def find() -> int | None:
        for process in descendants(agent_pid or os.getpid()):
            with contextlib.suppress(psutil.Error):
                if process.cmdline()[-2:] == ["worker", role]:
                    return process.pid
        return None

    return eventually(find, f"worker {role}")


def eventually(look: Callable[[], T | None], what: str, deadline_s: float = DEADLINE_S) -> T:
    """Look until there is something; for what nobody announces."""
    end_s = time.monotonic() + deadline_s
    while not (found := look()):
        assert time.monotonic() < end_s, f"{what}: not within {deadline_s} s"
        time.sleep(0.02)
    return found


def wait_gone(pids: Sequence[int], deadline_s: float = 15.0) -> None:
    """Wait until these processes have ended."""
    end_s = time.monotonic() + deadline_s
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, end_s - time.monotonic()))
            assert ready, f"process {pid} still runs"
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def front_end(agent: Serving) -> Iterator[socket.socket]:
    """A raw connection to the agent."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(DEADLINE_S)
        connection.connect(str(agent.socket_path))
        yield connection
