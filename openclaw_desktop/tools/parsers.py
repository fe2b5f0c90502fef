"""The worker that reads foreign formats: started with the first such call, ended when nobody needed it for a while.

Owns how long it stays. Must not know what it parses. Agent process, loop.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.workers.process import worker_command
from openclaw_desktop.workers.sandbox.proof import Proof
from openclaw_desktop.workers.tool_host import ToolHost

# Its libraries take tens of megabytes, and starting it again half a second.
IDLE_S = 180.0


class Parse(Protocol):
    """Runs a function of `tools.parser_functions` in a jail that may read `read` and nothing else."""

    async def call(
        self,
        function: str,
        arguments: Mapping[str, Any],
        *,
        read: Sequence[str | os.PathLike[str]] = (),
        timeout_s: float = 10.0,
    ) -> Any:
        """Return the function's JSON result; raises CallFailed."""
        ...


class ParserHost:
    """`Parse` over a fork server of its own; `host` stands in for it in tests."""

    def __init__(self, host: ToolHost | None = None, idle_s: float = IDLE_S) -> None:
        self._host = host or ToolHost(command=worker_command("parsers"))
        self._idle_s = idle_s
        self._running = 0
        self._tasks = TaskSet()
        self._timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The worker's process id, None where it does not run."""
        return self._host.pid

    async def call(
        self,
        function: str,
        arguments: Mapping[str, Any],
        *,
        read: Sequence[str | os.PathLike[str]] = (),
        timeout_s: float = 10.0,
    ) -> Any:
        """Run `function`; see `Parse`."""
        self._running += 1
        self._ended.clear()
        if self._timer is not None:
            self._timer.cancel()
        try:
            if self._ending is not None:
                await asyncio.wait([self._ending])  # a call must not meet a worker that is being ended
            return await self._host.call(function, arguments, read=read, timeout_s=timeout_s)
        finally:
            self._running -= 1
            if not self._running:
                self._timer = asyncio.get_running_loop().call_later(self._idle_s, self._end)

    async def prove(self) -> Proof:
        """Return what the self-test of the jail shows in this worker; raises CallFailed."""
        return await self._host.prove()

    async def idle(self) -> None:
        """Wait until the worker has ended because nobody needed it."""
        await self._ended.wait()

    async def stop(self) -> None:
        """End the worker, if it runs."""
        if self._timer is not None:
            self._timer.cancel()
        await self._tasks.stop()
        await self._host.stop()

    def _end(self) -> None:
        self._ending = self._tasks.start(self._stop_idle(), "end of the idle parsers")

    async def _stop_idle(self) -> None:
        await self._host.stop()
        self._ended.set()
