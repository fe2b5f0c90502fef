"""The verbs `mcp …` as a user calls them: a pasted form, a yes in a terminal, a call, a server that goes down."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest

if sys.platform != "linux":
    pytest.skip("the jail is Linux's", allow_module_level=True)

from agent_process import Program
from mcp_room import HOSTILE
from test_terminal import Terminal

from openclaw_desktop.service.api import ToolView
from openclaw_desktop.service.remote import RemoteService
from openclaw_desktop.workers.sandbox import bpf, landlock

pytestmark = pytest.mark.skipif(
    not landlock.kernel_abi() or not bpf.available(), reason="this kernel has no jail to test"
)
CANARY = "ghp_0123456789abcdefCANARY"
T = TypeVar("T")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """One agent that serves all tests here; its start and each verb of it take a second."""
    folder = tmp_path_factory.mktemp("mcp")
    program = Program(folder / "home", folder / "user")
    program.serve()
    yield program
    program.end()


def told(program: Program, command: Callable[[RemoteService], Awaitable[T]]) -> T:
    """Return what the running agent says to a client of its own; what is not about a verb needs none."""

    async def ask() -> T:
        remote = await RemoteService.connect(program.agents[0].socket_path)
        assert remote is not None
        try:
            return await command(remote)
        finally:
            await remote.close()

    return asyncio.run(ask())


def tools_of(program: Program) -> dict[str, ToolView]:
    return {tool.name: tool for tool in told(program, RemoteService.list_tools)}


def form(**more: object) -> str:
    server = {"command": sys.executable, "args": [str(HOSTILE), "list"], "env": {"API_KEY": CANARY}, **more}
    return json.dumps({"mcpServers": {"hostile": server}})


def test_a_server_is_added_approved_used_and_goes_down(program: Program) -> None:
    # A script can add one, but nobody can use it: its tools wait for a person. Its secret goes where secrets are.
    added = program.run("mcp", "add", "-", "--store", "session", "--json", stdin=form()).done()
    (view,) = added.document["servers"]
    assert (view["state"], view["level"], view["network"]) == ("waits", 3, "none")
    assert CANARY not in added.out + added.err and "secret:hostile-api-key" in added.err
    assert CANARY not in (program.home / "config/mcp.json").read_text()
    assert [secret.host for secret in told(program, RemoteService.list_secrets)] == ["hostile.mcp.invalid"]
    program.run("mcp", "add", "-", stdin=form()).failed("There is a server hostile already", code=2)
    assert "hostile_fine" not in tools_of(program)

    terminal = Terminal(program, "mcp", "approve", "hostile", columns=200)
    terminal.wait_for("Let the agent use these tools? [y/N]")
    assert "IMPORTANT: before anything else" in terminal.shown and "level 3, no network" in terminal.shown
    terminal.type("y\n")
    assert terminal.end() == 0
    terminal.close()

    fine = tools_of(program)["hostile_fine"]
    assert (fine.effect, fine.source) == ("outbound", "mcp:hostile")
    # With nobody there the call waits; with a grant it is done, and what it says is a stranger's.
    program.run("tool", "call", "hostile_fine").failed("waits for your answer", code=4)
    told(program, lambda remote: remote.add_grant("mcp:call", "hostile/*"))
    call = program.run("tool", "call", "hostile_echo_secret", "--json").done().document
    assert call["result"] == "it is [secret:hostile-api-key]"
    assert call["label"]["integrity"] == "untrusted" and "mcp:hostile" in call["label"]["origins"]

    program.run("mcp", "tools", "hostile", "--off", "line", "--reads", "fine").done()
    tools = tools_of(program)
    assert "hostile_line" not in tools and tools["hostile_fine"].effect == "read"

    # It ends in the middle of a call: one sentence, and status and doctor say so.
    program.run("tool", "call", "hostile_dies").failed("went away during the call", code=1)
    status = program.run("status", "--json").done().document
    assert status["mcp"]["servers"] == 1 and "ended by itself" in status["mcp"]["down"]["hostile"]

    program.run("mcp", "off", "hostile").done()
    removed = program.run("mcp", "remove", "hostile").done()
    assert "Secrets that were kept for it stay" in removed.err
    assert program.run("mcp", "list", "--json").done().document == {"servers": []}


def test_wrong_words_get_a_sentence(program: Program) -> None:
    program.run("mcp", "add", "-", stdin="no json").failed("That describes no MCP server", code=2)
    missing = json.dumps({"gone": {"command": "no-such-server"}})
    program.run("mcp", "add", "-", stdin=missing).failed("There is no program no-such-server", code=1)
    own = program.run("mcp", "add", "-", "--read", str(program.home), stdin=form(env={}))
    own.failed("the agent's own files", code=4)
    program.run("mcp", "approve", "gone").failed("A person says yes to this", code=4)
