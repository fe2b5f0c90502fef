"""The life of the real model worker: warmed up, given more and less, put behind the chat, killed, and let go."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from openclaw_desktop.core.cache import CacheCounts
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import ModelState
from openclaw_desktop.core.labels import SYSTEM, USER
from openclaw_desktop.core.messages import Message
from openclaw_desktop.core.power import PowerLevel
from openclaw_desktop.core.protocols import CompletionDone, CompletionEvent, Prompt, TextDelta, TextDropped
from openclaw_desktop.inference.client import ENVIRONMENT, ModelClient, Surroundings
from openclaw_desktop.inference.loading import Load, LoadedModel
from openclaw_desktop.inference.records import CompletionRecord
from openclaw_desktop.workers.supervisor import Supervisor

DEADLINE_S = 120.0
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
RULES = "You are a friendly assistant who answers in short and simple words, and never in lists. " * 8
MAINS: PowerLevel = "full"


class Quiet:
    """A watch that a test speaks through."""

    tell: Callable[[], None]

    def __init__(self, on_short: Callable[[], None]) -> None:
        Quiet.tell = staticmethod(on_short)

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass


def around(**changes: object) -> Surroundings:
    return replace(Surroundings(power=lambda: MAINS, watch=Quiet, short=lambda: False), **changes)  # type: ignore[arg-type]


def prompt(text: str, **options: object) -> Prompt:
    return Prompt((Message("system", RULES, SYSTEM), Message("user", text, USER)), **options)  # type: ignore[arg-type]


STORY = prompt("Tell me a very long story about a ship and its crew.", max_tokens=400)
HELLO = prompt("Say hello.", max_tokens=8)


class Life:
    """A client, what it told of its state, and what it recorded."""

    def __init__(self, path: Path, context_tokens: int, surroundings: Surroundings) -> None:
        self.states: list[ModelState] = []
        self.changed = asyncio.Event()
        self.records: list[CompletionRecord] = []
        self.client = ModelClient(Supervisor("inference", ENVIRONMENT), self._note, surroundings)
        self.client.on_finished(self.records.append)
        self.client.choose(LoadedModel("smollm2-135m", path, context_tokens))

    def _note(self, _model: str | None, state: ModelState) -> None:
        self.states.append(state)
        self.changed.set()

    async def reach(self, state: ModelState) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while self.client.state != state:
                self.changed.clear()
                await self.changed.wait()

    async def ask(self, asked: Prompt, at_text: Callable[[int], None] = lambda _: None) -> list[CompletionEvent]:
        events: list[CompletionEvent] = []
        async with asyncio.timeout(DEADLINE_S), contextlib.aclosing(self.client(asked)) as asking:  # type: ignore[type-var]
            async for event in asking:
                events.append(event)
                if isinstance(event, TextDelta):
                    at_text(sum(isinstance(known, TextDelta) for known in events))
        assert isinstance(events[-1], CompletionDone)
        return events


@contextlib.asynccontextmanager
async def life_of(smollm2: Path, surroundings: Surroundings | None = None, context: int = 2048) -> AsyncIterator[Life]:
    life = Life(smollm2 / FILE, context, surroundings or around())
    try:
        yield life
    finally:
        await life.client.stop()
        assert life.client.pid is None


def maps_the_model(pid: int | None) -> bool:
    return FILE in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")


async def test_a_model_that_nobody_asks_is_unloaded_and_the_next_question_brings_it_back(smollm2: Path) -> None:
    async with life_of(smollm2, around(idle_unload_s=0.2)) as life:
        await life.ask(HELLO)
        pid = life.client.pid
        assert life.client.state == "ready" and pid is not None
        await life.reach("unloaded")
        assert not psutil.pid_exists(pid), "its memory is the machine's again"
        await life.ask(HELLO)
        assert life.client.pid != pid


async def test_it_is_never_unloaded_during_a_turn_but_at_its_end_where_memory_is_short(smollm2: Path) -> None:
    async with life_of(smollm2, around(idle_unload_s=0.01, short=lambda: True)) as life:
        with life.client.in_use():
            await life.ask(HELLO)
            Quiet.tell()
            await life.ask(HELLO)
            assert life.states.count("loading") == 1 and life.client.state == "ready"
        await life.reach("unloaded")


async def test_short_memory_unloads_at_once_and_a_question_in_that_moment_is_answered(smollm2: Path) -> None:
    async with life_of(smollm2) as life:
        await life.ask(HELLO)
        Quiet.tell()
        answers = asyncio.create_task(life.ask(HELLO))
        assert await answers
        Quiet.tell()
        await life.reach("unloaded")
        assert not any(isinstance(event, TextDropped) for event in answers.result()), "that is no death"
        assert life.client.deaths == 0


async def test_a_warm_up_loads_and_reads_what_every_prompt_begins_with(smollm2: Path) -> None:
    async with life_of(smollm2) as life:
        await life.client.warm_up()
        assert life.client.state == "ready" and not life.records
        await life.client.warm_up(replace(HELLO, stable=1))
        (warmed,) = life.records
        assert warmed.job == "warm_up" and warmed.completion_tokens <= 1
        await life.ask(prompt("What is your name?", max_tokens=4, stable=1))
        assert life.records[-1].cached_tokens > 0.7 * life.records[-1].prompt_tokens


async def test_a_warm_up_gives_way_to_a_question(smollm2: Path) -> None:
    async with life_of(smollm2) as life:
        await life.client.warm_up()
        pid = life.client.pid
        warming = asyncio.create_task(life.client.warm_up(prompt("word " * 1500)))
        await life.reach("busy")
        await life.ask(HELLO)
        async with asyncio.timeout(DEADLINE_S):
            await warming
        assert [record.job for record in life.records] == ["warm_up", ""], "what it took is counted"
        assert life.records[0].prompt_tokens < 1500, "it was not finished"
        assert life.client.pid == pid


async def test_a_warm_up_without_a_model_is_nothing(smollm2: Path) -> None:
    async with life_of(smollm2) as life:
        life.client.choose(None)
        await life.client.warm_up(HELLO)
        assert life.client.pid is None


async def test_background_work_gives_way_to_the_chat_and_says_so(smollm2: Path) -> None:
    async with life_of(smollm2) as life:
        started = asyncio.Event()
        background = asyncio.create_task(life.ask(replace(STORY, lane="background"), lambda _: started.set()))
        async with asyncio.timeout(DEADLINE_S):
            await started.wait()
        pid = life.client.pid
        await life.ask(HELLO)
        with pytest.raises(UserError) as caught:
            await background
        assert caught.value.failure.code == "preempted"
        assert life.client.pid == pid, "it obeyed: nothing had to be killed"
        assert [record.lane for record in life.records] == ["background", "chat"], "what it took is counted"
        assert 0 < life.records[0].completion_tokens < 400
        await life.ask(replace(HELLO, lane="background"))
        assert life.records[-1].lane == "background"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_priority_follows_the_power_state_and_the_lane(smollm2: Path) -> None:
    power = MAINS
    async with life_of(smollm2, around(power=lambda: power, cores=lambda: 2, can_raise_priority=lambda: True)) as life:
        expected = []
        for now, lane, nice, threads in (
            (MAINS, "chat", 0, 2),
            (MAINS, "background", 10, 2),
            (MAINS, "chat", 0, 2),
            ("saver", "chat", 10, 1),
        ):
            power = now
            await life.ask(replace(HELLO, lane=lane))
            assert life.client.pid is not None
            assert psutil.Process(life.client.pid).nice() == nice
            expected.append(threads)
        assert [record.threads for record in life.records] == expected
        assert life.states.count("loading") == 1, "the model stayed in memory"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_back_on_mains_a_new_worker_is_fast_again_where_priority_cannot_be_raised(smollm2: Path) -> None:
    power: PowerLevel = "saver"
    async with life_of(smollm2, around(power=lambda: power, can_raise_priority=lambda: False)) as life:
        await life.ask(HELLO)
        pid = life.client.pid
        power = MAINS
        await life.ask(HELLO)
        assert life.client.pid not in (None, pid)
        assert psutil.Process(life.client.pid).nice() == 0 and life.client.deaths == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("roomy", [True, False])
async def test_weights_are_repacked_where_memory_has_room_else_the_file_is_mapped(smollm2: Path, roomy: bool) -> None:
    async def need(load: Load) -> int:
        return 1 << 20 if roomy else 1 << 50

    async with life_of(smollm2, around(need_bytes=need)) as life:
        await life.ask(HELLO)
        assert maps_the_model(life.client.pid) is not roomy
        assert (life.records[0].extra_buffers, life.records[0].mmap) == (roomy, not roomy)


async def test_a_context_grows_for_a_prompt_that_needs_it_and_stays_so(smollm2: Path) -> None:
    async with life_of(smollm2, context=512) as life:
        await life.ask(HELLO)
        assert life.client.context_tokens == 512
        await life.ask(prompt("word " * 900, max_tokens=4))
        assert life.client.context_tokens == 2048
        await life.ask(HELLO)
        assert life.client.context_tokens == 2048 and life.states.count("loading") == 2
        assert life.records[-1].context_tokens == 2048


async def test_a_context_that_memory_has_no_room_for_does_not_grow_and_says_why(smollm2: Path) -> None:
    async def need(load: Load) -> int:
        return 1 << 20 if load.context_tokens <= 512 else 1 << 50

    async with life_of(smollm2, around(need_bytes=need), context=512) as life:
        with pytest.raises(UserError, match="too little free memory") as caught:
            await life.ask(prompt("word " * 900))
        assert caught.value.failure.code == "too_long" and "512" in caught.value.failure.sentence
        await life.ask(HELLO)


async def test_a_stopped_answer_is_counted_as_far_as_it_came(smollm2: Path) -> None:
    async with life_of(smollm2) as life:
        async with asyncio.timeout(DEADLINE_S), contextlib.aclosing(life.client(STORY)) as asking:  # type: ignore[type-var]
            await anext(asking)
        (record,) = life.records
        assert record.prompt_tokens > 100 and 0 < record.completion_tokens < 400 and record.cpu_s > 0


async def test_what_the_worker_had_ready_is_counted(smollm2: Path) -> None:
    form = replace(HELLO, schema={"type": "object", "properties": {}, "additionalProperties": False})
    async with life_of(smollm2) as life:
        await life.ask(HELLO)
        assert life.client.caches["schemas"] == CacheCounts(0, 0), "there was no form to look for"
        texts = life.client.caches["texts"]
        assert texts.misses > 0
        for _ in range(2):
            await life.ask(form)
        assert life.client.caches["schemas"] == CacheCounts(1, 1)
        assert life.client.caches["texts"].misses == texts.misses and life.client.caches["texts"].hits > texts.hits


# It loads with little room and says so where more is wanted.
SMALL = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    error = {"code": "no_context", "message": "there is no memory for this context", "tokens": 4096}
    print(json.dumps({"id": request["id"], "error": error}), flush=True)
"""


async def test_a_context_without_memory_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    life = Life(tmp_path / "model.gguf", 4096, around())
    life.client = ModelClient(Supervisor("inference", command=[sys.executable, "-c", SMALL]), life._note, around())
    life.client.choose(LoadedModel("m", tmp_path / "model.gguf", 4096))
    try:
        with pytest.raises(UserError, match="too little free memory for m to read 4096 tokens") as caught:
            await life.ask(HELLO)
        assert caught.value.failure.code == "no_memory" and life.client.state == "failed"
    finally:
        await life.client.stop()


async def test_words_are_weighed_in_the_same_worker(smollm2: Path) -> None:
    async with life_of(smollm2) as life:
        await life.ask(HELLO)
        pid = life.client.pid
        weights = await life.client.weigh(prompt("Is the sky blue? Answer yes or no."), ("yes", "no", "perhaps"))
        assert len(weights) == 3 and sum(weights) == pytest.approx(1.0)
        assert all(0.0 <= weight <= 1.0 for weight in weights)
        await life.client.weigh(prompt("Is it?", lane="aside", turn_id="t1"), ("yes", "no"))
        _, asked, aside = life.records
        assert (asked.lane, aside.lane, aside.turn_id, aside.completion_tokens) == ("chat", "aside", "t1", 0)
        assert aside.prompt_tokens > aside.cached_tokens and aside.cpu_s > 0
        await life.ask(HELLO)
        assert life.client.pid == pid and life.states.count("loading") == 1, "no second worker, nor the same one anew"
        with pytest.raises(UserError):
            life.client.choose(None)
            await life.client.weigh(HELLO, ("yes", "no"))
