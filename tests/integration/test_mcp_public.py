"""Public MCP servers from the registries, as a user runs them: three over stdio in their jail, two over HTTP.

mcp-server-time, mcp-server-git and mcp-server-fetch are the protocol's own reference servers (PyPI), the server of the
Shanghai Library speaks streamable HTTP without the SDK; one of the SDK's own stands for those that answer with events.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the jail is Linux's", allow_module_level=True)

from hostile_web import Exchange, HostileServer, certificate, client_side, server_side
from mcp_room import BESIDE, Room, installed

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.security.broker.dialling import Dialler
from openclaw_desktop.service.mcp.desk import McpDesk
from openclaw_desktop.tools.mcp.form import Server
from openclaw_desktop.workers.keeper import namespaces_work
from openclaw_desktop.workers.sandbox import bpf, landlock

pytestmark = pytest.mark.skipif(
    not landlock.kernel_abi() or not bpf.available(), reason="this kernel has no jail to test"
)
# The SDK's own server, as its documentation writes it: an answer comes as events, in a session.
EVENTS = """
import sys
from mcp.server.mcpserver import Context, MCPServer
server = MCPServer("events")

@server.tool()
async def count(to: int, ctx: Context) -> str:
    for step in range(to):
        await ctx.report_progress(step, to)
    return f"counted to {to}"

@server.tool()
def who(ctx: Context) -> str:
    return ctx.headers.get("authorization", "nobody") if ctx.headers else "nobody"

server.run(transport="streamable-http", port=int(sys.argv[1]))
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@asynccontextmanager
async def serving(*argv: str, port: int) -> AsyncIterator[None]:
    """Run a server until the block ends; it is up when it says on stderr where it listens."""
    process = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    try:
        while f":{port}".encode() not in (line := await process.stderr.readline()):
            assert line, "the server ended"
        yield
    finally:
        process.kill()
        await process.wait()


async def test_the_time_server(tmp_path: Path) -> None:
    room = Room(tmp_path, installed("mcp-server-time", "--local-timezone=UTC"))
    assert await room.approve("time") == ("convert_time", "get_current_time")
    answer = await room.call(
        "time", "convert_time", source_timezone="UTC", time="12:00", target_timezone="Asia/Tokyo"
    )  # fmt: skip
    assert json.loads(answer.text)["time_difference"] == "+9.0h" and answer.data["time_difference"] == "+9.0h"
    wrong = await room.call("time", "convert_time", source_timezone="Nowhere", time="12:00", target_timezone="UTC")
    assert wrong.failed and "Nowhere" in wrong.text
    await room.servers.stop()


async def test_the_git_server_sees_the_one_repository_that_it_was_given(tmp_path: Path) -> None:
    for name in ("given", "other"):
        folder = tmp_path / name
        for words in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", f"first of {name}")):
            identity = ("-c", "user.name=A", "-c", "user.email=a@b.c")
            subprocess.run(["git", *identity, *words] if words[0] != "init" else ["git", "init", "-q", str(folder)],
                           check=True, cwd=folder if words[0] != "init" else tmp_path)  # fmt: skip
    room = Room(tmp_path, installed("mcp-server-git", read=(str(tmp_path / "given"),)))
    assert "git_log" in await room.approve("git")
    effects = {tool.spec.name: tool.spec.effect for tool in room.servers.tools()}
    # Its own hints: git_reset destroys, which makes it stricter; that others only read is its word alone.
    assert effects["git_git_reset"] == "guarded" and effects["git_git_log"] == "outbound"
    log = await room.call("git", "git_log", repo_path=str(tmp_path / "given"))
    assert not log.failed and "first of given" in log.text
    other = await room.call("git", "git_log", repo_path=str(tmp_path / "other"))
    assert other.failed and "first of other" not in other.text
    await room.servers.stop()


async def test_the_fetch_server_reaches_the_one_host_that_it_was_given(tmp_path: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        if exchange.path == "/robots.txt":
            await exchange.say("User-agent: *\nAllow: /", kind="text/plain")
        else:
            await exchange.say("<html><body><p>a page behind the proxy</p></body></html>")

    place = certificate(tmp_path, "localhost")
    async with HostileServer(answer, server_side(place)) as web:
        page = f"https://localhost:{web.port}/page"
        alone = installed("mcp-server-fetch")
        env = {"SSL_CERT_FILE": str(place)}
        given = Server(
            "given", alone.command, env, network="hosts", hosts=(f"localhost:{web.port}",), read=(str(place),)
        )
        room = Room(tmp_path, alone, given, dialler=Dialler(trust=client_side(place)))
        if namespaces_work():
            assert await room.approve("given") == ("fetch",)
            assert "a page behind the proxy" in (await room.call("given", "fetch", url=page, raw=True)).text
            seen = len(web.seen)
            elsewhere = await room.call("given", "fetch", url="https://example.com/")
            assert elsewhere.failed and len(web.seen) == seen
        else:  # no network of its own: it is refused, not let out
            with pytest.raises(UserError, match="jail"):
                await room.approve("given")
            assert web.seen == []
        await room.servers.stop()


async def test_a_public_server_over_http(tmp_path: Path) -> None:
    port = free_port()
    argv = (str(BESIDE / "shanghai-library-open-data-mcp"), "--transport", "http", "--port", str(port))
    async with serving(*argv, port=port):
        form = {"mcpServers": {"library": {"type": "http", "url": f"http://127.0.0.1:{port}/mcp"}}}
        room = Room(tmp_path)
        desk = McpDesk(room.servers, ())
        from openclaw_desktop.service.mcp.views import McpWalls

        (view,) = await desk.add(json.dumps(form), "", McpWalls())
        assert view.state == "waits" and view.title.startswith("shanghai-library") and view.network == "hosts"
        assert room.servers.tools() == ()
        assert (await desk.approve("library", view.fingerprint)).state == "ready"
        answer = await room.call("library", "slc_endpoints")
        assert json.loads(answer.text)["count"] > 50
        assert [finding.level for finding in await desk.findings()] == ["ok"]
    # It goes away: the call says so, the doctor too, and other tools go on.
    with pytest.raises(UserError):
        await room.call("library", "slc_endpoints")
    await room.servers.end("library")
    (finding,) = await desk.findings()
    assert finding.level == "warning" and "library" in finding.sentence
    assert desk.status().down.keys() == {"library"}
    await room.servers.stop()


async def test_a_server_that_answers_with_events(tmp_path: Path) -> None:
    port = free_port()
    headers = {"Authorization": "Bearer secret:token"}
    async with serving(sys.executable, "-c", EVENTS, str(port), port=port):
        server = Server("events", url=f"http://127.0.0.1:{port}/mcp", headers=headers)
        room = Room(tmp_path, server, secrets={("token", "127.0.0.1"): "tok-canary-77"})
        assert await room.approve("events") == ("count", "who")
        assert (await room.call("events", "count", to=3)).text == "counted to 3"
        # The secret went there, put in by the broker, and came back in nothing.
        assert (await room.call("events", "who")).text == "Bearer [secret:token]"
        await room.servers.stop()
