"""A long life in short: turns with a scripted model, runs of jobs, and workers that are killed; nothing may grow.

The agent is a child that serves; the model is a scripted server on this machine, so that turns take no time to think.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from agent_process import Program, Serving, worker_pid
from counts import FULL, count
from endpoint_server import EndpointServer, Reply, Seen, says

from openclaw_desktop.core.events import TurnFinished
from openclaw_desktop.service.api import AskRequest
from openclaw_desktop.service.jobs.views import NewJob
from openclaw_desktop.service.remote import RemoteService

NOTE = "The plumber comes on Thursday at nine."
QUESTION = "When does the plumber come, as my file notes.txt says it?"
# A chat is left after so many turns, as people do.
TURNS_A_CHAT = 25
# One turn in so many reads a file, in the jail.
READS_EVERY = 20
# A worker that dies again and again is started again later and later: more would be waiting alone.
KILLS = 4 if FULL else 1
GROWTH = 0.05


def script(seen: Seen) -> Reply:
    """Say something to everything, and read the file where it is asked about."""
    if seen.body is None:
        return Reply(200, {"data": [{"id": "m"}]})
    if "logprobs" in seen.body:
        top = [{"token": "Yes", "logprob": -0.01}, {"token": "No", "logprob": -5.0}]
        return Reply(200, {"choices": [{"logprobs": {"content": [{"top_logprobs": top}]}}]})
    last = seen.body["messages"][-1]["content"]
    if QUESTION in last and NOTE not in last:
        return says('{"tool": "read_file", "path": "notes.txt"}')
    if NOTE in last:
        return says('{"tool": "answer", ', '"text": "On Thursday at nine."}')
    return says("On Thursday ", "at nine.")


@dataclass(frozen=True)
class Held:
    """What a process holds."""

    rss_bytes: int
    descriptors: int
    threads: int
    children: int

    @classmethod
    def by(cls, pid: int) -> Held:
        process = psutil.Process(pid)
        return cls(
            process.memory_info().rss,
            process.num_fds(),
            process.num_threads(),
            len([child for child in process.children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]),
        )


def growth(before: Held, after: Held) -> float:
    """Return by which part of it the memory has grown."""
    return after.rss_bytes / before.rss_bytes - 1


class Life:
    """An agent that is used."""

    def __init__(self, agent: Serving, remote: RemoteService, folder: Path, server: EndpointServer) -> None:
        self.agent, self.remote, self.folder, self.server = agent, remote, folder, server
        self.turns = self.runs = 0
        self._session: str | None = None

    async def turn(self, text: str, tools: bool) -> Any:
        if self.turns % TURNS_A_CHAT == 0:
            self._session = await self.remote.new_session()
        self.turns += 1
        async with contextlib.aclosing(
            self.remote.ask(AskRequest(text, session_id=self._session, tools=tools, folder=str(self.folder)))
        ) as events:
            async for event in events:
                if isinstance(event, TurnFinished):
                    return event.answer
        raise AssertionError("the turn did not finish")

    async def read(self) -> None:
        answer = await self.turn(QUESTION, tools=True)
        assert [(call.name, call.status) for call in answer.tool_calls] == [("read_file", "done")], answer

    async def live(self, turns: int, runs: int) -> None:
        """Take turns, with runs of jobs and deaths of workers spread among them."""
        kill_after = {turns * k // (KILLS + 1) // READS_EVERY * READS_EVERY for k in range(1, KILLS + 1)}
        for n in range(turns):
            if n % READS_EVERY:
                assert (await self.turn(f"Tell me something, {n % 50}.", tools=False)).answer == "On Thursday at nine."
            else:
                await self.read()
            if n in kill_after:  # a read has just used it
                psutil.Process(worker_pid("tools", self.agent.pid)).kill()
            for _ in range(runs * (n + 1) // turns - runs * n // turns):
                self.runs += 1
                ran = await self.remote.run_job("reminded" if self.runs % 2 else "noted")
                assert ran.state == "done", ran
            self.server.seen.clear()

    async def held(self) -> Held:
        """Return what it holds once it has nothing to do: its workers are there, and its queues empty."""
        await self.read()
        await self.remote.status()
        return await asyncio.to_thread(self._least)

    def _least(self) -> Held:
        return Held.by(self.agent.pid)


@pytest.fixture
async def life(program: Program, tmp_path: Path) -> AsyncIterator[Life]:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "notes.txt").write_text(NOTE, encoding="utf-8")
    async with EndpointServer(script) as server:
        agent = await asyncio.to_thread(program.serve)
        remote = await RemoteService.connect(agent.socket_path)
        assert remote is not None
        await remote.add_endpoint(server.url, "there")
        await remote.use_model("there")
        await remote.add_grant("file:read", str(folder))
        await remote.add_job(NewJob("reminded", "every", "30d", remind="Stand up", notify="silent"))
        await remote.add_job(
            NewJob("noted", "every", "30d", tool="todos", arguments={"action": "list"}, notify="silent")
        )
        yield Life(agent, remote, folder, server)
        await remote.close()


@pytest.mark.timeout(7200 if FULL else 900)
async def test_a_long_life_holds_no_more_than_a_short_one(life: Life) -> None:
    turns, runs = count("turns of a life", 10_000), count("runs of a life", 2000)
    # In its first half what is loaded with its first use is loaded, whatever the clock would begin then too, and the
    # caches, which are bounded, fill.
    await life.remote.create_backup()
    await life.remote.consolidate_memories()
    await life.live(turns // 4, runs // 4)
    quarter = await life.held()
    await life.live(turns // 2 - turns // 4, runs // 2 - runs // 4)
    before = await life.held()
    await life.live(turns - turns // 2, runs - runs // 2)
    after = await life.held()
    print(f"{life.turns} turns, {life.runs} runs: {quarter} at a quarter, {before} at the half -> {after}")
    print(f"grown by {growth(before, after):.1%} since the half, by {growth(quarter, after):.1%} since the quarter")
    assert after.descriptors <= before.descriptors
    assert after.threads <= before.threads
    assert after.children <= before.children
    assert growth(before, after) <= GROWTH
    assert life.runs == runs
    ended = await asyncio.to_thread(life.agent.stop)
    assert ended.code == 0 and "Traceback" not in ended.err, ended.err[-2000:]
