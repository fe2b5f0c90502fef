"""The Git tool over real repositories, also over one that tries to have something started."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("the jail is Linux's", allow_module_level=True)
if shutil.which("git") is None:
    pytest.skip("not installed: git", allow_module_level=True)

from hostile_repository import TRAPS, git, make_hostile, make_plain, open_git

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import Question
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import CallOutcome, ToolCall
from openclaw_desktop.core.protocols import CallScene, ToolResult
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.tools.arguments import find_problem
from openclaw_desktop.tools.execution import Executor
from openclaw_desktop.tools.git import GitTool
from openclaw_desktop.tools.git_repository import git_argv
from openclaw_desktop.tools.path_finder import PathFinder
from openclaw_desktop.tools.warm_functions import HANDLERS
from openclaw_desktop.workers.programs import Program, ProgramResult
from openclaw_desktop.workers.sandbox import temporary
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail
from openclaw_desktop.workers.tool_host import ToolHost


class Grants:
    def __init__(self, *folders: Path) -> None:
        self.folders = folders

    async def active(self) -> frozenset[Grant]:
        return frozenset(Grant("file:read", str(folder)) for folder in self.folders)

    async def add(self, capability: str, scope: str) -> None:
        raise NotImplementedError

    def check(self, path: Path) -> None:
        pass


class NoWalls:
    """The same calls without any jail: what holds here holds by the closed configuration alone."""

    async def call(self, function: str, arguments: Mapping[str, Any], *, read: Sequence[Path], timeout_s: float) -> Any:
        return HANDLERS[function](**arguments)

    async def run(self, program: Program) -> ProgramResult:
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/nowhere", **program.environment}
        done = subprocess.run(
            program.argv, cwd=program.cwd, env=environment, input=program.stdin, capture_output=True, text=True,
            timeout=60, check=False, errors="replace",
        )  # fmt: skip
        return ProgramResult(done.returncode, done.stdout, done.stderr, False, "exit", False)


@pytest.fixture
def room(tmp_path: Path) -> Path:
    return Path(os.path.realpath(tmp_path))


@pytest.fixture
async def jails() -> AsyncIterator[ToolHost]:
    host = ToolHost()
    yield host
    await host.stop()


async def look(jails: Any, folder: Path, action: str, *granted: Path, **more: Any) -> ToolResult:
    grants = Grants(*(granted or (folder,)))
    tool = GitTool(jails, PathFinder(grants, folder), grants)
    scene = CallScene("s", "t", USER, result_tokens=6000)
    call = ToolCall("c", "git", {"action": action, "path": str(folder), **more})
    assert not find_problem(dict(call.arguments), tool.spec.parameters)
    return await tool.run(await tool.freeze(call, scene), scene)


async def test_status_log_and_diff_of_a_repository(room: Path, jails: ToolHost) -> None:
    folder = make_plain(room / "work")
    (folder / "notes.txt").write_text("one\n2\nthree\n")
    (folder / "new file.txt").write_text("x")
    git(folder, "rm", "-q", "--cached", "data.dat")
    said = await look(jails, folder, "status")
    assert said.text.startswith("Branch main.")
    assert "Staged:\n  data.dat (deleted)" in said.text
    assert "Changed, not staged:\n  notes.txt (changed)" in said.text
    assert "Not known to Git:\n  data.dat\n  new file.txt" in said.text
    assert (said.label.integrity, said.label.origins) == ("untrusted", (f"git:{folder}",))
    log = await look(jails, folder, "log", count=1)
    assert log.text.endswith("Ana: Count to three") and len(log.text.splitlines()) == 1
    diff = await look(jails, folder, "diff")
    assert "-two\n+2\n" in diff.text and "D data.dat (+0 -1)" in diff.text
    one = await look(jails, folder, "diff", revision="HEAD~1..HEAD", file="notes.txt")
    assert "+three" in one.text and "data.dat" not in one.text
    # A path below is about that path alone.
    (folder / "tests" / "test_sum.py").write_text("")
    below = await look(jails, folder / "tests", "diff", folder)
    assert "test_sum.py" in below.text and "notes.txt" not in below.text


async def test_a_review_names_what_is_worth_a_look(room: Path, jails: ToolHost) -> None:
    folder = make_plain(room / "work")
    key = "AKIA" + "ABCDEFGHIJKLMNOP"
    (folder / "tests" / "test_sum.py").write_text("def test_one():\n    assert 1\n")
    (folder / "notes.txt").write_text(f"one\n<<<<<<< mine\ntwo\n=======\nkey = {key}\nthree\n")
    (folder / "big.bin").write_bytes(b"\0" * 1_500_000)
    (folder / "Makefile").write_text("all:\n\techo TODO\n")
    said = await look(jails, folder, "review")
    for line in (
        "- notes.txt:2: a conflict mark was left", "- notes.txt:4: a conflict mark was left",
        "- notes.txt:5: this looks like a secret", "- tests/test_sum.py: tests were removed",
        "- big.bin: it is larger than 1 MB", "- Makefile: it is run without being called",
        "- Makefile:2: something is left to do",
    ):  # fmt: skip
        assert line in said.text, line
    assert key not in said.text.split("diff --git")[0], "where it is, not what it is"
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "All of it")
    committed = await look(jails, folder, "review", revision="HEAD")
    assert committed.data["findings"] and "larger than 1 MB" in committed.text
    assert "fixed rules found nothing" in (await look(jails, folder, "review", revision="HEAD~1")).text
    assert (await look(jails, folder, "review")).text == "Nothing is changed."


async def test_no_attribute_of_a_repository_hides_what_changed(room: Path, jails: ToolHost) -> None:
    folder = make_plain(room / "work")
    (folder / "notes.txt").write_text("one\ntwo\npassword = 'hunter2hunter2'\n")
    (folder / ".gitattributes").write_text("[attr]dull -diff -text\n*.txt binary\n*.txt dull\n")
    assert "Binary files" in open_git(folder, "diff", "HEAD"), "Git alone would not show it"
    said = await look(jails, folder, "review")
    assert "- notes.txt:3: this looks like a secret" in said.text and "(no text)" not in said.text
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Dull")
    assert "+password" in (await look(jails, folder, "diff", revision="HEAD")).text
    (folder / "data.dat").write_bytes(b"\0\1")
    assert "M data.dat (no text)" in (await look(jails, folder, "diff")).text, "what is no text is none"


async def test_what_its_user_set_for_a_repository_alone_still_holds(room: Path, jails: ToolHost) -> None:
    folder = make_plain(room / "work")
    (folder / ".git" / "info" / "attributes").write_text("notes.txt text")
    (folder / ".git" / "info" / "exclude").write_text("*.log\n")
    (folder / "notes.txt").write_bytes(b"one\r\ntwo\r\nthree\r\n")
    (folder / "data.dat").write_bytes(b"data\r\n")
    (folder / "own.log").write_text("x")
    assert "own.log" not in (await look(jails, folder, "status")).text
    said = (await look(jails, folder, "diff")).text
    assert "M data.dat (+1 -1)" in said and "+one" not in said, "line ends of notes.txt are no change"
    assert not list(Path(tempfile.gettempdir()).glob(f"openclaw-git-{os.getpid()}-*")), "nothing stays behind"


async def test_a_full_disk_is_a_sentence(room: Path, jails: ToolHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(kind: str) -> str:
        raise OSError(28, "No space left on device")

    folder = make_plain(room / "work")
    monkeypatch.setattr(temporary, "make", full)
    assert "could not be made ready: No space left" in (await look(jails, folder, "status")).error


async def test_a_new_repository_and_a_second_work_tree(room: Path, jails: ToolHost) -> None:
    new = room / "new"
    new.mkdir()
    git(new, "init", "-q", ".")
    assert (await look(jails, new, "log")).text == "There are no commits yet."
    (new / "a").write_text("a")
    assert "Not known to Git:\n  a" in (await look(jails, new, "status")).text
    assert "A a (+1 -0)" in (await look(jails, new, "review")).text
    folder = make_plain(room / "work")
    git(folder, "worktree", "add", "-q", "-b", "side", str(room / "side"))
    (room / "side" / "notes.txt").write_text("")
    with pytest.raises(UserError, match="is not granted"):
        await look(jails, room / "side", "status")
    said = await look(jails, room / "side", "status", room)
    assert said.text.startswith("Branch side.") and "notes.txt (changed)" in said.text


async def test_how_far_a_branch_is_ahead(room: Path, jails: ToolHost) -> None:
    folder = make_plain(room / "work")
    git(room, "clone", "-q", str(folder), "copy")
    git(room / "copy", "commit", "-q", "--allow-empty", "-m", "more")
    said = await look(jails, room / "copy", "status")
    assert said.text.startswith("Branch main, 1 ahead of and 0 behind origin/main.")


def test_the_traps_are_set(room: Path) -> None:
    """As a user starts it, Git runs what the repository names: else the next tests would show nothing."""
    ran = room / "ran"
    folder = make_hostile(room / "work", ran)
    open_git(folder, "status")
    open_git(folder, "diff", "HEAD")
    open_git(folder, "diff", "HEAD", "--", "notes.txt", "read.md")
    open_git(folder, "log", "-p")
    open_git(folder, "cat-file", "-p", "1" * 40)
    found = {path.name for path in ran.iterdir()}
    assert found <= set(TRAPS)
    assert found >= {
        "clean", "command", "fetch", "fsmonitor", "hook", "included", "included-if", "process", "submodule", "textconv"
    }  # fmt: skip


@pytest.mark.parametrize("walls", ["no jail", "jail"])
async def test_a_hostile_repository_has_nothing_started(room: Path, jails: ToolHost, walls: str) -> None:
    ran = room / "ran"
    folder = make_hostile(room / "work", ran)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    used: Any = jails if walls == "jail" else NoWalls()
    head = git(folder, "rev-parse", "HEAD").strip()
    for action, more in (
        ("status", {}), ("log", {}), ("diff", {}), ("review", {}), ("diff", {"revision": head}),
        ("review", {"revision": "HEAD~1..HEAD"}), ("log", {"file": "notes.txt"}),
    ):  # fmt: skip
        said = await look(used, folder, action, **more)
        assert "TRAP-" not in said.text
        assert said.label.integrity == "untrusted"
    assert "notes.txt (changed)" in (await look(used, folder, "status")).text
    assert "+four" in (await look(used, folder, "diff")).text
    missing = await look(used, folder, "diff", revision="1" * 40)  # is fetched from nowhere
    assert missing.error and missing.label.integrity == "untrusted", "its words may be others'"
    assert list(ran.iterdir()) == [], "the closed configuration starts nothing"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before


async def test_the_jail_alone_lets_nothing_start(room: Path, jails: ToolHost) -> None:
    """With the repository's own settings, as if the closed configuration had a hole: Git can start no other program."""
    folder = make_hostile(room / "work", room / "ran")
    program = os.path.realpath(shutil.which("git") or "")
    assert "TRAP-textconv" in open_git(folder, "--no-pager", "log", "-p")
    for words in (["status"], ["diff", "HEAD"], ["--no-pager", "log", "-p"], ["-c", "alias.x=!/bin/sh -c id", "x"]):
        jail = ProgramJail(read=(str(room),), run=(program,), address_bytes=0)
        argv = (program, "-c", "safe.directory=*", *words)
        result = await jails.run(Program(argv, jail, str(folder), {"GIT_CONFIG_GLOBAL": "/dev/null"}, 20.0))
        assert "TRAP-" not in result.stdout + result.stderr


@pytest.mark.parametrize("trick", ["link", "file", "alternates", "objects", "head", "index"])
async def test_what_leads_out_of_the_repository_is_not_followed(room: Path, jails: ToolHost, trick: str) -> None:
    secret = make_plain(room / "secret")
    (secret / "notes.txt").write_text("the landlord's number is 4711\n")
    git(secret, "commit", "-qam", "secret 4711")
    folder = make_plain(room / "work")
    inside = folder / ".git"
    match trick:
        case "link":
            shutil.rmtree(inside)
            inside.symlink_to(secret / ".git")
        case "file":
            shutil.rmtree(inside)
            inside.write_text(f"gitdir: {secret / '.git'}\n")
        case "alternates":
            (inside / "objects" / "info" / "alternates").write_text(f"{secret / '.git' / 'objects'}\n")
            (inside / "refs" / "heads" / "main").write_text(git(secret, "rev-parse", "HEAD"))
        case "objects":
            shutil.rmtree(inside / "objects")
            (inside / "objects").symlink_to(secret / ".git" / "objects")
        case "head":
            (inside / "HEAD").unlink()
            (inside / "HEAD").symlink_to(secret / ".git" / "HEAD")
        case _:
            (inside / "index").unlink()
            (inside / "index").symlink_to(secret / "notes.txt")
    for action in ("log", "status", "diff", "review"):
        try:
            result = await look(jails, folder, action)
            said = result.text + result.error
        except UserError as error:
            said = str(error)
        assert "4711" not in said, action


async def test_outside_every_grant_it_asks_for_the_whole_repository(room: Path, jails: ToolHost) -> None:
    folder = make_plain(room / "work")
    asked: list[Question] = []

    async def no(question: Question) -> str:
        asked.append(question)
        return "no"

    grants = Grants(folder / "tests")
    execute = Executor([GitTool(jails, PathFinder(grants, room), grants)], grants, find_problem)
    call = ToolCall("c", "git", {"action": "log", "path": str(folder / "tests")})
    outcome: CallOutcome = (await execute(call, CallScene("s", "t", USER), no))[0]
    assert outcome.status == "denied" and asked[0].target == str(folder)
    whole = GitTool(jails, PathFinder(grants, room), grants, (folder / "tests" / "agent",))
    with pytest.raises(UserError, match="own files"):
        await whole.freeze(call, CallScene("s", "t", USER))
    elsewhere = ToolCall("c", "git", {"action": "log", "path": str(room)})
    assert "no Git repository" in ((await execute(elsewhere, CallScene("s", "t", USER), no))[0].error or "")


def test_the_command_line_is_closed() -> None:
    argv = git_argv("/usr/bin/git", ["status"])
    assert argv[0] == "/usr/bin/git" and argv[-1] == "status" and "core.fsmonitor=false" in argv
