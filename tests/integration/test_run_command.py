"""The command tool from the executor to a real program in a real jail."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the jail is Linux's", allow_module_level=True)

from openclaw_desktop.core.events import Question
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import CallOutcome, ToolCall
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.tools.arguments import find_problem
from openclaw_desktop.tools.commands import RunCommandTool
from openclaw_desktop.tools.execution import Executor
from openclaw_desktop.tools.path_finder import PathFinder
from openclaw_desktop.workers.sandbox import bpf, landlock
from openclaw_desktop.workers.tool_host import ToolHost

pytestmark = pytest.mark.skipif(
    not landlock.kernel_abi() or not bpf.available(), reason="this kernel has no jail to test"
)


class Grants:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def active(self) -> frozenset[Grant]:
        return frozenset({Grant("file:write", str(self.folder))})

    async def add(self, capability: str, scope: str) -> None:
        raise NotImplementedError

    def check(self, path: Path) -> None:
        pass


class Desk:
    def __init__(self, choice: str = "once") -> None:
        self.choice = choice
        self.asked: list[Question] = []

    async def __call__(self, question: Question) -> str:
        self.asked.append(question)
        return self.choice


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(os.path.realpath(tmp_path))


@pytest.fixture
async def executor(folder: Path) -> AsyncIterator[Executor]:
    host, grants = ToolHost(), Grants(folder)
    yield Executor([RunCommandTool(host, PathFinder(grants, folder), grants)], grants, find_problem)
    await host.stop()


async def run(executor: Executor, folder: Path, desk: Desk | None, *argv: str) -> CallOutcome:
    call = ToolCall("c", "run_command", {"argv": list(argv), "folder": str(folder)})
    outcome, _ = await executor(call, CallScene("s", "t", USER), desk)
    return outcome


async def test_a_command_is_asked_about_with_every_word_and_then_runs(executor: Executor, folder: Path) -> None:
    desk = Desk()
    outcome = await run(executor, folder, desk, "touch", "--", "a b; rm -rf x", "$HOME")
    assert outcome.status == "done"
    assert {path.name for path in folder.iterdir()} == {"a b; rm -rf x", "$HOME"}
    (question,) = desk.asked
    assert "$HOME" in question.target
    assert "touch" in question.target


async def test_a_no_and_an_empty_chair_run_nothing(executor: Executor, folder: Path) -> None:
    for desk in (Desk("no"), None):
        assert (await run(executor, folder, desk, "touch", "file")).status != "done"
    assert list(folder.iterdir()) == []


async def test_what_it_says_is_untrusted_and_it_reaches_nothing_else(executor: Executor, folder: Path) -> None:
    script = "echo here > file; cat file; cat /etc/passwd /root/.profile; getent hosts example.com; exit 5"
    outcome = await run(executor, folder, Desk(), "sh", "-c", script)
    assert outcome.status == "done"
    assert (outcome.result or "").startswith("exit code 5\nhere")
    assert "root:" not in (outcome.result or "")
    assert outcome.label.integrity == "untrusted"
    assert (folder / "file").read_text() == "here\n"


async def test_git_works_in_there(executor: Executor, folder: Path) -> None:
    assert (await run(executor, folder, Desk(), "git", "init", "-q", ".")).result == "exit code 0"
    assert "nothing to commit" in ((await run(executor, folder, Desk(), "git", "status")).result or "")
