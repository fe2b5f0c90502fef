"""all-MiniLM-L6-v2, asked in a child process: better vectors than a table of words gives, for 110 MB while in use.

Owns the agent's end of `worker embed` (see `worker`), when the model is loaded, and when it goes. Nobody waits for the
load: until then another engine, or words alone, answer. Must not know what is embedded. Loop.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openclaw_desktop.core.cache import VectorCache
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr
from openclaw_desktop.memory.vectors.embedder import VECTORS_KEPT, EngineName
from openclaw_desktop.system.memory import Memory
from openclaw_desktop.workers.process import WorkerDied, WorkerProcess
from openclaw_desktop.workers.supervisor import Supervisor

log = logging.getLogger(__name__)

FILE = "all-MiniLM-L6-v2-int8.onnx"
SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
SIZE_BYTES = 22_928_619
MINILM = EngineName("all-minilm-l6-v2", "int8-8199be6f", 384)

# A busy neighbour makes spinning threads fifty times slower.
ENVIRONMENT = {"OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
ANSWER_LIMIT_S = 60.0
# After a load that failed it is not tried again for so long: a search would start it each time.
PAUSE_S = 60.0
WEAK_CORES, WEAK_BYTES = 1, 3 << 30


def find_file(folders: Sequence[Path]) -> Path | None:
    """Return the model's file in the first of `folders` that has it; its hash is checked when it is loaded."""
    for folder in folders:
        with contextlib.suppress(OSError):
            if (path := folder / FILE).stat().st_size == SIZE_BYTES:
                return path
    return None


def is_weak(cores: int, memory: Memory) -> bool:
    """Return whether a machine has better uses for a core and 110 MB: word vectors do there."""
    return cores <= WEAK_CORES or memory.total_bytes < WEAK_BYTES


class MiniLM:
    """`core.protocols.Embed` over a child that comes with the first text and goes when idle."""

    # A text takes milliseconds: what is kept does not wait for its vector.
    instant = False
    leaves_machine = False

    def __init__(self, path: Path, idle_s: float, supervisor: Supervisor | None = None) -> None:
        self.engine, self.version, self.dimension = MINILM.engine, MINILM.version, MINILM.dimension
        self.cache = VectorCache(VECTORS_KEPT)
        self._path = path
        self._idle_s = idle_s
        self._supervisor = supervisor or Supervisor("embed", ENVIRONMENT)
        self._worker: WorkerProcess | None = None
        self._lock = asyncio.Lock()
        self._tasks = TaskSet()
        self._loading: asyncio.Task[None] | None = None
        self._failed_s: float | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._last_id = 0
        # How often it was closed: what waited then is not tried again, or it would start the next child.
        self._closed = 0

    @property
    def loaded(self) -> bool:
        """True while the model is in memory."""
        return self._worker is not None and self._worker.running

    @property
    def pid(self) -> int | None:
        """The child's process id, None where none runs."""
        return self._supervisor.pid

    def load_soon(self) -> bool:
        """Return whether the model is loaded; where it is not, it begins to."""
        if not self.loaded and (self._loading is None or self._loading.done()) and not self._pausing():
            self._loading = self._tasks.start(self._load(), "load of the embedding model")
        return self.loaded

    async def load_within(self, limit_s: float) -> None:
        """Wait until the model is loaded, but no longer than that."""
        if not self.load_soon() and self._loading is not None:
            await asyncio.wait([self._loading], timeout=limit_s)

    async def __call__(self, texts: Sequence[str]) -> list[bytes]:
        """Return one normalised little-endian float32 vector for each text, loading the model first. UserError."""
        return await self.cache.embed(texts, self._embed)

    async def give_back(self) -> None:
        """End the child unless it is at work."""
        if not self._lock.locked():
            self._stop_clock()
            await self._unload()

    async def close(self) -> None:
        """End the child and what waits for it, which raises UserError; the next call starts it again."""
        self._closed += 1
        self._stop_clock()
        await self._tasks.stop()
        self._worker = None
        await self._supervisor.stop()

    async def _load(self) -> None:
        with contextlib.suppress(UserError):  # it was logged, and words answer
            async with self._lock:
                await self._ready_worker()
            self._start_clock()

    async def _embed(self, texts: Sequence[str]) -> list[bytes]:
        self._stop_clock()
        closed, vectors = self._closed, list[bytes]()
        try:
            for text in texts:
                # Let go in between: a question does not wait for all of a long list.
                async with self._lock:
                    vectors += await self._ask([text], closed)
        finally:
            self._start_clock()
        return vectors

    async def _ask(self, texts: list[str], closed: int) -> list[bytes]:
        for attempt in (1, 2):
            if self._closed != closed:
                raise _failed(tr("it was ended"))
            worker = await self._ready_worker()
            try:
                reply = await self._exchange(worker, {"op": "embed", "texts": texts})
                return _vectors_of(reply, len(texts))
            except (WorkerDied, TimeoutError, ValueError) as error:
                log.error("the embedding worker failed: %s", error)
                await worker.kill()
                if attempt == 2:
                    self._failed_s = time.monotonic()
        raise _failed(tr("its process ended twice"))

    async def _ready_worker(self) -> WorkerProcess:
        """Return the child with the model loaded, within the lock."""
        if self._worker is not None and self._worker.running:
            return self._worker
        if self._pausing():
            raise _failed(tr("it failed a moment ago"))
        try:
            worker = await self._supervisor.acquire()
            request = {"op": "load", "path": str(self._path), "sha256": SHA256}
            reply = await self._exchange(worker, request)
            reason = reply.get("error")
        except (WorkerDied, OSError, TimeoutError) as error:
            reason = str(error)
        if reason is not None:
            self._failed_s = time.monotonic()
            log.error("the embedding model did not load: %s", reason)
            raise _failed(str(reason))
        self._worker, self._failed_s = worker, None
        return worker

    async def _exchange(self, worker: WorkerProcess, request: dict[str, Any]) -> dict[str, Any]:
        self._last_id += 1
        number = self._last_id
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                await worker.send({"id": number, **request})
                while (reply := await worker.receive()).get("id") != number:
                    pass  # the answer to a question that was given up
        except TimeoutError:
            await worker.kill()
            raise
        return reply

    def _pausing(self) -> bool:
        return self._failed_s is not None and time.monotonic() - self._failed_s < PAUSE_S

    def _start_clock(self) -> None:
        self._stop_clock()
        if self._idle_s > 0:
            self._idle_timer = asyncio.get_running_loop().call_later(self._idle_s, self._drop)

    def _stop_clock(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None

    def _drop(self) -> None:
        self._idle_timer = None
        if self._lock.locked():
            self._start_clock()
        else:
            self._tasks.start(self._unload(), "end of the embedding worker")

    async def _unload(self) -> None:
        async with self._lock:
            self._worker = None
            await self._supervisor.stop()


def _vectors_of(reply: dict[str, Any], count: int) -> list[bytes]:
    """Return the vectors of an answer; raises ValueError where it is none."""
    if "error" in reply:
        raise ValueError(str(reply["error"]))
    size = 4 * MINILM.dimension
    try:
        joined = base64.b64decode(reply["vectors"], validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise ValueError("no vectors") from error
    if len(joined) != count * size:
        raise ValueError(f"{len(joined)} bytes for {count} texts")
    return [joined[start : start + size] for start in range(0, len(joined), size)]


def _failed(reason: str) -> UserError:
    return UserError(
        "engine_failed",
        tr("The embedding model can't be used: {reason}.", reason=reason),
        tr(
            "Memory is searched by words meanwhile. If it stays so, fetch the model again: {command}.",
            command="openclaw-agent model pull all-minilm-l6-v2-int8",
        ),
    )
