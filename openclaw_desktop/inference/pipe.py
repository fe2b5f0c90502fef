"""The agent's end of the pipe to `worker inference`: load, ask, tune, cancel.

Owns the worker's protocol (see `worker.body`) and what is loaded in it. Must not know which model to load, nor what to
do when the worker dies: WorkerDied goes to the caller. Loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openclaw_desktop.inference.loading import Effort, Load
from openclaw_desktop.workers.process import WorkerDied, WorkerProcess
from openclaw_desktop.workers.supervisor import Supervisor

log = logging.getLogger(__name__)

CANCEL_GRACE_S = 3.0
STATES_LIMIT_BYTES = 512 << 20


class LoadRefused(Exception):
    """The worker could not load the file; its own reason, and `code` for programs."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class GaveWay(Exception):
    """The chat needs the model; see `lanes`."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the worker says of its model. Sizes in bytes; 0 where it does not say."""

    context_tokens: int
    trained_tokens: int = 0
    load_s: float = 0.0
    peak_rss_bytes: int = 0


class ModelPipe:
    """One model at a time, one request at a time."""

    def __init__(self, supervisor: Supervisor, states_folder: Path | None) -> None:
        self._supervisor = supervisor
        self._states_folder = states_folder
        self._load: Load | None = None
        self._loaded: Loaded | None = None
        self._effort: Effort | None = None
        self._worker: WorkerProcess | None = None
        self._last_id = 0
        self._abandoning: asyncio.Future[None] | None = None

    @property
    def load(self) -> Load | None:
        """How the model in the running worker was loaded; None where there is none."""
        return self._load if self._worker is not None and self._worker.running else None

    @property
    def loaded(self) -> Loaded | None:
        """What the running worker says of its model; None where there is none."""
        return self._loaded if self.load is not None else None

    @property
    def effort(self) -> Effort | None:
        """How hard the running worker may work; None where none runs."""
        return self._effort if self.load is not None else None

    async def prepare(self, load: Load, effort: Effort) -> Loaded:
        """Have the model loaded so, and working so hard. Raises LoadRefused, WorkerDied and OSError."""
        await self.settle()
        worker = await self._supervisor.acquire()
        if self._loaded is None or self._worker is not worker or self._load != load:
            self._forget()
            reply = await self._load_into(worker, load, effort)
            if "error" in reply:
                raise LoadRefused(str(reply["error"].get("code", "")), str(reply["error"].get("message", "")))
            known = reply["loaded"]
            self._loaded = Loaded(**{name: known[name] for name in Loaded.__slots__ if name in known})
            self._load, self._effort, self._worker = load, effort, worker
        elif self._effort != effort:
            await self._exchange(worker, {"op": "tune", "threads": effort.threads, "nice": effort.nice})
            self._effort = effort
        return self._loaded

    async def ask(
        self,
        request: Mapping[str, Any],
        given_way: asyncio.Event | None = None,
        on_abandoned: Callable[[Mapping[str, Any]], None] = lambda _: None,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the worker's replies, all but the last with "text". Closing cancels; GaveWay where the event is set.

        `on_abandoned` hears the last reply to what was cancelled: what it took is not undone.
        """
        worker = self._worker
        assert worker is not None, "prepared"
        number = self._next_id()
        sent = done = False
        try:
            _check(given_way)
            sent = True
            await worker.send({"id": number, **request})
            while not done:
                _check(given_way)
                reply = await _receive(worker, given_way)
                if reply.get("id") == number:
                    done = "text" not in reply
                    yield reply
        finally:
            if sent and not done and worker.running:
                # Kept, so that a second cancel cannot leave the pipe to two readers: the next prompt waits for it.
                self._abandoning = asyncio.ensure_future(self._abandon(worker, number, on_abandoned))
                await asyncio.shield(self._abandoning)

    async def settle(self) -> None:
        """Wait until an abandoned request has left the pipe."""
        if self._abandoning is not None:
            await asyncio.shield(self._abandoning)
            self._abandoning = None

    async def stop(self) -> None:
        """End the worker and its model."""
        self._forget()
        await self._supervisor.stop()

    def _forget(self) -> None:
        self._load = self._loaded = self._effort = self._worker = None

    async def _load_into(self, worker: WorkerProcess, load: Load, effort: Effort) -> dict[str, Any]:
        request = {
            "op": "load",
            "path": str(load.model.path),
            "context_tokens": load.context_tokens,
            "threads": effort.threads,
            "extra_buffers": load.extra_buffers,
            "mmap": load.mmap,
            "states_folder": str(self._states_folder) if self._states_folder else None,
            "states_limit_bytes": STATES_LIMIT_BYTES,
            "nice": effort.nice,
        }
        try:
            return await self._exchange(worker, request)
        except asyncio.CancelledError:
            # A half-loaded worker has nothing to keep; ended by the supervisor, it does not count as a crash.
            await asyncio.shield(self._supervisor.stop())
            raise

    async def _exchange(self, worker: WorkerProcess, request: Mapping[str, Any]) -> dict[str, Any]:
        number = self._next_id()
        await worker.send({"id": number, **request})
        while (reply := await worker.receive()).get("id") != number:
            pass
        return reply

    async def _abandon(
        self, worker: WorkerProcess, request: int, on_abandoned: Callable[[Mapping[str, Any]], None]
    ) -> None:
        """Cancel a request that nobody waits for; a worker that doesn't obey in time is killed."""

        async def drain() -> dict[str, Any]:
            await worker.send({"op": "cancel", "id": request})
            while True:
                reply = await worker.receive()
                if reply.get("id") == request and "text" not in reply:
                    return reply

        try:
            on_abandoned(await asyncio.wait_for(drain(), CANCEL_GRACE_S))
        except TimeoutError:
            log.warning("the model did not stop in %s s; its worker is ended", CANCEL_GRACE_S)
            await worker.kill()
            await self.stop()
        except WorkerDied as death:
            log.error("model worker died: %s", death)
            self._forget()

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id


def _check(given_way: asyncio.Event | None) -> None:
    if given_way is not None and given_way.is_set():
        raise GaveWay


async def _receive(worker: WorkerProcess, given_way: asyncio.Event | None) -> dict[str, Any]:
    if given_way is None:
        return await worker.receive()
    reading = asyncio.ensure_future(worker.receive())
    giving_way = asyncio.ensure_future(given_way.wait())
    try:
        await asyncio.wait({reading, giving_way}, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            raise GaveWay
        return reading.result()
    finally:
        # What was only half read stays in the pipe for the next reader.
        reading.cancel()
        giving_way.cancel()
        await asyncio.gather(reading, giving_way, return_exceptions=True)
