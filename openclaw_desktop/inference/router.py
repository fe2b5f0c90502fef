"""Which of the models is asked: the built-in one, or one of an endpoint.

Owns that switch, and the state and speed of an endpoint's model; `core.protocols.Complete` and `Weigh` for everyone
else. It switches only when told: a model that fails is never replaced by another. Must not know prompts. Loop.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import ModelState
from openclaw_desktop.core.messages import Usage
from openclaw_desktop.core.protocols import Complete, CompletionDone, CompletionEvent, Prompt, Weigh
from openclaw_desktop.inference import refusals
from openclaw_desktop.inference.endpoints.desk import EndpointDesk, EndpointModel
from openclaw_desktop.inference.records import CompletionRecord, Readers

CHECK_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """The model that this program runs itself."""

    complete: Complete
    weigh: Weigh


class ModelRouter:
    """Sends each prompt to the model in use."""

    def __init__(
        self,
        built_in: BuiltIn,
        desk: EndpointDesk,
        wanted: Callable[[], str | None],
        on_state: Callable[[str | None, ModelState, bool], object],
    ) -> None:
        """`wanted` tells the id that the user chose; `on_state` hears of model, state, and leaving the machine."""
        self._built_in = built_in
        self._desk = desk
        self._wanted = wanted
        self._on_state = on_state
        self._running = 0
        self._state: tuple[str, ModelState] = ("", "ready")
        self._readers = Readers()

    @property
    def endpoint_model(self) -> EndpointModel | None:
        """The endpoint's model that answers; None: the built-in one does."""
        return self._desk.find(self._wanted())

    @property
    def state(self) -> ModelState:
        """What the endpoint's model is doing, as far as can be seen from here."""
        model = self.endpoint_model
        return self._state[1] if model is not None and self._state[0] == model.id else "ready"

    def announce(self) -> None:
        """Tell which endpoint's model answers, where one does."""
        if (model := self.endpoint_model) is not None:
            self._on_state(model.id, self.state, model.leaves_machine)

    def note_built_in(self, model: str | None, state: ModelState) -> None:
        """Pass on what the built-in model does, unless it is not the one that answers."""
        if self.endpoint_model is None:
            self._on_state(model, state, False)

    @property
    def tokens_per_s(self) -> float | None:
        """How fast the endpoint's model wrote last."""
        model = self.endpoint_model
        return None if model is None else self._desk.client(model.endpoint.name).tokens_per_s

    async def check(self) -> None:
        """Ask the endpoint that answers whether it is there; raises UserError."""
        if (model := self.endpoint_model) is not None:
            await self._desk.client(model.endpoint.name).models(CHECK_LIMIT_S)

    def on_finished(self, callback: Callable[[CompletionRecord], None]) -> None:
        """Hand the record of each completion by an endpoint to `callback`; the built-in client hands out its own."""
        self._readers.add(callback)

    async def __call__(self, prompt: Prompt) -> AsyncIterator[CompletionEvent]:
        """Ask the model in use; see `core.protocols.Complete`."""
        model = self.endpoint_model
        events = self._built_in.complete(prompt) if model is None else self._ask(model, prompt)
        try:
            async for event in events:
                yield event
        finally:
            # Closed with us, not when the collector comes by: that is what stops the model.
            if isinstance(events, AsyncGenerator):
                await events.aclose()

    async def _ask(self, model: EndpointModel, prompt: Prompt) -> AsyncGenerator[CompletionEvent, None]:
        self._check(model, prompt)
        started_s = first_s = time.monotonic()
        client = self._desk.client(model.endpoint.name)
        with self._asking(model):
            async with contextlib.aclosing(client.complete(model.model, prompt)) as events:
                async for event in events:
                    if first_s == started_s:
                        first_s = time.monotonic()
                    if isinstance(event, CompletionDone):
                        wall_s = time.monotonic() - started_s
                        self._readers.tell(_record(model, prompt, event.usage, first_s - started_s, wall_s))
                    yield event

    async def weigh(self, prompt: Prompt, choices: Sequence[str]) -> tuple[float, ...]:
        """Ask the model in use which of `choices` it would begin with; see `core.protocols.Weigh`."""
        model = self.endpoint_model
        if model is None:
            return await self._built_in.weigh(prompt, choices)
        self._check(model, prompt)
        started_s = time.monotonic()

        def note_usage(usage: Usage) -> None:
            took_s = time.monotonic() - started_s
            self._readers.tell(_record(model, prompt, usage, took_s, took_s))

        with self._asking(model):
            return await self._desk.client(model.endpoint.name).weigh(model.model, prompt, choices, note_usage)

    @staticmethod
    def _check(model: EndpointModel, prompt: Prompt) -> None:
        # A prompt made for the built-in model must not leave this machine because another was chosen meanwhile.
        if prompt.model not in ("", model.id):
            raise refusals.model_changed()

    @contextlib.contextmanager
    def _asking(self, model: EndpointModel) -> Iterator[None]:
        self._running += 1
        self._note_state(model, "busy")
        state: ModelState = "ready"
        try:
            yield
        except UserError:
            state = "failed"
            raise
        finally:
            self._running -= 1
            self._note_state(model, "busy" if self._running else state)

    def _note_state(self, model: EndpointModel, state: ModelState) -> None:
        self._state = (model.id, state)
        if self._wanted() == model.id:
            self._on_state(model.id, state, model.leaves_machine)


def _record(model: EndpointModel, prompt: Prompt, usage: Usage, first_s: float, wall_s: float) -> CompletionRecord:
    # What the other machine spent can't be seen from here: no processor time, no memory.
    return CompletionRecord(
        model=model.id,
        lane=prompt.lane,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        prompt_s=first_s,
        decode_s=wall_s - first_s,
        wall_s=wall_s,
        cpu_s=0.0,
        threads=None,
        context_tokens=model.context_tokens or 0,
        peak_rss_bytes=0,
        turn_id=prompt.turn_id,
        job=prompt.job,
    )
