"""What front ends may do with servers of MCP, where none needs to run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hostile_web import KeptSecrets

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.security.broker.dialling import Dialler
from openclaw_desktop.security.broker.fetching import Broker
from openclaw_desktop.service.mcp.desk import McpDesk
from openclaw_desktop.tools.mcp.book import McpBook
from openclaw_desktop.tools.mcp.form import Server
from openclaw_desktop.tools.mcp.link import Ways
from openclaw_desktop.tools.mcp.offers import Offer, fingerprint
from openclaw_desktop.tools.mcp.servers import McpServers

ONE, OTHER = (Offer("look", "looks", {"type": "object", "properties": {}}),), (Offer("look", "looks away"),)


def over(folder: Path, server: Server) -> McpServers:
    dialler = Dialler(KeptSecrets({}))
    servers = McpServers(McpBook(folder / "mcp.json"), Ways(Broker(dialler), dialler, KeptSecrets({})))
    servers.book.put(server)
    return servers


async def test_what_was_shown_is_what_is_approved(tmp_path: Path) -> None:
    servers = over(tmp_path, Server("a", ("x",), tools=ONE, offered=OTHER))
    desk = McpDesk(servers, ())
    for shown in (fingerprint(ONE), "", "x"):
        with pytest.raises(UserError, match="not the list of tools that was shown"):
            await desk.approve("a", shown)
    assert (await desk.approve("a", fingerprint(OTHER))).state == "ready"
    # Once more is no mistake: nothing else is allowed by it.
    assert (await desk.approve("a", fingerprint(OTHER))).state == "ready"
    with pytest.raises(UserError):
        await desk.approve("a", fingerprint(ONE))
    assert servers.book.get("a").tools == OTHER


async def test_what_a_server_may_read_because_its_script_is_there_is_shown(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    script = tmp_path / "app/server.py"
    script.write_text("")
    servers = over(tmp_path, Server("a", ("x", str(script)), read=("/usr/share",)))
    (view,) = McpDesk(servers, ()).list()
    assert view.read == ("/usr/share", str((tmp_path / "app").resolve()))


async def test_a_server_that_is_ended_while_another_call_waits_for_it_stays_known(tmp_path: Path) -> None:
    servers = over(tmp_path, Server("a", ("x",)))
    life = servers._life("a")
    life.failures, life.problem = 3, "It ended by itself."
    await servers.end("a")
    assert servers._life("a") is life and (life.failures, life.problem) == (0, "")
    servers.book.change("a", lambda server: replace(server, tools=ONE))
    assert servers.health(servers.book.get("a")).problem == ""
