"""The model worker by its own protocol, with the real SmolLM2: what was read once is not read again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from openclaw_desktop.inference.client import ENVIRONMENT
from openclaw_desktop.workers.process import WorkerProcess

DEADLINE_S = 60.0
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SYSTEM = "You are a helpful assistant. " + "Be short and kind. " * 30
JUDGE = "You rate texts. " + "Think well. " * 40
LIMIT_BYTES = 1 << 30
UNION = {
    "anyOf": [
        {
            "type": "object",
            "properties": {"tool": {"const": name}, "text": {"type": "string"}},
            "required": ["tool", "text"],
            "additionalProperties": False,
        }
        for name in ("remember", "answer")
    ]
}


class Worker:
    """The worker with a loaded model, asked one thing after another."""

    def __init__(self, process: WorkerProcess) -> None:
        self.process = process
        self._last = 0

    async def send(self, **request: Any) -> int:
        self._last += 1
        await self.process.send({"id": self._last, **request})
        return self._last

    async def reply(self) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_S):
            text = ""
            while "text" in (reply := await self.process.receive()):
                text += reply["text"]
            return {**reply, "reply": text}

    async def ask(self, **request: Any) -> dict[str, Any]:
        await self.send(**request)
        return await self.reply()

    async def complete(self, *texts: str, **options: Any) -> dict[str, Any]:
        reply = await self.ask(**completion(texts, **options))
        return {**reply["done"], "reply": reply["reply"]}

    async def weigh(self, text: str, choices: Sequence[str], **options: Any) -> list[float]:
        reply = await self.ask(**completion(["", text], **options) | {"op": "weigh", "choices": choices})
        return list(reply["weights"])


def completion(texts: Sequence[str], **options: Any) -> dict[str, Any]:
    roles = ["system", *["user", "assistant"] * len(texts)]
    messages = [{"role": role, "text": text} for role, text in zip(roles, texts, strict=False)]
    request = {"op": "complete", "messages": messages, "schema": None, "max_tokens": 4, "temperature": 0.0}
    return {**request, "lane": "chat", "stable": 1, **options}


def load_request(path: Path, states: Path | None, context_tokens: int = 1024, **more: Any) -> dict[str, Any]:
    folder = str(states) if states else None
    return {
        "op": "load", "path": str(path), "context_tokens": context_tokens, "threads": 2, "extra_buffers": False,
        "mmap": True, "states_folder": folder, "states_limit_bytes": LIMIT_BYTES, "nice": 0, **more,
    }  # fmt: skip


@contextlib.asynccontextmanager
async def worker_with(model: Path, states: Path | None = None, **load: Any) -> AsyncIterator[Worker]:
    process = await WorkerProcess.start("inference", environment=ENVIRONMENT)
    worker = Worker(process)
    try:
        reply = await worker.ask(**load_request(model / FILE, states, **load))
        assert reply["loaded"]["trained_tokens"] == 8192 and reply["loaded"]["load_s"] > 0
        assert reply["loaded"]["peak_rss_bytes"] > 50e6
        yield worker
    finally:
        await process.stop()


def state_files(folder: Path, kind: str) -> list[Path]:
    return sorted(folder.glob(f"*-{kind}-*.seq"))


async def until(said: Callable[[], object]) -> None:
    """Wait for what another process does to the disk: nothing else tells."""
    async with asyncio.timeout(DEADLINE_S):
        while not said():
            await asyncio.sleep(0.02)


async def test_background_work_takes_nothing_from_the_chat(smollm2: Path) -> None:
    chat = (SYSTEM, "word " * 300 + "Name three animals.")
    async with worker_with(smollm2) as worker:
        first = await worker.complete(*chat)
        assert first["cached_tokens"] == 0
        job = await worker.complete(JUDGE, "rate this: " + "fine " * 50, lane="background")
        again = await worker.complete(*chat)
        assert again["cached_tokens"] == again["prompt_tokens"] - 1
        assert again["reply"] == first["reply"]
        next_job = await worker.complete(JUDGE, "rate that", lane="background")
        assert 100 < next_job["cached_tokens"] < job["prompt_tokens"], "the job's own prefix is kept too"


async def test_background_work_that_needs_the_chats_room_gives_it_back(smollm2: Path) -> None:
    chat = (SYSTEM, "word " * 500 + "Name three animals.")
    async with worker_with(smollm2, context_tokens=1024) as worker:
        first = await worker.complete(*chat)
        job = await worker.complete(JUDGE, "fine " * 600, lane="background")
        assert first["prompt_tokens"] + job["prompt_tokens"] > 1024
        again = await worker.complete(*chat)
        assert again["cached_tokens"] == again["prompt_tokens"] - 1
        assert again["reply"] == first["reply"]


async def test_a_new_chat_and_the_way_back_keep_the_stable_prefix(smollm2: Path, tmp_path: Path) -> None:
    async with worker_with(smollm2, tmp_path / "states") as worker:
        await worker.complete(SYSTEM, "Name three animals.")
        for question in ("Tell me of the sea.", "Name three animals."):
            seen = await worker.complete(SYSTEM, question)
            assert seen["cached_tokens"] > 150 and seen["restored_tokens"] == 0


async def test_the_stable_prefix_is_read_once_for_all_lifetimes(smollm2: Path, tmp_path: Path) -> None:
    states = tmp_path / "states"
    async with worker_with(smollm2, states) as worker:
        first = await worker.complete(SYSTEM, "Name three animals.")
        assert (first["cached_tokens"], first["restored_tokens"]) == (0, 0)
    (file,) = state_files(states, "stable")
    written = file.stat().st_ino
    async with worker_with(smollm2, states, context_tokens=2048) as worker:
        again = await worker.complete(SYSTEM, "Name three animals.")
        assert again["restored_tokens"] == again["cached_tokens"] > 150
        assert again["reply"] == first["reply"]
        other = await worker.complete(SYSTEM, "Tell me of the sea.")
        assert other["cached_tokens"] > 150 and other["restored_tokens"] == 0
    assert [path.stat().st_ino for path in state_files(states, "stable")] == [written], "written once"


async def test_a_long_chat_goes_on_after_an_orderly_end(smollm2: Path, tmp_path: Path) -> None:
    states, said = tmp_path / "states", ["word " * 300 + "Name three animals."]
    async with worker_with(smollm2, states) as worker:
        first = await worker.complete(SYSTEM, *said)
    async with worker_with(smollm2, states) as worker:
        second = await worker.complete(SYSTEM, *said, first["reply"], "And three more.")
        assert second["restored_tokens"] >= first["prompt_tokens"]
    assert len(state_files(states, "chat")) <= 1, "the longer state takes the place of the shorter one"


async def test_a_long_chat_goes_on_after_everything_was_killed(smollm2: Path, tmp_path: Path) -> None:
    states, said = tmp_path / "states", "word " * 600 + "Name three animals."
    async with worker_with(smollm2, states) as worker:
        first = await worker.complete(SYSTEM, said)
        await until(lambda: state_files(states, "chat"))
        os.kill(worker.process.pid, signal.SIGKILL)
    async with worker_with(smollm2, states) as worker:
        again = await worker.complete(SYSTEM, said)
        assert again["restored_tokens"] >= first["prompt_tokens"] - 1


async def test_what_must_leave_no_trace_leaves_none(smollm2: Path, tmp_path: Path) -> None:
    async with worker_with(smollm2, tmp_path) as worker:
        await worker.complete(SYSTEM, "word " * 600, keep=False)
    assert not state_files(tmp_path, "chat")


@pytest.mark.parametrize("seed", range(6))
async def test_damaged_states_cost_a_second_reading_and_no_more(smollm2: Path, tmp_path: Path, seed: int) -> None:
    async with worker_with(smollm2, tmp_path) as worker:
        first = await worker.complete(SYSTEM, "Name three animals.")
    chance = random.Random(seed)
    for path in tmp_path.iterdir():
        data = bytearray(path.read_bytes())
        match seed % 3:
            case 0:
                del data[chance.randrange(len(data)) :]
            case 1:
                # Its end stays as it was: only the sum can tell.
                data[chance.randrange(200)] ^= 1 << chance.randrange(8)
            case _:
                data = bytearray(b"ggsq" + chance.randbytes(5000))
        path.write_bytes(data)
    async with worker_with(smollm2, tmp_path) as worker:
        again = await worker.complete(SYSTEM, "Name three animals.")
        assert (again["cached_tokens"], again["restored_tokens"]) == (0, 0)
        assert again["reply"] == first["reply"]


async def test_a_folder_that_cannot_be_written_costs_the_states_alone(smollm2: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    async with worker_with(smollm2, tmp_path / "file") as worker:
        assert (await worker.complete(SYSTEM, "Name three animals."))["reply"]


async def test_choices_are_weighed_and_the_prompt_stays_read(smollm2: Path) -> None:
    question, choices = "What is the capital of France?", ["The capital of France", "Paris", "banana split", "The"]
    async with worker_with(smollm2) as worker:
        weights = await worker.weigh(question, choices)
        assert sum(weights) == pytest.approx(1) and all(0 <= weight <= 1 for weight in weights)
        assert min(weights[0], weights[1], weights[3]) > 100 * weights[2]
        assert weights[0] <= weights[3] <= 1.3 * weights[0], "more words cost only what is doubted of them"
        done = await worker.complete("", question)
        assert done["cached_tokens"] == done["prompt_tokens"] - 1
        reordered = await worker.weigh(question, choices[::-1])
        assert reordered[::-1] == pytest.approx(weights, rel=0.05)
        assert (await worker.ask(**completion(["", "x"]) | {"op": "weigh", "choices": [""]}))["error"]["code"]
        asked = await worker.ask(**completion(["", "Is it?"]) | {"op": "weigh", "choices": ["yes", "no"]})
        took = asked["done"]
        assert took["prompt_tokens"] > took["cached_tokens"] > 0 and took["completion_tokens"] == 0
        assert took["cpu_s"] > 0 and took["prompt_s"] > 0 and took["stop"] == "end"


@pytest.mark.parametrize("op", ["complete", "weigh"])
async def test_a_cancel_ends_either(smollm2: Path, op: str) -> None:
    async with worker_with(smollm2, context_tokens=4096) as worker:
        request = completion(["", "word " * 3000]) | {"op": op, "choices": ["a", "b"]}
        number = await worker.send(**request)
        await worker.process.send({"op": "cancel", "id": number})
        reply = await worker.reply()
        assert reply["done"]["stop"] == "cancelled" and "weights" not in reply
        assert reply["done"]["prompt_tokens"] < 3000, "what was read, not what there was to read"
        assert (await worker.complete("", "Say hello."))["reply"]


async def working_threads(worker: Worker, text: str) -> int:
    """Return how many of the worker's threads have a hand in reading `text`."""

    def used_s() -> dict[int, float]:
        return {thread.id: thread.user_time + thread.system_time for thread in process.threads()}

    process = psutil.Process(worker.process.pid)
    before = used_s()
    await worker.complete(SYSTEM, text * 600)
    took = [used - before.get(thread, 0.0) for thread, used in used_s().items()]
    return sum(seconds > 0.1 * sum(took) for seconds in took)


async def test_effort_changes_without_loading_again(smollm2: Path) -> None:
    async with worker_with(smollm2) as worker:
        assert await working_threads(worker, "word ") == 2
        before = await worker.complete(SYSTEM, "Name three animals.")
        tuned = await worker.ask(op="tune", threads=1, nice=7)
        assert tuned["tuned"] == {"nice": 7}
        tasks = Path(f"/proc/{worker.process.pid}/task")
        nice = {int((task / "stat").read_text().rpartition(")")[2].split()[16]) for task in tasks.iterdir()}
        assert nice == {7}, "every thread of the worker gives way"
        after = await worker.complete(SYSTEM, "Name three animals.")
        assert after["reply"] == before["reply"] and after["cached_tokens"] == after["prompt_tokens"] - 1
        assert await working_threads(worker, "thing ") == 1


async def test_what_repeats_is_counted(smollm2: Path) -> None:
    schema = {"enum": ["yes", "no"]}
    async with worker_with(smollm2) as worker:
        first = await worker.complete(SYSTEM, "Are cats animals?", schema=schema, max_tokens=9)
        again = await worker.complete(SYSTEM, "Are dogs animals?", schema=schema, max_tokens=9)
        assert (first["grammar_cached"], again["grammar_cached"]) == (False, True)
        assert again["texts"] - again["texts_cached"] == 1, "only the new question is tokenised"
        assert json.loads(again["reply"]) in ("yes", "no")
        assert again["cpu_s"] > 0 and again["prompt_s"] > 0 and again["peak_rss_bytes"] > 50e6


@pytest.mark.parametrize("temperature", [0.0, 0.9])
async def test_an_enum_with_quotes_is_written_as_it_is(smollm2: Path, temperature: float) -> None:
    values = ['say "hi"', "back\\slash", "é"]
    async with worker_with(smollm2) as worker:
        for value in values:
            done = await worker.complete("", "Go on.", schema={"enum": [value]}, max_tokens=30, temperature=temperature)
            assert json.loads(done["reply"]) == value and done["stop"] == "end"


async def test_no_reply_is_wanted(smollm2: Path) -> None:
    async with worker_with(smollm2) as worker:
        read = await worker.complete(SYSTEM, "Name three animals.", max_tokens=0)
        assert (read["reply"], read["completion_tokens"], read["stop"]) == ("", 0, "length")
        done = await worker.complete(SYSTEM, "Name three animals.")
        assert done["cached_tokens"] == done["prompt_tokens"] - 1


async def test_a_warm_up_takes_nothing_from_the_chat_that_is_there(smollm2: Path) -> None:
    chat = (SYSTEM, "word " * 100 + "Name three animals.")
    async with worker_with(smollm2) as worker:
        await worker.complete(*chat)
        warm = await worker.complete(SYSTEM, "", max_tokens=0)
        assert warm["prompt_tokens"] - warm["cached_tokens"] < 32
        again = await worker.complete(*chat)
        assert again["cached_tokens"] == again["prompt_tokens"] - 1


async def test_stdins_end_ends_it_in_mid_word(smollm2: Path, tmp_path: Path) -> None:
    async with worker_with(smollm2, tmp_path) as worker:
        await worker.send(**completion([SYSTEM, "Tell me a very long story. " * 8], max_tokens=900))
        async with asyncio.timeout(DEADLINE_S):
            await worker.process.receive()
        async with asyncio.timeout(2.5):
            # No grace is used up, or it would have been killed.
            await worker.process.stop(grace_s=2.4)
    assert state_files(tmp_path, "stable") and state_files(tmp_path, "chat")


@pytest.mark.parametrize("limit", [2, 5, 12, 60])
async def test_what_the_schema_fixes_counts_as_written_and_keeps_the_limit(smollm2: Path, limit: int) -> None:
    async with worker_with(smollm2) as worker:
        done = await worker.complete("Reply as JSON.", "Is the sea deep?", schema=UNION, max_tokens=limit)
        again = await worker.complete("Reply as JSON.", "Is the sea deep?", schema=UNION, max_tokens=limit)
    assert 1 <= done["completion_tokens"] <= limit and (done["stop"] == "end" or done["completion_tokens"] == limit)
    assert again["reply"] == done["reply"] and again["cached_tokens"] >= again["prompt_tokens"] - 1
    if done["stop"] == "end":
        assert set(json.loads(done["reply"])) == {"tool", "text"}
