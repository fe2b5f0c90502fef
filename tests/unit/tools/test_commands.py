"""The command tool: words, not lines for a shell; granted folders alone; what is asked is what runs."""

from pathlib import Path

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.tools.arguments import find_problem
from openclaw_desktop.tools.commands import RunCommandTool, stopped_sentence
from openclaw_desktop.tools.path_finder import PathFinder
from openclaw_desktop.workers.programs import Ended, Program, ProgramResult
from openclaw_desktop.workers.tool_host import CallFailed

SCENE = CallScene("s", "t", USER)


class Grants:
    def __init__(self, *grants: Grant) -> None:
        self.grants = frozenset(grants)

    async def active(self) -> frozenset[Grant]:
        return self.grants

    def check(self, path: Path) -> None:
        pass


class Programs:
    """Stands in for the tool worker; its real counterpart is tests/integration/test_jailed_programs.py."""

    def __init__(self, result: ProgramResult | None = None) -> None:
        self.result = result
        self.ran: list[Program] = []

    async def run(self, program: Program) -> ProgramResult:
        self.ran.append(program)
        if self.result is None:
            raise CallFailed("jail", "no jail here")
        return self.result


def done(exit_code: int | None = 0, stdout: str = "out\n", stderr: str = "", ended: Ended = "exit") -> ProgramResult:
    return ProgramResult(exit_code, stdout, stderr, False, ended, True)


def make(folder: Path, capability: str = "file:write", result: ProgramResult | None = None) -> RunCommandTool:
    grants = Grants(Grant(capability, str(folder)))
    tool = RunCommandTool(Programs(result or done()), PathFinder(grants, folder), grants, (folder.parent / "agent",))
    tool.ran = tool._programs.ran  # type: ignore[attr-defined]
    return tool


def call(folder: Path | str, *argv: str, **more: object) -> ToolCall:
    return ToolCall("c", "run_command", {"argv": list(argv), "folder": str(folder), **more})


async def code_of(tool: RunCommandTool, wanted: ToolCall) -> str:
    with pytest.raises(UserError) as caught:
        await tool.freeze(wanted, SCENE)
    return caught.value.failure.code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


async def test_the_frozen_call_has_the_whole_program_and_what_it_may_do(folder: Path) -> None:
    frozen = await make(folder).freeze(call(folder, "ls", "-l; rm -rf ~"), SCENE)
    assert Path(frozen.arguments["argv"][0]).is_absolute()
    assert frozen.arguments["argv"][1:] == ["-l; rm -rf ~"]  # one word, whatever is in it
    assert frozen.arguments["access"] == "read and change"
    assert "network" not in frozen.arguments
    assert await make(folder).freeze(call(folder, "ls", "-l; rm -rf ~", network=False), SCENE) == frozen
    assert await make(folder).freeze(frozen, SCENE) == frozen


async def test_where_only_reading_is_granted_it_only_reads(folder: Path) -> None:
    tool = make(folder, "file:read")
    frozen = await tool.freeze(call(folder, "ls"), SCENE)
    await tool.run(frozen, SCENE)
    (program,) = tool.ran  # type: ignore[attr-defined]
    assert (program.jail.read, program.jail.write, program.jail.network) == ((str(folder),), (), "none")
    assert "only read" in await tool.preview(frozen, SCENE)


async def test_the_network_is_there_only_where_the_call_says_so(folder: Path) -> None:
    tool = make(folder)
    frozen = await tool.freeze(call(folder, "ls", network=True), SCENE)
    await tool.run(frozen, SCENE)
    (program,) = tool.ran  # type: ignore[attr-defined]
    assert program.jail.network == "full"
    assert "network" in await tool.preview(frozen, SCENE)
    assert "network" in tool.spec.authority


async def test_no_program_no_folder_no_grant(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (folder / "file").write_text("x")
    assert await code_of(make(folder), call(folder, "no-such-program")) == "no_such_program"
    assert await code_of(make(folder), call(folder, "ls; pwd")) == "no_such_program"
    assert await code_of(make(folder), call(folder, "./" + "x" * 300)) == "no_such_program"
    assert await code_of(make(folder), call(folder, "ls", "a\0b")) == "bad_words"
    assert await code_of(make(folder), call(folder, "ls", "\ud800")) == "bad_words"
    assert await code_of(make(folder), call(folder / "file", "ls")) == "not_folder"
    assert await code_of(make(folder), call(tmp_path / "other", "ls")) == "folder_not_granted"


async def test_the_agent_s_own_files_are_never_below_a_command(folder: Path) -> None:
    (folder.parent / "agent").mkdir()
    assert await code_of(make(folder.parent / "work", "file:read"), call(folder.parent, "ls")) == "own_folder"


async def test_what_comes_back_is_untrusted_and_says_how_it_ended(folder: Path) -> None:
    tool = make(folder, result=done(3, "out\n", "why\n"))
    result = await tool.run(await tool.freeze(call(folder, "ls"), SCENE), SCENE)
    assert (result.label.integrity, result.label.confidentiality) == ("untrusted", "private")
    assert result.text == "exit code 3\nout\n[stderr]\nwhy"
    assert result.data["exit_code"] == 3
    assert result.success


async def test_a_long_output_is_cut_and_says_so(folder: Path) -> None:
    tool = make(folder, result=done(0, "line\n" * 10_000))
    result = await tool.run(await tool.freeze(call(folder, "ls"), SCENE), SCENE)
    assert result.text.endswith("[cut: there was more]")
    assert len(result.text) < 10_000


@pytest.mark.parametrize("ended", ["time", "output", "memory", "processes", "disk", "life"])
async def test_what_was_stopped_is_no_success(folder: Path, ended: Ended) -> None:
    tool = make(folder, result=done(None, ended=ended))
    result = await tool.run(await tool.freeze(call(folder, "ls"), SCENE), SCENE)
    assert not result.success
    assert result.error == stopped_sentence(ended, "ls", 60)
    assert "stopped" in result.error


async def test_without_a_jail_nothing_runs(folder: Path) -> None:
    grants = Grants(Grant("file:read", str(folder)))
    tool = RunCommandTool(Programs(), PathFinder(grants, folder), grants)
    with pytest.raises(UserError) as caught:
        await tool.run(await tool.freeze(call(folder, "ls"), SCENE), SCENE)
    assert "was not run" in caught.value.failure.sentence


@pytest.mark.parametrize(
    "arguments",
    [{}, {"argv": "ls -l", "folder": "."}, {"argv": [], "folder": "."}, {"argv": ["ls"]}, {"argv": [1], "folder": "."}],
)
def test_a_line_for_a_shell_is_no_call(arguments: dict[str, object]) -> None:
    assert find_problem(arguments, RunCommandTool.spec.parameters)
