"""Attaching: verbs talk to the agent that runs, there is never a second one, and nobody else is let in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_process import DEADLINE_S, Program, Serving, front_end, run

from openclaw_desktop.core.events import ModelStateChanged, TurnFinished
from openclaw_desktop.service.api import AskRequest
from openclaw_desktop.service.remote import RemoteService

STARTS = 20
NOBODY = 65534
STORY = AskRequest("Tell me a long story about a ship and its crew.")


@contextlib.asynccontextmanager
async def attached(agent: Serving) -> AsyncIterator[RemoteService]:
    remote = await RemoteService.connect(agent.socket_path)
    assert remote is not None
    try:
        yield remote
    finally:
        await remote.close()


def test_verbs_talk_to_the_running_agent(program: Program) -> None:
    agent = program.serve()
    for _ in range(2):
        assert program.run("status", "--json").done().document["pid"] == agent.pid
    kept = program.run("remember", "The attic key hangs in the kitchen", "--json").done().document["id"]
    assert program.run("recall", "attic key", "--json").done().document["hits"][0]["id"] == kept
    assert agent.stop().code == 0
    assert program.run("recall", "attic key", "--json").done().document["hits"][0]["id"] == kept


HEAVY = {"agent", "health", "inference", "memory", "notifications", "runtime", "scheduler", "security", "storage",
         "tools", "workers"}  # fmt: skip
# The plain values that are shown of a memory.
VALUES = {"openclaw_desktop.memory", "openclaw_desktop.memory.records"}
LISTED = """
import sys
from openclaw_desktop.cli.commands import run_command
code = run_command(sys.argv[1:])
print(*(name for name in sys.modules if name.startswith("openclaw_desktop.")), file=sys.stderr)
raise SystemExit(code)
"""


def test_a_verb_that_attaches_loads_nothing_of_what_an_agent_is_made_of(program: Program) -> None:
    agent = program.serve()
    for verb in (["status"], ["inbox", "list"], ["memory", "stats"], ["recall", "attic"], ["grant", "list"]):
        command = [sys.executable, "-P", "-c", LISTED, *verb, "--json", "--home", str(program.home)]
        ended = run(command, program.environ).done()
        if verb == ["status"]:
            assert ended.document["pid"] == agent.pid
        loaded = set(ended.err.split())
        assert "openclaw_desktop.service.remote" in loaded
        assert {name for name in loaded - VALUES if name.split(".")[1] in HEAVY} == set(), verb


def test_a_second_agent_says_that_one_runs_already(program: Program) -> None:
    agent = program.serve()
    program.run("serve").failed("already", "openclaw-agent status")
    assert program.run("status", "--json").done().document["pid"] == agent.pid


def test_of_many_agents_started_at_once_one_runs(program: Program) -> None:
    starts = [program.start("serve") for _ in range(5)]
    pid = program.run("status", "--json").document["pid"]
    while pid is None:  # our own question came first
        pid = program.run("status", "--json").document["pid"]
    ended = {start.pid: start.communicate(timeout=DEADLINE_S) for start in starts if start.pid != pid}
    (winner,) = (start for start in starts if start.pid == pid)
    assert len(ended) == 4
    for start in starts:
        if start.pid in ended:
            assert start.returncode == 1 and "already" in ended[start.pid][1]
    winner.terminate()
    winner.communicate(timeout=DEADLINE_S)
    assert winner.returncode == 0


def test_many_verbs_without_an_agent_are_done_one_after_the_other(program: Program) -> None:
    verbs = [program.start("remember", f"fact number {number}", "--json") for number in range(STARTS)]
    ended = [(*verb.communicate(timeout=DEADLINE_S * 3), verb.returncode) for verb in verbs]
    assert [code for _, _, code in ended] == [0] * STARTS, ended
    kept = {json.loads(out)["id"] for out, _, _ in ended}
    found = program.run("recall", "fact number", "-k", "50", "--json").done().document["hits"]
    assert {hit["id"] for hit in found} == kept
    assert len(kept) == STARTS


def test_the_socket_is_its_users_alone(program: Program) -> None:
    agent = program.serve()
    assert stat.S_IMODE(agent.socket_path.stat().st_mode) == 0o600
    assert stat.S_IMODE(agent.socket_path.parent.stat().st_mode) == 0o700


@contextlib.contextmanager
def somebody_else() -> Iterator[None]:
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can play another user")
def test_another_user_is_refused_even_where_the_folders_are_open(program: Program) -> None:
    with tempfile.TemporaryDirectory(prefix="oc-") as folder:
        Path(folder).chmod(0o755)
        program.home = Path(folder) / "home"
        agent = program.serve()
        with somebody_else(), pytest.raises(PermissionError), front_end(agent):
            pass
        for place in (program.home, agent.socket_path.parent):
            place.chmod(0o755)
        agent.socket_path.chmod(0o666)
        with somebody_else(), front_end(agent) as stranger:
            with contextlib.suppress(BrokenPipeError):
                stranger.sendall(b'{"id": 1, "method": "status"}\n')
            with contextlib.suppress(ConnectionResetError):
                assert stranger.recv(65536) == b""
        with front_end(agent) as owner:
            assert "version" in asked(owner, {"id": 1, "method": "status"})["result"]
        agent.stop()


def asked(connection: socket.socket, frame: dict[str, Any]) -> Any:
    connection.sendall(json.dumps(frame).encode() + b"\n")
    with connection.makefile("rb") as lines:
        return json.loads(lines.readline())


BROKEN = {
    "garbage": b"\x00\xff not json\n",
    "no object": b"[1, 2, 3]\n",
    "no id": b'{"method": "status"}\n',
    "an id that is none": b'{"id": "one", "method": "status"}\n',
    "a deep one": b"[" * 100_000 + b"\n",
    "two megabytes": b'{"id": 1, "method": "remember", "params": {"text": "' + b"x" * (2 << 20) + b'"}}\n',
    "two megabytes without an end": b"x" * (2 << 20),
    "half a frame": b'{"id": 1, "meth',
}


@pytest.mark.parametrize("frame", BROKEN.values(), ids=BROKEN)
def test_a_front_end_that_breaks_the_protocol_hurts_no_other(shared: Serving, frame: bytes) -> None:
    with front_end(shared) as good, front_end(shared) as bad:
        assert "result" in asked(good, {"id": 1, "method": "list_grants"})
        with contextlib.suppress(ConnectionError):
            bad.sendall(frame)
            bad.shutdown(socket.SHUT_WR)
            assert bad.recv(65536) == b"", "the agent hangs up"
        assert "result" in asked(good, {"id": 2, "method": "list_grants"})


@pytest.mark.parametrize(
    "frame",
    [
        {"id": 1, "method": "stop"},
        {"id": 1, "method": "__class__"},
        {"id": 1, "method": "remember"},
        {"id": 1, "method": "remember", "params": ["text"]},
        {"id": 1, "method": "remember", "params": {"text": 5}},
        {"id": 1, "method": "remember", "params": {"text": "x", "more": 1}},
        {"id": 1, "method": "recall", "params": {"query": "x", "k": "many"}},
        {"id": 1, "method": "ask", "params": {"request": {"text": "x", "attended": "yes"}}},
        {"id": 1, "method": "ask", "params": {}},
        {"id": 1, "method": "pull_model", "params": {"model_id": ["x"]}},
    ],
    ids=json.dumps,
)
def test_a_wrong_command_is_answered_with_a_sentence(shared: Serving, frame: dict[str, Any]) -> None:
    with front_end(shared) as connection:
        error = asked(connection, frame)["error"]
        assert error["sentence"].endswith(".") and "Traceback" not in error["sentence"]
        assert "result" in asked(connection, {"id": 2, "method": "list_grants"})


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One agent for the tests that only break its front ends."""
    folder = tmp_path_factory.mktemp("shared")
    program = Program(folder / "home", folder / "user")
    agent = program.serve()
    yield agent
    ended = agent.stop()
    assert ended.code == 0
    assert "Traceback" not in ended.err, ended.err


async def test_the_turn_of_a_front_end_that_died_is_stopped(talker: Program) -> None:
    agent = talker.serve()
    async with attached(agent) as other, contextlib.aclosing(other.watch()) as watch:
        states: list[str] = []

        async def until_ready() -> None:
            async for event in watch:
                if isinstance(event, ModelStateChanged):
                    states.append(event.state)
                    if event.state == "ready":
                        return

        watching = asyncio.create_task(until_ready())
        await asyncio.sleep(0)
        await other.status()  # sent after it, so we are heard from here on
        asking = subprocess.Popen(
            talker.command("ask", STORY.text), env=talker.environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert asking.stdout is not None
        assert await asyncio.to_thread(asking.stdout.read, 1), "the answer has begun"
        asking.kill()
        asking.communicate()
        await asyncio.wait_for(watching, DEADLINE_S)
        assert states[-2:] == ["busy", "ready"]
        async with asyncio.timeout(DEADLINE_S):  # the model is ready before what it had said is kept
            while (session := await other.latest_session()) is None or len(session.messages) < 2:
                await asyncio.sleep(0)
        # The whole story has some thousand characters.
        assert [message.role for message in session.messages] == ["user", "assistant"]
        assert len(session.messages[1].text) < 1500
        events = [event async for event in other.ask(AskRequest("Say hello."))]
        assert isinstance(events[-1], TurnFinished)
