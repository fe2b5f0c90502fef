"""What grants cover, and what is never granted for good."""

import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import ToolCall, ToolSpec
from openclaw_desktop.security.gate import Grant, decide, decide_reach, fits
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.security.programs import is_runner
from openclaw_desktop.security.scopes import wanted_scopes
from openclaw_desktop.storage.database import Database
from openclaw_desktop.tools.desktop_tools import OpenAddressTool

UNTRUSTED = Label("untrusted", "private", ("web:https://evil.test/",))
RUN = ToolSpec("run_command", "", {}, "local-irreversible", "process:run", ("argv", "cwd"))
FETCH = ToolSpec("fetch_page", "", {}, "outbound", "network:fetch", ("url",))
OPEN = OpenAddressTool.spec
WRITE = ToolSpec("write_file", "", {}, "local-reversible", "file:write", ("path",))
MOVE = ToolSpec("move_file", "", {}, "local-reversible", "file:write", ("path", "to"))
CLIP = ToolSpec("read_clipboard", "", {}, "read", "clipboard:read")
MAIL = ToolSpec("send_mail", "", {}, "outbound", "mail:send", ("to",))
MCP = ToolSpec("files_read", "", {}, "outbound", "mcp:call", ("path",), source="mcp:files")


RUNNERS_SEEN = (
    "sh bash /bin/dash python python3 python3.11 /usr/bin/perl5.36 node env sudo xargs find busybox awk gawk ssh "
    "git tar vim less ld-linux-x86-64.so.2 cmd.exe PowerShell.exe timeout nohup systemd-run make npx docker"
)


def ls(word: str) -> dict[str, Any]:
    return {"argv": ["/usr/bin/ls", word], "cwd": "/w"}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[GrantStore]:
    database = await Database.open(tmp_path / "a.db")
    yield GrantStore(database, (tmp_path / "agent",))
    await database.close()


def covered(tool: ToolSpec, arguments: Mapping[str, Any], *grants: tuple[str, str]) -> bool:
    return fits(ToolCall("c", tool.name, arguments), tool, frozenset(Grant(*grant) for grant in grants))


@pytest.mark.parametrize(
    ("tool", "arguments", "grants", "inside"),
    [
        (RUN, ls("-l"), [("process:run", "/usr/bin/ls -l"), ("file:read", "/w")], True),
        (RUN, ls("-l"), [("process:run", "/usr/bin/ls -l")], False),
        (RUN, ls("-a"), [("process:run", "/usr/bin/ls -l"), ("file:read", "/w")], False),
        (RUN, ls("a"), [("process:run", "/usr/bin/ls *"), ("file:read", "/w")], True),
        (RUN, ls("-a"), [("process:run", "/usr/bin/ls *"), ("file:read", "/w")], False),
        (RUN, {"argv": ["/bin/sh", "-c"], "cwd": "/w"}, [("process:run", "/bin/sh -c"), ("file:read", "/w")], False),
        (RUN, {"argv": "/usr/bin/ls -l", "cwd": "/w"}, [("process:run", "/usr/bin/ls -l"), ("file:read", "/w")], False),
        (FETCH, {"url": "https://a.test/x"}, [("network:fetch", "a.test")], True),
        (FETCH, {"url": "https://b.a.test/x"}, [("network:fetch", "*.a.test")], True),
        (FETCH, {"url": "https://a.test.evil.test/x"}, [("network:fetch", "a.test")], False),
        (FETCH, {"url": "https://a.test@evil.test/"}, [("network:fetch", "a.test")], False),
        (OPEN, {"url": "https://a.test/x"}, [("browser:open", "a.test")], True),
        (OPEN, {"url": "https://a.test/x"}, [("network:fetch", "a.test")], False),
        (FETCH, {"url": "https://a.test/x"}, [("browser:open", "a.test")], False),
        (MOVE, {"path": "/w/a", "to": "/w/b"}, [("file:write", "/w")], True),
        (MOVE, {"path": "/w/a", "to": "/x/b"}, [("file:write", "/w")], False),
        (MOVE, {"path": "/w/a"}, [("file:write", "/")], False),
        (WRITE, {"path": "/w/a"}, [("file:read", "/w")], False),
        (CLIP, {}, [("clipboard:read", "*")], True),
        (CLIP, {}, [("clipboard:write", "*")], False),
        (MAIL, {"to": ["ana@x.test"]}, [("mail:send", "ana@x.test")], True),
        (MAIL, {"to": ["ana@x.test", "eve@x.test"]}, [("mail:send", "ana@x.test")], False),
        (MAIL, {"to": []}, [("mail:send", "ana@x.test")], False),
        (MCP, {"path": "/x"}, [("mcp:call", "files/files_read")], True),
        (MCP, {"path": "/x"}, [("mcp:call", "other/*")], False),
    ],
)  # fmt: skip
def test_what_a_grant_of_each_capability_covers(
    tool: ToolSpec, arguments: Mapping[str, Any], grants: list[tuple[str, str]], inside: bool
) -> None:
    assert covered(tool, arguments, *grants) is inside


@pytest.mark.parametrize(
    "program",
    RUNNERS_SEEN.split(),
)
def test_r8_an_interpreter_wrapper_or_shell_runs_others(program: str) -> None:
    assert is_runner(program)


@pytest.mark.parametrize("program", ["ls", "/usr/bin/wc", "date", "uname", "sha256sum"])
def test_a_plain_program_does_not(program: str) -> None:
    assert not is_runner(program)


@pytest.mark.parametrize(
    "command",
    ["sh -c ls", "python3 x.py", "env ls", "find . -exec rm", "git status", "*", "", "'", "no-such-program-x"],
)
async def test_r8_none_of_them_is_granted(store: GrantStore, command: str) -> None:
    with pytest.raises(UserError):
        await store.add("process:run", command)
    assert await store.list() == ()


async def test_r8_neither_under_another_name_nor_as_a_script(
    store: GrantStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "harmless").symlink_to("/bin/sh")
    script = tmp_path / "script"
    script.write_text("#!/bin/true\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for command in ("harmless", "script"):
        with pytest.raises(UserError):
            await store.add("process:run", command)


async def test_a_command_is_kept_with_its_real_path(store: GrantStore) -> None:
    kept = await store.add("process:run", "uname -a")
    assert kept.grant.scope.startswith("/")
    assert kept.grant.scope.endswith("/uname -a")


@pytest.mark.parametrize(
    ("capability", "scope"),
    [
        ("clipboard:read", "all"), ("mcp:call", "*"), ("mcp:call", "a/b/c"), ("network:fetch", "*"),
        ("browser:open", "*"),
        ("mail:send", "*"), ("mail:send", "a\nb"), ("nothing:known", "x"), ("file:write", "/no/such/folder"),
    ],
)  # fmt: skip
async def test_a_scope_that_makes_no_sense_is_refused(store: GrantStore, capability: str, scope: str) -> None:
    with pytest.raises(UserError):
        await store.add(capability, scope)


async def test_r11_no_grant_opens_the_agents_own_files(store: GrantStore, tmp_path: Path) -> None:
    (tmp_path / "agent" / "plugins").mkdir(parents=True)
    for capability in ("file:read", "file:write", "file:own"):
        with pytest.raises(UserError) as refused:
            await store.add(capability, str(tmp_path / "agent" / "plugins"))
        assert refused.value.failure.code == "own_folder"


async def test_others_folders_are_never_the_users_own_words(
    store: GrantStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    clone = tmp_path / "clone"
    for folder in (tmp_path / "Downloads" / "x", clone / ".git", clone / "sub", tmp_path / "mine", tmp_path / "tmp"):
        folder.mkdir(parents=True)
    (clone / ".git" / "config").write_text('[remote "origin"]\n')
    for refused in (tmp_path / "Downloads" / "x", clone / "sub", tmp_path / "tmp"):
        with pytest.raises(UserError):
            await store.add("file:own", str(refused))
    assert (await store.add("file:own", str(tmp_path / "mine"))).grant.scope == str(tmp_path / "mine")


def test_a_change_outside_every_grant_is_asked_about_though_it_can_be_undone() -> None:
    call, grant = ToolCall("c", "write_file", {"path": "/w/a"}), frozenset({Grant("file:write", "/w")})
    assert decide(USER, call, WRITE, frozenset(), True).action == "allow", "the table itself stays as it is"
    for context in (USER, UNTRUSTED):
        outside = decide_reach(context, call, WRITE, frozenset(), True)
        assert outside is not None
        assert (outside.action, outside.standing) == ("ask", context is USER)
        unattended = decide_reach(context, call, WRITE, frozenset(), False)
        assert unattended is not None
        assert unattended.action == "park"
        assert decide_reach(context, call, WRITE, grant, False) is None


def test_r8_no_standing_scope_is_offered_for_a_runner_and_a_host_for_a_page() -> None:
    assert wanted_scopes(ToolCall("c", "run_command", {"argv": ["/bin/bash", "x"]}), RUN) == ()
    assert wanted_scopes(ToolCall("c", "run_command", {"argv": ["/bin/ls", "my dir"]}), RUN) == ("/bin/ls 'my dir'",)
    assert wanted_scopes(ToolCall("c", "fetch_page", {"url": "https://a.test/x"}), FETCH) == ("a.test",)
    assert wanted_scopes(ToolCall("c", "move_file", {"path": "/w/a", "to": "/x/b"}), MOVE) == ("/w", "/x")
