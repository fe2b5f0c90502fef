"""The agent's side of the tool worker: calls go out, answers come back by their id.

Owns the calls that wait. Must not know what a function does, nor who may call it. Agent process, loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr
from openclaw_desktop.workers.calls import ANSWER_LIMIT_BYTES, JSON, CallFailed
from openclaw_desktop.workers.process import WorkerDied, WorkerProcess
from openclaw_desktop.workers.programs import Program, ProgramResult
from openclaw_desktop.workers.sandbox.proof import FULL_LEVEL, Proof, prove_commands
from openclaw_desktop.workers.supervisor import Supervisor, WorkerState

if sys.platform == "linux":
    from openclaw_desktop.workers.sandbox import strays

__all__ = ["CallFailed", "ToolHost"]

Waiting = dict[int, asyncio.Future[JSON]]


class ToolHost:
    """Runs functions in the jail, each with what it alone may read."""

    def __init__(
        self,
        *,
        role: str = "tools",
        command: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        on_state: Callable[[WorkerState], None] | None = None,
    ) -> None:
        self._supervisor = Supervisor(role, environment, command=command, on_state=on_state)
        self._tasks = TaskSet()
        self._ids = itertools.count(1)
        self._worker: WorkerProcess | None = None
        self._waiting: Waiting = {}

    @property
    def pid(self) -> int | None:
        """The fork server's process id, None where it does not run."""
        return self._supervisor.pid

    @property
    def restarts(self) -> int:
        """How often the fork server had to be started again."""
        return self._supervisor.restarts

    async def start(self) -> None:
        """Warm the worker up; a call does so by itself where this was left out. Raises CallFailed `died`."""
        if sys.platform != "win32":
            await self._connect()

    async def stop(self) -> None:
        """End the worker and fail the calls that still wait."""
        await self._supervisor.stop()
        await self._tasks.stop()

    async def prove(self) -> Proof:
        """Return what the self-test of the jail shows here, tried anew; raises CallFailed."""
        if sys.platform == "win32":
            return await asyncio.to_thread(_prove_on_windows)
        found = await self._ask({"op": "prove"})
        return Proof(
            int(found["level"]),
            tuple(found["layers"]),
            str(found["reason"]),
            tuple(found["escaped"]),
            tuple(found["tried"]),
        )

    async def call(
        self,
        function: str,
        arguments: Mapping[str, Any],
        *,
        read: Sequence[str | os.PathLike[str]] = (),
        write: Sequence[str | os.PathLike[str]] = (),
        timeout_s: float = 10.0,
        output_limit_bytes: int = ANSWER_LIMIT_BYTES,
    ) -> JSON:
        """Run `function` in a jail that may read the canonical paths `read`, and return what it returns.

        `write`: those that it may read and change, which must be there already; a new file needs its folder's grant.

        Raises CallFailed: a code of the function's own, or died, failed, jail, timeout, too_much_output. Cancelling
        kills the child.
        """
        message = {
            "op": "call",
            "function": function,
            "arguments": dict(arguments),
            "read": [os.fspath(path) for path in read],
            "write": [os.fspath(path) for path in write],
            "timeout_s": timeout_s,
            "output_limit_bytes": output_limit_bytes,
        }
        return await self._ask(message)

    async def run(self, program: Program) -> ProgramResult:
        """Run a program in a jail of its own to its end and return what came of it; its `timeout_s` must be above 0.

        Raises CallFailed: not_started (no such program), died, failed, jail. Cancelling kills it with all it started.
        """
        if sys.platform == "win32":
            return await _run_on_windows(program)
        found = await self._ask({"op": "run", "program": program.as_message()})
        return ProgramResult(**found)

    async def _ask(self, message: Mapping[str, Any]) -> JSON:
        if sys.platform == "win32":
            raise CallFailed("jail", tr("Tools that read files do not run on Windows yet."))
        worker, waiting = await self._connect()
        call_id = next(self._ids)
        answer: asyncio.Future[JSON] = asyncio.get_running_loop().create_future()
        waiting[call_id] = answer
        try:
            await worker.send({"id": call_id, **message})
            return await answer
        except WorkerDied:
            raise _death() from None
        except asyncio.CancelledError:
            self._tasks.start(_cancel(worker, call_id), name="cancel of a tool call")
            raise
        finally:
            waiting.pop(call_id, None)

    async def _connect(self) -> tuple[WorkerProcess, Waiting]:
        try:
            worker = await self._supervisor.acquire()
        except (OSError, WorkerDied):
            raise _death() from None
        if worker is not self._worker:
            self._worker, self._waiting = worker, {}
            self._tasks.start(_listen(worker, self._waiting), name="answers of the tool worker")
        return worker, self._waiting


if sys.platform == "win32":
    import shutil
    import tempfile
    import threading

    from openclaw_desktop.workers import windows_keeper

    async def _run_on_windows(program: Program) -> ProgramResult:
        """Run a program in a thread of ours: there is no fork server to do it."""
        stop = threading.Event()
        try:
            return await asyncio.to_thread(windows_keeper.run, program, stop)
        finally:
            stop.set()  # where we were cancelled: it ends with all that it started

    def _prove_on_windows() -> Proof:
        """Try what programs can be stopped from; functions don't run here, so it is never level 3."""
        folder = os.path.realpath(tempfile.mkdtemp(prefix="openclaw-proof-"))
        try:
            found = prove_commands(
                lambda program: dataclasses.asdict(windows_keeper.run(program, threading.Event())),
                "appcontainer",
                folder,
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        reason = "; ".join(
            text for text in (found.reason, tr("tools that read files do not run on Windows yet")) if text
        )
        return dataclasses.replace(found, level=min(found.level, FULL_LEVEL - 1), reason=reason)


async def _listen(worker: WorkerProcess, waiting: Waiting) -> None:
    """Hand each answer to its call until the worker ends, then fail those that are left."""
    try:
        while True:
            message = await worker.receive()
            answer = waiting.get(message["id"])
            if answer is None or answer.done():
                continue
            if "result" in message:
                answer.set_result(message["result"])
            else:
                error = message["error"]
                answer.set_exception(CallFailed(error["code"], _sentence(error["code"], error["message"])))
    except WorkerDied:
        pass
    except (KeyError, TypeError):  # not our protocol: a worker that can't be understood is of no use
        await worker.kill()
    finally:
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(_death())
    if sys.platform == "linux":
        await asyncio.to_thread(strays.end_strays, worker.pid)


async def _cancel(worker: WorkerProcess, call_id: int) -> None:
    with contextlib.suppress(WorkerDied):
        await worker.send({"id": call_id, "op": "cancel"})


def _death() -> CallFailed:
    return CallFailed("died", tr("The tool worker stopped; it starts again with the next call."))


def _sentence(code: str, detail: str) -> str:
    """Return what a person reads; a function's own words are kept."""
    match code:
        case "timeout":
            return tr("The tool took too long and was stopped ({detail}).", detail=detail)
        case "too_much_output":
            return tr("The tool gave back too much and was stopped ({detail}).", detail=detail)
        case "died":
            return tr("The tool ended without an answer ({detail}).", detail=detail)
        case "not_started":
            return tr("The program could not be started ({detail}).", detail=detail)
        case "jail":
            return tr("The tool's jail could not be set up, so nothing ran ({detail}).", detail=detail)
        case _:
            return detail
