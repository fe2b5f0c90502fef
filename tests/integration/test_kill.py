"""kill -9 of each process while it works: nothing acknowledged is lost, nobody is left behind, the next one goes on.

The model worker's deaths are in test_model_worker.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from pathlib import Path

import apsw
import pytest
from agent_process import DEADLINE_S, Program, Serving, descendants, wait_gone, worker_pid
from counts import count

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import TextAdded, ToolFinished, TurnFinished
from openclaw_desktop.service.api import AskRequest
from openclaw_desktop.service.remote import RemoteService
from openclaw_desktop.storage.database import Database

ROUNDS = count("the agent killed with -9 while it remembers", 100)
WRITERS = 4
MOST_HITS = 1000


async def attach(agent: Serving) -> RemoteService:
    remote = await RemoteService.connect(agent.socket_path)
    assert remote is not None
    return remote


async def kill_while_it_writes(agent: Serving, moment: random.Random) -> set[str]:
    """Keep several writers busy, kill the agent after some acknowledgements, and return the acknowledged ids."""
    kept: set[str] = set()
    enough = moment.randint(1, 25)
    remote = await attach(agent)

    async def write(number: int) -> None:
        while True:
            hit = await remote.remember(f"fact {number} of {len(kept)}: {moment.random()}")
            kept.add(hit.id)
            if len(kept) >= enough:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(agent.pid, signal.SIGKILL)

    ended = await asyncio.gather(*(write(number) for number in range(WRITERS)), return_exceptions=True)
    assert {type(error) for error in ended} == {UserError}, "each writer is told that the agent is gone"
    assert {error.failure.code for error in ended if isinstance(error, UserError)} == {"agent_gone"}
    await remote.close()
    return kept


async def ids_in(path: Path) -> set[str]:
    database = await Database.open(path)
    try:
        assert await database.read(lambda c: c.pragma("integrity_check", 1)) == "ok"
        found = await database.rows("select id from memories")
        words = await database.rows("select count(*) from memories_fts where memories_fts match 'fact'")
        assert words[0][0] == len(found), "the index knows as many"
        return {row[0] for row in found}
    finally:
        await database.close()


async def test_what_was_acknowledged_survives_the_agents_death(program: Program) -> None:
    moment = random.Random(20_261_122)
    acknowledged: set[str] = set()
    for _ in range(ROUNDS):
        agent = program.serve()
        acknowledged |= await kill_while_it_writes(agent, moment)
        agent.kill()
        assert acknowledged <= await ids_in(program.home / "data" / "openclaw.db")
    assert len(acknowledged) >= ROUNDS
    # What a killed writer was not told may be kept too; no more than a thousand are found at once.
    wanted = min(2 * len(acknowledged), MOST_HITS)
    found = program.run("recall", "fact", "-k", str(wanted), "--json").done().document["hits"]
    kept = await ids_in(program.home / "data" / "openclaw.db")
    assert len(found) == min(len(kept), wanted)
    assert {hit["id"] for hit in found} <= kept
    assert len(kept) > wanted or acknowledged <= {hit["id"] for hit in found}


def test_a_verb_killed_while_it_writes_leaves_a_whole_file(program: Program) -> None:
    program.run("status").done()
    moment = random.Random(7)
    for number in range(5):
        verb = program.start("remember", f"fact {number}")
        with contextlib.suppress(Exception):
            verb.wait(timeout=moment.uniform(0.2, 1.2))
        verb.kill()
        verb.communicate()
    program.run("remember", "the last fact").done()
    connection = apsw.Connection(str(program.home / "data" / "openclaw.db"))
    assert connection.pragma("integrity_check", 1) == "ok"
    connection.close()


async def test_a_tool_worker_killed_in_mid_call_is_a_sentence_and_the_next_call_works(
    program: Program, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("the code is 4711\n")
    program.run("grant", "add", "file:read", str(tmp_path)).done()
    agent = program.serve()
    remote = await attach(agent)
    request = AskRequest(f"read {notes}")
    first = [event async for event in remote.ask(request)]
    assert isinstance(first[-1], TurnFinished) and "4711" in first[-1].answer.answer
    pid = worker_pid("tools", agent.pid)
    os.kill(pid, signal.SIGSTOP)  # so that the call is surely under way
    asking = asyncio.create_task(collect(remote, request))
    while True:  # its question is stored right before the call
        session = await remote.latest_session()
        if session and session.messages and session.session_id != first[-1].answer.session_id:
            break
    os.kill(pid, signal.SIGKILL)
    events = await asyncio.wait_for(asking, DEADLINE_S)
    (finished,) = (event for event in events if isinstance(event, ToolFinished))
    assert finished.outcome.status == "failed" and not finished.receipts
    assert "stopped" in "".join(event.text for event in events if isinstance(event, TextAdded))
    last = await asyncio.wait_for(collect(remote, request), DEADLINE_S)
    assert isinstance(last[-1], TurnFinished) and "4711" in last[-1].answer.answer
    assert worker_pid("tools", agent.pid) != pid
    await remote.close()


async def collect(remote: RemoteService, request: AskRequest) -> list[object]:
    return [event async for event in remote.ask(request)]


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "in mid-answer"])
def test_a_killed_agent_leaves_no_process_behind(talker: Program, tmp_path: Path, busy: bool) -> None:
    (tmp_path / "notes.txt").write_text("4711")
    talker.run("grant", "add", "file:read", str(tmp_path)).done()
    agent = talker.serve()
    talker.run("ask", f"read {tmp_path / 'notes.txt'}").done()
    asking = talker.start("ask", "Tell me a very long story about a ship and its crew.")
    assert asking.stdout is not None and asking.stdout.read(1)
    if not busy:
        asking.kill()
    left = [process.pid for process in descendants(agent.pid)]
    assert {worker_pid("tools", agent.pid), worker_pid("inference", agent.pid)} <= set(left)
    os.kill(agent.pid, signal.SIGKILL)
    wait_gone(left)
    _, err = asking.communicate(timeout=30)
    if busy:
        assert asking.returncode == 3, "the agent that answered is gone"
        assert "The agent ended while it was asked." in err and "Traceback" not in err
