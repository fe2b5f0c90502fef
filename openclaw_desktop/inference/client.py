"""The model in use, as the rest of the agent sees it: `core.protocols.Complete`.

Owns the model worker's requests, its states and what happens when it dies: it is started again and asked again. Must
not know prompts. Loop; the model runs in `worker inference`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import ModelState
from openclaw_desktop.core.messages import Usage
from openclaw_desktop.core.protocols import CompletionDone, CompletionEvent, Prompt, TextDelta, TextDropped
from openclaw_desktop.core.text import tr
from openclaw_desktop.workers.process import WorkerDied, WorkerProcess
from openclaw_desktop.workers.supervisor import Supervisor

log = logging.getLogger(__name__)

ATTEMPTS = 3
CANCEL_GRACE_S = 3.0
SIGKILL = 9
# OpenMP's spinning threads lose 98 % of their speed beside one busy neighbour.
ENVIRONMENT = {"OMP_WAIT_POLICY": "passive"}


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """What is asked of the worker: which file, and how large a context in tokens."""

    id: str
    path: Path
    context_tokens: int
    threads: int | None = None


class ModelClient:
    """Asks one model at a time, one prompt at a time."""

    def __init__(self, supervisor: Supervisor, on_state: Callable[[str | None, ModelState], None]) -> None:
        self._supervisor = supervisor
        self._on_state = on_state
        self._turn = asyncio.Lock()
        self._wanted: LoadedModel | None = None
        self._loaded: tuple[LoadedModel, int] | None = None
        self._extra_buffers = True
        self._last_id = 0
        self._abandoning: asyncio.Future[None] | None = None
        self.state: ModelState = "unloaded"
        self.context_tokens = 0
        self.problem = ""
        self.tokens_per_s: float | None = None

    def choose(self, model: LoadedModel | None) -> None:
        """Say which model answers from the next prompt on."""
        self._wanted = model
        self.context_tokens = model.context_tokens if model else 0
        self._set_state("unloaded" if self._loaded is None or self._loaded[0] != model else self.state)

    @property
    def chosen(self) -> LoadedModel | None:
        """The model that answers."""
        return self._wanted

    @property
    def pid(self) -> int | None:
        """The worker's process id while it runs."""
        return self._supervisor.pid

    async def __call__(self, prompt: Prompt) -> AsyncIterator[CompletionEvent]:
        """Ask the model; see `core.protocols.Complete`. A worker that dies is started and asked again twice."""
        wanted = self._wanted
        if wanted is None:
            raise UserError(
                "no_model",
                self.problem or tr("There is no model on this machine yet."),
                tr("Fetch one: openclaw-agent model pull smollm2-135m (98 MB), or qwen2.5-coder-1.5b (1.1 GB)."),
            )
        async with self._turn:
            if wanted != self._wanted or prompt.model not in ("", wanted.id):
                raise UserError(
                    "model_changed",
                    tr("Another model was chosen while this question waited."),
                    tr("Ask again."),
                )
            if self._abandoning is not None:
                await asyncio.shield(self._abandoning)
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    # Closed with us, not when the collector comes by: the next prompt must find the pipe free.
                    async with contextlib.aclosing(self._ask_once(prompt, self._wanted)) as events:
                        async for event in events:
                            yield event
                    return
                except WorkerDied as death:
                    self._note_death(death)
                    if attempt == ATTEMPTS:
                        raise _gave_up(death) from death
                    yield TextDropped(_explain_death(death))

    async def _ask_once(self, prompt: Prompt, model: LoadedModel) -> AsyncGenerator[CompletionEvent, None]:
        worker = await self._ready(model)
        self._set_state("busy")
        request = self._next_id()
        done = False
        try:
            await worker.send(
                {
                    "id": request,
                    "op": "complete",
                    "messages": [{"role": message.role, "text": message.text} for message in prompt.messages],
                    "schema": prompt.schema,
                    "max_tokens": prompt.max_tokens,
                    "temperature": prompt.temperature,
                }
            )
            while not done:
                reply = await worker.receive()
                if reply.get("id") != request:
                    continue
                if "text" in reply:
                    yield TextDelta(reply["text"])
                    continue
                done = True
                yield self._finish(reply)
        finally:
            if not done and worker.running:
                # Kept, so that a second cancel cannot leave the pipe to two readers: the next prompt waits for it.
                self._abandoning = asyncio.ensure_future(self._abandon(worker, request))
                await asyncio.shield(self._abandoning)
            if self.state == "busy":
                self._set_state("ready" if worker.running else "unloaded")

    async def _ready(self, model: LoadedModel) -> WorkerProcess:
        worker = await self._supervisor.acquire()
        if self._loaded == (model, worker.pid):
            return worker
        self._set_state("loading")
        self._loaded = None
        request = self._next_id()
        try:
            await worker.send(
                {
                    "id": request,
                    "op": "load",
                    "path": str(model.path),
                    "context_tokens": model.context_tokens,
                    "threads": model.threads,
                    "extra_buffers": self._extra_buffers,
                }
            )
            reply = await worker.receive()
        except asyncio.CancelledError:
            # A half-loaded worker has nothing to keep; ended by the supervisor, it does not count as a crash.
            await asyncio.shield(self._supervisor.stop())
            self._set_state("unloaded")
            raise
        if "error" in reply:
            self._set_state("failed")
            raise UserError(
                "model_unreadable",
                tr("{path} could not be loaded as a model.", path=model.path),
                tr("Fetch it again: openclaw-agent model pull {model}.", model=model.id),
            )
        self._loaded = (model, worker.pid)
        self.context_tokens = reply["loaded"]["context_tokens"]
        return worker

    def _finish(self, reply: dict[str, Any]) -> CompletionDone:
        if "error" in reply:
            raise _explain_error(reply["error"])
        done = reply["done"]
        if done["decode_s"] > 0 and done["completion_tokens"] > 4:
            self.tokens_per_s = round(done["completion_tokens"] / done["decode_s"], 1)
        usage = Usage(done["prompt_tokens"], done["cached_tokens"], done["completion_tokens"])
        return CompletionDone(usage, done["stop"])

    async def _abandon(self, worker: WorkerProcess, request: int) -> None:
        """Cancel a completion nobody waits for; a worker that doesn't obey in time is killed."""

        async def drain() -> None:
            await worker.send({"op": "cancel", "id": request})
            while True:
                reply = await worker.receive()
                if reply.get("id") == request and "text" not in reply:
                    return

        try:
            await asyncio.wait_for(drain(), CANCEL_GRACE_S)
        except TimeoutError:
            log.warning("the model did not stop in %s s; its worker is ended", CANCEL_GRACE_S)
            await worker.kill()
            await self._supervisor.stop()
        except WorkerDied as death:
            self._note_death(death)

    def _note_death(self, death: WorkerDied) -> None:
        log.error("model worker died: %s", death)
        self._loaded = None
        if death.signal_number not in (None, SIGKILL):
            # Extra buffers (AMX among them) are what crashes on some processors with a stock build.
            self._extra_buffers = False
        self._set_state("failed")

    async def stop(self) -> None:
        """Unload the model and end its worker."""
        await self._supervisor.stop()
        self._loaded = None
        self._set_state("unloaded")

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _set_state(self, state: ModelState) -> None:
        self.state = state
        self._on_state(self._wanted.id if self._wanted else None, state)


def _explain_death(death: WorkerDied) -> str:
    if death.signal_number == SIGKILL:
        return tr(
            "The system ended the model, most likely because memory ran out. Starting it again and asking once more."
        )
    return tr("The model crashed. Starting it again and asking once more.")


def _gave_up(death: WorkerDied) -> UserError:
    if death.signal_number == SIGKILL:
        return UserError(
            "model_killed",
            tr("The model was ended by the system three times, most likely because memory ran out."),
            tr("Close other programs, or use a smaller model: openclaw-agent model use smollm2-135m."),
        )
    return UserError(
        "model_crashed",
        tr("The model crashed three times in a row."),
        tr("Try again, or use another model: openclaw-agent model use. openclaw-agent doctor looks for the reason."),
    )


def _explain_error(error: dict[str, Any]) -> UserError:
    if error["code"] == "too_long":
        return UserError(
            "too_long",
            tr(
                "This chat is too long for the model: {tokens} tokens, and it reads {limit}.",
                tokens=error["tokens"],
                limit=error["limit"],
            ),
            tr("Begin a new chat, or ask something shorter."),
        )
    return UserError(
        error["code"], tr("The model could not answer: {reason}.", reason=error["message"]), tr("Try again.")
    )
