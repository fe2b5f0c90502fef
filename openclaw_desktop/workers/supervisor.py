"""When a child process is started, and when again.

Owns the one child of a role, the pause after each death, the count of restarts, and who is told of a death. Must not
know what the child does (`process` runs it, its client talks to it). Parent, loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.workers.process import WorkerDied, WorkerProcess

log = logging.getLogger(__name__)

WorkerState = Literal["starting", "running", "died", "stopped"]

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
GOOD_RUN_S = 60.0


def pause_before_restart_s(deaths: int) -> float:
    """Return how long to wait after so many deaths in a row: 0 after the first, then 0.5, 1, 2 and up to 30 seconds."""
    return 0.0 if deaths <= 1 else float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(deaths - 2, 16)))


@dataclass(frozen=True, slots=True)
class Death:
    """A child that ended although nobody ended it. `detail`: the end of its stderr; `in_a_row`: how many by now."""

    role: str
    returncode: int
    detail: str
    in_a_row: int


class Deaths:
    """Who hears of the deaths of this process's children: supervisors are made far apart, and there is one agent."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Death], None]] = []

    def listen(self, on_death: Callable[[Death], None]) -> Callable[[], None]:
        """Have `on_death` called with each from now on; return what ends that."""
        self._listeners.append(on_death)
        return lambda: self._listeners.remove(on_death)

    def note(self, death: Death) -> None:
        """Tell of one."""
        log.warning("worker %s ended by itself with %s", death.role, death.returncode)
        for listener in tuple(self._listeners):
            listener(death)


deaths = Deaths()


class Supervisor:
    """Keeps at most one child of `role` running; `on_state` hears of each change."""

    def __init__(
        self,
        role: str,
        environment: Mapping[str, str] | None = None,
        *,
        on_state: Callable[[WorkerState], None] | None = None,
        command: Sequence[str] | None = None,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.role = role
        self.restarts = 0
        self._environment = environment
        self._command = command
        self._on_state = on_state or (lambda _state: None)
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self._process: WorkerProcess | None = None
        self._starting: asyncio.Task[WorkerProcess] | None = None
        self._started_s = 0.0
        self._deaths = 0
        self._watching: set[asyncio.Task[None]] = set()

    @property
    def process(self) -> WorkerProcess | None:
        """The child, None where none runs."""
        return self._process if self._process is not None and self._process.running else None

    @property
    def pid(self) -> int | None:
        """The child's process id, None where none runs."""
        return self.process.pid if self.process is not None else None

    async def acquire(self) -> WorkerProcess:
        """Return the running child, started now where there is none.

        Raises OSError where it can't be started, WorkerDied where `stop` came first.
        """
        if (process := self.process) is not None:
            return process
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self._start(), name=f"start of worker {self.role}")
            self._starting.add_done_callback(self._forget_start)
        starting = self._starting
        try:
            return await asyncio.shield(starting)  # several may wait, and one that gives up takes nothing from the rest
        except asyncio.CancelledError:
            if starting.cancelled():
                raise WorkerDied(self.role, 0, "stopped while starting") from None
            raise

    async def stop(self) -> None:
        """End the child, if any, and wait until it is gone; a later `acquire` starts one without a pause."""
        if (starting := self._starting) is not None:
            starting.cancel()
            await asyncio.wait([starting])
        process, self._process = self._process, None
        self._deaths = 0
        # Whoever asked the child may find it dead and start another meanwhile, which is not ended here.
        watching = set(self._watching)
        if process is not None:
            await process.stop()
            self._on_state("stopped")
        if watching:
            await asyncio.wait(watching)

    async def _start(self) -> WorkerProcess:
        if self._process is not None:
            await self._note_death(self._process)
        if self._deaths:
            await self._sleep(pause_before_restart_s(self._deaths))
            self.restarts += 1
        self._on_state("starting")
        self._started_s = self._clock.monotonic_s()
        try:
            self._process = await WorkerProcess.start(self.role, command=self._command, environment=self._environment)
        except OSError:
            self._deaths += 1
            self._on_state("died")
            raise
        self._on_state("running")
        watching = asyncio.get_running_loop().create_task(self._watch(self._process), name=f"end of {self.role}")
        self._watching.add(watching)
        watching.add_done_callback(self._watching.discard)
        return self._process

    async def _watch(self, process: WorkerProcess) -> None:
        """Tell of the child's death, unless it was ended."""
        returncode = await process.ended()
        if not process.ended_by_us:
            # Whoever needed the child may have found it dead, and counted that, before this heard of it.
            in_a_row = self._deaths_before() + 1 if self._process is process else self._deaths
            deaths.note(Death(self.role, returncode, process.stderr_tail, in_a_row))

    def _deaths_before(self) -> int:
        """Return how many died in a row before the present child: one that ran well ends the row."""
        return 0 if self._clock.monotonic_s() - self._started_s >= GOOD_RUN_S else self._deaths

    async def _note_death(self, process: WorkerProcess) -> None:
        self._process = None
        self._deaths = self._deaths_before() + 1
        self._on_state("died")
        await process.kill()  # its pipes and whatever is left of its group

    def _forget_start(self, task: asyncio.Task[WorkerProcess]) -> None:
        self._starting = None
        if not task.cancelled():
            task.exception()  # whoever waits has it; where nobody does any more, it is no news
