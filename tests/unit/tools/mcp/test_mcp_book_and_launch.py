"""The file of servers, and what a server's jail leaves it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.tools.mcp.book import McpBook
from openclaw_desktop.tools.mcp.form import Server
from openclaw_desktop.tools.mcp.launch import bridge_program, find_program, named_paths, opening, script_places
from openclaw_desktop.tools.mcp.link import Answer
from openclaw_desktop.tools.mcp.offers import Offer
from openclaw_desktop.tools.mcp.tool import McpTool

OFFER = Offer("look", "looks", {"type": "object", "properties": {}}, destructive=True)
FULL = Server(
    "files", ("node", "server.js"), {"KEY": "secret:key"}, read=("/a",), write=("/b",), network="hosts",
    hosts=("example.com",), on=False, timeout_s=5.0, off=("x",), reads=("y",), tools=(OFFER,), offered=(OFFER, OFFER),
)  # fmt: skip


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    book = McpBook(tmp_path / "mcp.json")
    assert book.servers() == {}
    remote = Server("api", url="https://e.com/mcp", headers={"A": "b"})
    book.put(FULL, remote)
    assert (tmp_path / "mcp.json").stat().st_mode & 0o777 == 0o600
    again = McpBook(tmp_path / "mcp.json")
    assert again.servers() == {"api": remote, "files": FULL}
    assert again.servers() is again.servers()
    # Another process changed the file: it is read again.
    book.change("api", lambda server: replace(server, on=False))
    assert not again.get("api").on
    book.remove("files")
    assert again.servers().keys() == {"api"}
    with pytest.raises(UserError, match="There is no MCP server files"):
        again.get("files")


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"servers": []}', '{"servers": {"a": {}}}', '{"servers": {"../a": {"network": "none", "on": true}}}',
     '{"servers": {"a": {"network": "all", "on": true}}}',
     '{"servers": {"a": {"network": "none", "on": true, "x": 1}}}',
     '{"servers": {"a": {"network": "none", "on": true, "tools": [{"x": 1}]}}}',
     '{"servers": {"a": {"network": "none", "on": true}}}',
     '{"servers": {"a": {"network": "none", "on": true, "command": "python"}}}',
     '{"servers": {"a": {"network": "none", "on": true, "command": ["x", 1]}}}',
     '{"servers": {"a": {"network": "none", "on": true, "command": ["x"], "env": null}}}',
     '{"servers": {"a": {"network": "none", "on": true, "command": ["x"], "env": {"A": 1}}}}',
     '{"servers": {"a": {"network": "none", "on": true, "command": ["x"], "timeout_s": "1"}}}',
     '{"servers": {"a": {"network": "none", "on": true, "command": ["x"], "url": "https://e.com/"}}}'],
)  # fmt: skip
def test_a_damaged_file_is_told_and_never_written_over(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mcp.json"
    path.write_text(text)
    with pytest.raises(UserError, match="can't be read"):
        McpBook(path).put(FULL)
    assert path.read_text() == text


def test_a_command_is_given_its_program_and_its_script_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    (folder / "venv/bin").mkdir(parents=True)
    (folder / "venv/lib").mkdir()
    (folder / "venv/private").mkdir()
    (folder / "app").mkdir()
    script = folder / "app/main.py"
    script.write_text("print()")
    program = folder / "venv/bin/tool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    jail = bridge_program(Server("a", (str(program), str(script))), ()).jail
    real = Path(os.path.realpath(folder))
    assert {str(real / "venv/bin"), str(real / "venv/lib")} <= set(jail.run)
    assert str(real / "app") in jail.read and jail.write == ()
    assert not any(str(real / place) in (*jail.read, *jail.run) for place in ("venv", "venv/private", "."))
    assert (jail.network, jail.port) == ("none", 0)
    given = Server("a", (str(program),), network="hosts", hosts=("e.com",), read=("/usr/share",))
    assert bridge_program(given, ()).jail.network == "proxy" and "/usr/share" in bridge_program(given, ()).jail.read
    assert bridge_program(Server("a", url="https://e.com"), ()).jail.network == "none"
    assert named_paths(Server("a", ("x", str(folder), str(script), "/no/such"))) == (str(folder),)
    assert named_paths(Server("a", ("x", str(folder)), read=(str(real),))) == ()


def test_a_script_in_a_folder_that_holds_too_much_is_given_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    script = tmp_path / "server.py"
    script.write_text("")
    jail = bridge_program(Server("a", (sys.executable, str(script))), ()).jail
    assert str(script.resolve()) in jail.read and str(tmp_path.resolve()) not in jail.read


def test_a_link_that_calls_itself_a_script_opens_no_other_folder(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/id").write_text("private")
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent/hook.py").write_text("")
    (tmp_path / "server.py").symlink_to(tmp_path / "keys/id")
    own = (tmp_path / "agent",)
    assert script_places((str(tmp_path / "server.py"), str(tmp_path / "agent/hook.py")), own) == ()
    jail = bridge_program(Server("a", (sys.executable, str(tmp_path / "server.py"))), own).jail
    assert not any(path.startswith(str(tmp_path)) for path in (*jail.read, *jail.run))
    (tmp_path / "away").symlink_to(own[0])
    with pytest.raises(UserError, match="the agent's own files"):
        bridge_program(Server("a", (sys.executable,), read=(str(tmp_path / "away"),)), own)


@pytest.mark.parametrize(
    "word", ["/" + "x" * 300, "/" + "x" * 300 + ".py", "~nobody-of-that-name/a.py", "~/" + "x" * 300]
)
def test_words_of_a_command_that_are_no_paths_are_none(word: str) -> None:
    server = Server("a", (sys.executable, word))
    assert named_paths(server) == () and script_places((word,), ()) == ()
    bridge_program(server, ())
    with pytest.raises(UserError, match="There is no program"):
        find_program(word)


def test_what_may_not_be_looked_at_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> bool:
        raise PermissionError

    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refuse)
        assert str(program) in bridge_program(Server("a", (str(program),)), ()).jail.run
    monkeypatch.setattr(Path, "stat", refuse)
    assert named_paths(Server("a", ("x", "/root/secret", "/root/x.py"))) == ()
    with pytest.raises(UserError, match="There is no program"):
        find_program("/root/tool")


async def test_what_may_leave_this_machine_never_only_reads() -> None:
    async def no_call(name: str, tool: str, arguments: Mapping[str, Any], timeout_s: float) -> Answer:
        raise AssertionError

    offer = Offer("look", "looks", {"type": "object", "properties": {"text": {"type": "string"}}})
    servers = {
        "read": Server("a", ("x",), reads=("look",)),
        "outbound": Server("a", ("x",), reads=("look",), network="hosts", hosts=("e.com",)),
        "outbound ": Server("a", ("x",), reads=("look",), network="full"),
        "outbound  ": Server("a", url="https://e.com/mcp", reads=("look",)),
    }
    told = set()
    for effect, server in servers.items():
        tool = McpTool(server, offer, no_call)
        assert (tool.spec.effect, tool.spec.authority) == (effect.strip(), ("text",))
        assert tool.spec.capability == "mcp:call" and tool.spec.source == "mcp:a"
        told.add(await tool.preview(ToolCall("c", tool.spec.name, {}), CallScene("s", "t", USER)))
    assert len(told) == 4 and any("level 1" in words for words in told)


def test_no_server_gets_the_agents_own_folders(tmp_path: Path) -> None:
    own = tmp_path / "agent"
    own.mkdir()
    for path in (own, own / "data", tmp_path):
        for grant in ({"read": (str(path),)}, {"write": (str(path),)}):
            with pytest.raises(UserError, match="the agent's own files"):
                bridge_program(Server("a", (sys.executable,), **grant), (own,))  # type: ignore[arg-type]


def test_a_server_is_told_what_it_was_given_and_none_of_our_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "ours")
    server = Server("a", (sys.executable, "-V"), {"REGION": "eu", "KEY": "secret:key"})
    told = opening(server, {"KEY": "value"}, "http://jail:token@127.0.0.1:8118")
    assert told["env"]["KEY"] == "value" and told["env"]["REGION"] == "eu" and "OPENAI_API_KEY" not in told["env"]
    assert told["env"]["HTTPS_PROXY"].endswith("@127.0.0.1:8118")
    assert "HTTPS_PROXY" not in opening(server, {})["env"]
    assert opening(Server("a", url="https://e.com/mcp"), {}) == {"kind": "http", "url": "https://e.com/mcp"}
    with pytest.raises(UserError, match="There is no program"):
        find_program("no-such-program-anywhere")
