"""A child process held correctly: allow-listed environment, JSON lines on its pipes, an end that takes its whole tree.

Owns one running child. Must not know what it does, nor when to start it again (that is `supervisor`). Parent, loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

log = logging.getLogger(__name__)

# What a child may inherit: nothing that holds a secret or changes how Python loads code.
ENVIRONMENT_ALLOWED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SYSTEMROOT")
LINE_LIMIT_BYTES = 1 << 20
STDERR_TAIL_BYTES = 4096
# So long a child's last words are waited for: what it started may hold its stderr open for as long as it lives.
LAST_WORDS_S = 0.5


class WorkerDied(Exception):
    """The child ended. `signal_number` is set where a signal killed it; `detail` is the end of its stderr."""

    def __init__(self, role: str, returncode: int, detail: str) -> None:
        super().__init__(f"worker {role} ended with {returncode}: {detail}")
        self.role = role
        self.returncode = returncode
        self.signal_number = -returncode if returncode < 0 else None
        self.detail = detail


def worker_command(role: str) -> list[str]:
    """Return the command that starts `worker ROLE`: the program itself where frozen, else this Python, isolated."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "worker", role]
    return [sys.executable, "-P", "-m", "openclaw_desktop.cli.agent", "worker", role]


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the allow-listed part of our environment plus `extra`."""
    return {name: os.environ[name] for name in ENVIRONMENT_ALLOWED if name in os.environ} | dict(extra or {})


class _ToldOfExit(asyncio.subprocess.SubprocessStreamProtocol):
    """asyncio's own, which tells of the child's exit: `Process.wait` waits for the end of its pipes too."""

    def __init__(self, loop: asyncio.AbstractEventLoop, gone: asyncio.Event) -> None:
        super().__init__(limit=LINE_LIMIT_BYTES, loop=loop)
        self._gone = gone

    def process_exited(self) -> None:
        """Note it."""
        super().process_exited()
        self._gone.set()


class WorkerProcess:
    """One child that speaks one JSON object a line on stdin and stdout; the end of its stderr is kept as a reason."""

    def __init__(
        self,
        role: str,
        process: asyncio.subprocess.Process,
        transport: asyncio.SubprocessTransport,
        gone: asyncio.Event,
    ) -> None:
        """Use `start` instead. `gone`: set once the child has ended, whoever holds its pipes."""
        self.role = role
        # Whether it was ended from here, not by itself.
        self.ended_by_us = False
        self._process = process
        self._transport = transport
        self._gone = gone
        self._stderr_tail = b""
        self._drain = asyncio.get_running_loop().create_task(self._read_stderr(), name=f"stderr of worker {role}")

    @classmethod
    async def start(
        cls, role: str, *, command: Sequence[str] | None = None, environment: Mapping[str, str] | None = None
    ) -> WorkerProcess:
        """Start `worker ROLE` in a session of its own, so that it and all it starts can be killed together."""
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        transport, protocol = await loop.subprocess_exec(
            lambda: _ToldOfExit(loop, gone),
            *(command or worker_command(role)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=clean_environment(environment),
            start_new_session=True,
            close_fds=True,
        )
        return cls(role, asyncio.subprocess.Process(transport, protocol, loop), transport, gone)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """True until the child has ended."""
        return self._process.returncode is None

    @property
    def stderr_tail(self) -> str:
        """The end of what the child wrote to stderr."""
        return self._stderr_tail.decode(errors="replace")

    async def ended(self) -> int:
        """Wait for the child's end and return its exit status, negative where a signal ended it."""
        await self._gone.wait()
        await self._take_last_words()
        return self._returncode()

    async def send(self, message: Mapping[str, Any]) -> None:
        """Write one message; raises WorkerDied where nobody reads."""
        stdin = self._process.stdin
        assert stdin is not None
        try:
            line = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
            # A path may hold bytes that are no text; Python carries them as half surrogate pairs, and so does JSON.
            stdin.write(line.encode("utf-8", "surrogatepass") + b"\n")
            await stdin.drain()
        except (ConnectionError, RuntimeError):
            raise await self._death() from None

    async def receive(self) -> dict[str, Any]:
        """Return the next message; raises WorkerDied at the end, and after a line that is too long or no object."""
        stdout = self._process.stdout
        assert stdout is not None
        try:
            line = await stdout.readuntil(b"\n")
            message = json.loads(line)
            if not isinstance(message, dict):
                raise ValueError("not an object")
            return message
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await self._death() from None
        except (ValueError, asyncio.LimitOverrunError) as error:
            log.error("worker %s broke the protocol: %s", self.role, error)
            await self.kill()
            raise await self._death() from None

    async def kill(self) -> None:
        """End the child and its whole process group at once, and wait until it is gone."""
        if self.running:
            self.ended_by_us = True
            self._kill_group()
        await self._gone.wait()
        if not await self._take_last_words():
            # It died by itself, and what it started lives; or that left the group, and is none of ours any more.
            self._kill_group()
            await self._take_last_words()
        self._drain.cancel()
        self._transport.close()  # the pipes

    async def stop(self, grace_s: float = 2.0) -> None:
        """Close the child's stdin, which asks it to end, and kill it after `grace_s`."""
        self.ended_by_us = True
        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), grace_s)
        await self.kill()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _take_last_words(self) -> bool:
        """Wait for the end of the child's stderr; False where somebody holds it open."""
        held = (await asyncio.wait([self._drain], timeout=LAST_WORDS_S))[1]
        return not held

    async def _death(self) -> WorkerDied:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), 2.0)
        await self.kill()
        return WorkerDied(self.role, self._returncode(), self.stderr_tail)

    def _returncode(self) -> int:
        returncode = self._process.returncode
        return returncode if returncode is not None else -9

    async def _read_stderr(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        while chunk := await stderr.read(4096):
            self._stderr_tail = (self._stderr_tail + chunk)[-STDERR_TAIL_BYTES:]
