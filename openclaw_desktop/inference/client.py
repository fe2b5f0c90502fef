"""The model in use, as the rest of the agent sees it: `core.protocols.Complete` and `Weigh`.

Owns the model worker's life: loaded by the first question or a warm-up, asked in turn (`lanes`), asked again a step
lower where it dies (`ladder`), given a larger context where a prompt needs one, unloaded when nobody asks (`keeping`).
Must not know prompts. Loop; the model runs in `worker inference`, reached by `pipe`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from openclaw_desktop.core.cache import CacheCounts
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import ModelState
from openclaw_desktop.core.messages import Usage
from openclaw_desktop.core.power import PowerLevel
from openclaw_desktop.core.protocols import CompletionDone, CompletionEvent, Lane, Prompt, TextDelta, TextDropped
from openclaw_desktop.core.text import tr
from openclaw_desktop.inference import ladder
from openclaw_desktop.inference.keeping import Keeping, Watch
from openclaw_desktop.inference.ladder import Footing
from openclaw_desktop.inference.lanes import Lanes, Turn
from openclaw_desktop.inference.loading import Load, LoadedModel, fits_memory, grown_context, plan_effort
from openclaw_desktop.inference.pipe import GaveWay, LoadRefused, ModelPipe
from openclaw_desktop.inference.records import CompletionRecord, Readers
from openclaw_desktop.inference.refusals import explain_error, model_changed, no_model, no_room, preempted, unreadable
from openclaw_desktop.system.memory_pressure import PressureWatch, available_bytes, is_short
from openclaw_desktop.system.processes import process_sizes
from openclaw_desktop.system.processor import can_raise_priority, usable_cores
from openclaw_desktop.workers.process import WorkerDied
from openclaw_desktop.workers.supervisor import Supervisor

log = logging.getLogger(__name__)

IDLE_UNLOAD_S = 900.0
# OpenMP's spinning threads lose 98 % of their speed beside one busy neighbour.
ENVIRONMENT = {"OMP_WAIT_POLICY": "passive"}


async def _unknown_need(_load: Load) -> int | None:
    return None


def _on_mains() -> PowerLevel:
    return "full"


def _no_smaller(_model: str) -> LoadedModel | None:
    return None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the client asks of the machine and of the other parts.

    `need_bytes`: the memory that a load will take, measured or predicted; None: nobody knows. `lasting`: whether more
    than one question is to be expected; repacking the weights costs more than it saves in one answer.
    """

    states_folder: Path | None = None
    idle_unload_s: float = IDLE_UNLOAD_S
    lasting: bool = True
    need_bytes: Callable[[Load], Awaitable[int | None]] = _unknown_need
    power: Callable[[], PowerLevel] = _on_mains
    available_bytes: Callable[[], int] = available_bytes
    short: Callable[[], bool] = is_short
    watch: Callable[[Callable[[], None]], Watch] = PressureWatch
    cores: Callable[[], int] = usable_cores
    can_raise_priority: Callable[[], bool] = can_raise_priority


class ModelClient:
    """Asks one model at a time, one prompt at a time, the chat's before the background's."""

    def __init__(
        self,
        supervisor: Supervisor,
        on_state: Callable[[str | None, ModelState], None],
        surroundings: Surroundings | None = None,
    ) -> None:
        self._supervisor = supervisor
        self._on_state = on_state
        self._around = surroundings or Surroundings()
        self._pipe = ModelPipe(supervisor, self._around.states_folder)
        self._lanes = Lanes()
        self._keeping = Keeping(self._unload_soon, self._around.idle_unload_s, self._around.watch, self._around.short)
        self._unloading: asyncio.Task[None] | None = None
        self._readers = Readers()
        self._wanted: LoadedModel | None = None
        self._footing = Footing()
        self._context_tokens = 0
        self._tried: Load | None = None
        self._untold: list[str] = []
        self._outgrown: tuple[int, Mapping[str, Any]] | None = None
        # How often the worker had a reply's grammar ready, and a text's tokens: since the start, over its own lives.
        self.caches = {"schemas": CacheCounts(0, 0), "texts": CacheCounts(0, 0)}
        self.state: ModelState = "unloaded"
        self.problem = ""
        # The next smaller model that is here, from then on the one in use; None: there is none.
        self.find_smaller: Callable[[str], LoadedModel | None] = _no_smaller
        self.tokens_per_s: float | None = None

    def choose(self, model: LoadedModel | None) -> None:
        """Say which model answers from the next prompt on, with all that it can have."""
        self._wanted = model
        self._footing = Footing()
        self._untold.clear()  # the steps down end here
        self._context_tokens = model.context_tokens if model else 0
        load = self._pipe.load
        self._set_state(self.state if load is not None and load.model == model else "unloaded")

    @property
    def chosen(self) -> LoadedModel | None:
        """The model that answers."""
        return self._wanted

    @property
    def context_tokens(self) -> int:
        """How many tokens the model reads at once: as loaded, else as it would be loaded; 0 without a model."""
        load, loaded = self._pipe.load, self._pipe.loaded
        fits = load is not None and load.model == self._wanted and load.context_tokens == self._context_tokens
        return loaded.context_tokens if loaded is not None and fits else self._context_tokens

    @property
    def queued(self) -> int:
        """How many prompts wait for their turn."""
        return self._lanes.waiting

    @property
    def pid(self) -> int | None:
        """The worker's process id while it runs."""
        return self._supervisor.pid

    @property
    def ladder(self) -> str:
        """How the model runs with less than it was meant to, since its worker died; "" where it lacks nothing."""
        return ladder.describe(self._footing, self._context_tokens)

    @property
    def deaths(self) -> int:
        """How often the worker died since the model was chosen."""
        return self._footing.deaths

    def on_finished(self, callback: Callable[[CompletionRecord], None]) -> None:
        """Hand the record of each completion to `callback`."""
        self._readers.add(callback)

    def in_use(self) -> contextlib.AbstractContextManager[None]:
        """Keep the model in memory while somebody works with it, between prompts too."""
        return self._keeping.in_use()

    async def __call__(self, prompt: Prompt) -> AsyncIterator[CompletionEvent]:
        """Ask the model; see `core.protocols.Complete`. Where its worker dies it is asked again, a step lower."""
        started_s = time.monotonic()
        # Closed with us, not when the collector comes by: the next prompt must find the pipe free.
        async with contextlib.aclosing(self._converse(prompt, _complete_request(prompt), prompt.lane)) as replies:
            if prompt.lane == "chat":
                for sentence in self._take_untold():
                    yield TextDropped(sentence)
            async for reply in replies:
                if isinstance(reply, TextDropped):
                    # What other work had taken away while this waited is told too.
                    for sentence in self._take_untold() if prompt.lane == "chat" else ():
                        if sentence != reply.reason:
                            yield TextDropped(sentence)
                    yield reply
                elif "text" in reply:
                    yield TextDelta(reply["text"])
                else:
                    yield self._finish(reply["done"], prompt, time.monotonic() - started_s)

    async def weigh(self, prompt: Prompt, choices: Sequence[str]) -> tuple[float, ...]:
        """Weigh what the reply to `prompt` would begin with; see `core.protocols.Weigh`."""
        started_s = time.monotonic()
        request = {**_prompt_request(prompt), "op": "weigh", "choices": list(choices)}
        async with contextlib.aclosing(self._converse(prompt, request, prompt.lane)) as replies:
            async for reply in replies:
                if not isinstance(reply, TextDropped):
                    self._finish(reply["done"], prompt, time.monotonic() - started_s)
                    return tuple(float(weight) for weight in reply["weights"])
        raise AssertionError("a conversation ends with a reply or an error")

    async def warm_up(self, prompt: Prompt | None = None) -> None:
        """Load the model, and read `prompt` so that the next one that begins alike need not be read from its start.

        Gives way to any question at once; what goes wrong is left to that question.
        """
        if self._wanted is None or self._lanes.busy:
            return
        started_s = time.monotonic()
        prompt = replace(prompt, max_tokens=0, job="warm_up") if prompt is not None else None
        request = _complete_request(prompt) if prompt is not None else None
        try:
            async with contextlib.aclosing(self._converse(prompt, request, "background")) as replies:
                async for reply in replies:
                    if prompt is not None and not isinstance(reply, TextDropped) and "done" in reply:
                        self._finish(reply["done"], prompt, time.monotonic() - started_s)
        except (UserError, OSError) as error:
            log.info("no warm-up: %s", error)

    def keep_at_most(self, idle_s: float | None) -> None:
        """Keep the model no longer than so many seconds unasked (0: not at all), as the user set it if None."""
        self._keeping.limit(idle_s)

    async def forget_chats(self) -> None:
        """Let go of all that was computed of chats, in memory and in files: it holds their words in another form."""
        async with self._lanes.turn("chat"):
            await self._end_worker()  # at its end it may write the chat once more
            if self._around.states_folder is not None:
                await asyncio.to_thread(_remove_chats, self._around.states_folder)

    async def release(self) -> None:
        """Unload the model once nobody is being answered: its file goes, or another answers from now on."""
        async with self._lanes.turn("chat"):
            await self._end_worker()

    async def _end_worker(self) -> None:
        self._keeping.unloaded()
        await self._pipe.stop()
        self._set_state("unloaded")

    async def stop(self) -> None:
        """Unload the model and end its worker."""
        if self._unloading is not None:
            await asyncio.wait([self._unloading])
        await self._end_worker()

    async def _converse(
        self, prompt: Prompt | None, request: Mapping[str, Any] | None, lane: Lane
    ) -> AsyncGenerator[dict[str, Any] | TextDropped, None]:
        """Yield the worker's replies to `request` (None: only load), asked again where the worker dies or must grow."""
        asked = self._wanted
        if asked is None:
            raise no_model(self.problem)
        with self._keeping.in_use():
            async with self._lanes.turn(lane) as turn:
                while True:
                    model = self._check_model(asked, prompt)
                    try:
                        await self._prepare(model, prompt.lane if prompt is not None else "chat")
                        if request is not None:
                            async with contextlib.aclosing(self._ask(request, turn, prompt)) as replies:
                                async for reply in replies:
                                    yield reply
                        return
                    except _Grown:
                        continue
                    except GaveWay:
                        raise preempted() from None
                    except WorkerDied as death:
                        if self._wanted is None:
                            raise model_changed() from death
                        yield TextDropped(self._step_down(death))
                    finally:
                        if self.state in ("busy", "loading"):
                            self._set_state("ready" if self._pipe.load is not None else "unloaded")

    async def _ask(
        self, request: Mapping[str, Any], turn: Turn, prompt: Prompt | None
    ) -> AsyncGenerator[dict[str, Any], None]:
        started_s = time.monotonic()

        def count_abandoned(reply: Mapping[str, Any]) -> None:
            if prompt is not None and "done" in reply:
                self._finish(reply["done"], prompt, time.monotonic() - started_s)

        self._set_state("busy")
        given_way = turn.given_way if turn.lane == "background" else None
        async with contextlib.aclosing(self._pipe.ask(request, given_way, count_abandoned)) as replies:
            async for reply in replies:
                if "error" in reply:
                    why = ""
                    if reply["error"]["code"] == "too_long":
                        why = await self._grow(reply["error"], int(request.get("max_tokens", 1)))
                    raise explain_error(reply["error"], why)
                if "text" not in reply:
                    self._footing = replace(self._footing, deaths_in_row=0)
                yield reply

    def _check_model(self, asked: LoadedModel, prompt: Prompt | None) -> LoadedModel:
        """Return the model in use; raises UserError where the prompt was made for another and would not fit it."""
        wanted, left = self._wanted, self._footing.left
        if wanted is None or (asked != wanted and asked.id not in left):
            raise model_changed()
        if prompt is None or prompt.model in ("", wanted.id):
            return wanted
        if prompt.model not in left:
            raise model_changed()
        if prompt.schema is not None and not wanted.calls_tools:
            raise ladder.smaller_cannot(wanted.id)
        return wanted

    async def _prepare(self, model: LoadedModel, lane: Lane) -> None:
        """Have the model loaded, at the power and priority of the moment."""
        effort = plan_effort(
            self._around.power(), lane, self._around.cores(), model.threads, self._around.can_raise_priority()
        )
        await self._pipe.settle()
        current = self._pipe.effort
        if current is not None and effort.nice < current.nice and not self._around.can_raise_priority():
            # Back on mains: only a new process gets its priority back.
            await self._pipe.stop()
        load = self._pipe.load
        if load is None or load.model != model or load.context_tokens != self._context_tokens:
            self._set_state("loading")
            self._keeping.unloaded()
            load = self._tried = await self._plan_load(model)
        try:
            await self._pipe.prepare(load, effort)
        except LoadRefused as refusal:
            raise self._explain_refusal(model, refusal) from refusal
        self._outgrown = None
        self._keeping.loaded()

    async def _plan_load(self, model: LoadedModel) -> Load:
        """Return how to load: repacked where allowed and where memory has room for it, else mapped."""
        load = Load(model, self._context_tokens, extra_buffers=self._footing.extra_buffers and self._around.lasting)
        if load.extra_buffers and not await self._has_room(load):
            log.info("%s is mapped, not repacked: memory has no room for that", model.id)
            load = replace(load, extra_buffers=False)
        return load

    async def _has_room(self, load: Load) -> bool:
        # What the worker holds now is given back before it loads anew.
        held = process_sizes({"inference": self.pid} if self.pid is not None else {}).get("inference", 0)
        return fits_memory(await self._around.need_bytes(load), self._around.available_bytes() + held)

    async def _grow(self, error: Mapping[str, Any], reply_tokens: int) -> str:
        """Raise _Grown where the model gets a larger context for this prompt; else return why it does not, or ""."""
        loaded, model = self._pipe.loaded, self._wanted
        if loaded is None or model is None:
            return ""
        if self._footing.shrunk_from:
            return tr("It read {more} until it ended for want of memory.", more=self._footing.shrunk_from)
        size = grown_context(self._context_tokens, loaded.trained_tokens, int(error["tokens"]), reply_tokens)
        if size is None:
            return ""
        if not await self._has_room(Load(model, size, extra_buffers=False)):
            return tr("For more, this machine has too little free memory.")
        log.info("the context grows from %d to %d tokens", self._context_tokens, size)
        self._outgrown = (self._context_tokens, error)
        self._context_tokens = size
        raise _Grown

    def _explain_refusal(self, model: LoadedModel, refusal: LoadRefused) -> UserError:
        if self._outgrown is not None:
            log.warning("%s does not load with %d tokens: %s", model.id, self._context_tokens, refusal)
            (self._context_tokens, error), self._outgrown = self._outgrown, None
            self._set_state("unloaded")
            return explain_error(error, tr("For more, this machine has too little free memory."))
        self._set_state("failed")
        if refusal.code == "no_context":
            return no_room(model.id, self._context_tokens)
        return unreadable(model.path, model.id)

    def _step_down(self, death: WorkerDied) -> str:
        """Take the next step of the ladder and return its sentence; raises UserError where there is none."""
        log.error("model worker died: %s", death)
        self._keeping.unloaded()
        self._set_state("failed")
        assert self._wanted is not None
        self._footing = footing = ladder.count_death(self._footing)
        cause, context = ladder.cause_of(death.signal_number), self._context_tokens
        step = ladder.next_step(footing, self._tried is not None and self._tried.extra_buffers, context)
        smaller = self.find_smaller(self._wanted.id) if step == "smaller_model" else None
        if step == "smaller_model" and smaller is None:
            self._footing = replace(footing, deaths_in_row=0)
            raise ladder.give_up(cause, footing.deaths_in_row)
        self._footing = ladder.take_step(footing, step, context, self._wanted.id)
        if step == "smaller_context":
            self._context_tokens = context // 2
        if smaller is not None:
            self._wanted, self._context_tokens = smaller, smaller.context_tokens
        sentence = ladder.explain_step(step, cause, context, self._wanted.id)
        log.warning("ladder: %s", sentence)
        if step != "again":
            self._untold.append(sentence)
        return sentence

    def _take_untold(self) -> list[str]:
        """Return the steps down that no chat has heard of yet, taken while something else was asked."""
        untold, self._untold = self._untold, []
        return untold

    def _finish(self, done: Mapping[str, Any], prompt: Prompt, wall_s: float) -> CompletionDone:
        if done["decode_s"] > 0 and done["completion_tokens"] > 4:
            self.tokens_per_s = round(done["completion_tokens"] / done["decode_s"], 1)
        usage = Usage(done["prompt_tokens"], done["cached_tokens"], done["completion_tokens"])
        self._count_caches(done, prompt)
        load, effort = self._pipe.load, self._pipe.effort
        if load is not None:
            record = CompletionRecord(
                load.model.id, prompt.lane, usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens,
                done.get("prompt_s", 0.0), done["decode_s"], wall_s, done.get("cpu_s", 0.0),
                effort.threads if effort else None, load.context_tokens, done.get("peak_rss_bytes", 0),
                load.extra_buffers, load.mmap, done.get("restored_tokens", 0), prompt.turn_id, prompt.job,
            )  # fmt: skip
            self._readers.tell(record)
        return CompletionDone(usage, done["stop"], load.model.id if load is not None else "")

    def _count_caches(self, done: Mapping[str, Any], prompt: Prompt) -> None:
        grammars = 0 if prompt.schema is None else 1
        asked = {
            "schemas": (int(done.get("grammar_cached", False)) * grammars, grammars),
            "texts": (done.get("texts_cached", 0), done.get("texts", 0)),
        }
        for name, (hits, looks) in asked.items():
            known = self.caches[name]
            self.caches[name] = CacheCounts(known.hits + hits, known.misses + looks - hits)

    def _unload_soon(self, reason: str) -> None:
        if self._unloading is None or self._unloading.done():
            self._unloading = asyncio.get_running_loop().create_task(self._unload(reason), name="unload the model")

    async def _unload(self, reason: str) -> None:
        if self._lanes.busy:
            return
        # Held meanwhile: a prompt that comes now waits for the end of the old worker and starts its own.
        async with self._lanes.turn("background"):
            log.info("the model is unloaded: %s", reason)
            self._keeping.unloaded()
            await self._pipe.stop()
            self._set_state("unloaded")

    def _set_state(self, state: ModelState) -> None:
        self.state = state
        self._on_state(self._wanted.id if self._wanted else None, state)


def _remove_chats(folder: Path) -> None:
    # What is stable holds the program's own prompt alone.
    for state in folder.glob("*"):
        if "-stable-" not in state.name:
            state.unlink(missing_ok=True)


class _Grown(Exception):
    """The context was made larger: ask again."""


def _prompt_request(prompt: Prompt) -> dict[str, Any]:
    return {
        "messages": [{"role": message.role, "text": message.text} for message in prompt.messages],
        # What is asked aside has no place in the chat's own memory of its prompt.
        "lane": "chat" if prompt.lane == "chat" else "background",
        "stable": prompt.stable,
        # Of a turn that is not kept, an incognito one, nothing may lie in a file either.
        "keep": prompt.turn_id != "",
    }


def _complete_request(prompt: Prompt) -> dict[str, Any]:
    return {
        **_prompt_request(prompt),
        "op": "complete",
        "schema": prompt.schema,
        "max_tokens": prompt.max_tokens,
        "temperature": prompt.temperature,
    }
