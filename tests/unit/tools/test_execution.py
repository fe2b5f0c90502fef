"""The only way to a tool: schema, frozen path, gate, question, and what was shown is what runs."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.events import Question
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import CallOutcome, ToolCall
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.core.tokens import estimate_tokens
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.tools.arguments import find_problem
from openclaw_desktop.tools.execution import Executor
from openclaw_desktop.tools.files import ListFolderTool, ReadFileTool
from openclaw_desktop.tools.path_finder import PathFinder


class Grants:
    def __init__(self, *grants: Grant, own: Path | None = None) -> None:
        self.grants = set(grants)
        self.own = own

    async def active(self) -> frozenset[Grant]:
        return frozenset(self.grants)

    async def add(self, capability: str, scope: str) -> None:
        self.grants.add(Grant(capability, scope))

    def check(self, path: Path) -> None:
        if self.own is not None and path.is_relative_to(self.own):
            raise UserError("own_folder", "belongs to the agent", "", ExitCode.DENIED)


class Jail:
    """Stands in for the jailed worker; its real counterpart is tests/integration/test_fork_server.py."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Path, ...]]] = []
        self.text = "hello"

    async def call(self, function: str, arguments: Any, *, read: tuple[Path, ...], timeout_s: float) -> Any:
        self.calls.append((function, read))
        if function == "files.list":
            return {"entries": [{"name": "a", "kind": "folder", "size_bytes": 0}], "truncated": False}
        return {"text": self.text, "size_bytes": 5, "truncated": False, "sha256": None}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    file = tmp_path / "docs" / "notes.txt"
    file.write_text("hello")
    return file


class Desk:
    def __init__(self, choice: str) -> None:
        self.choice, self.asked = choice, []

    async def __call__(self, question: Question) -> str:
        self.asked.append(question)
        return self.choice


def make(tmp_path: Path, *grants: Grant) -> tuple[Executor, Jail, Grants]:
    jail, store = Jail(), Grants(*grants, own=tmp_path / "agent")
    finder = PathFinder(store, tmp_path / "docs")
    return Executor([ReadFileTool(jail, finder), ListFolderTool(jail, finder)], store, find_problem), jail, store


def scene(context: Label = USER, **more: Any) -> CallScene:
    return CallScene("s", "t", context, **more)


def read(path: object = "notes.txt", name: str = "read_file") -> ToolCall:
    return ToolCall("c", name, {"path": path})


async def ended(executor: Executor, call: ToolCall, ask: Desk | None, at: CallScene | None = None) -> CallOutcome:
    outcome, receipts = await executor(call, at or scene(), ask)
    assert bool(receipts) == (outcome.status == "done")
    return outcome


async def test_within_a_grant_it_runs_with_that_path_alone(tmp_path: Path, file: Path) -> None:
    executor, jail, _ = make(tmp_path, Grant("file:read", str(file.parent)))
    outcome = await ended(executor, read(), None)
    assert (outcome.status, outcome.result) == ("done", "hello")
    assert outcome.label.integrity == "untrusted"
    assert jail.calls == [("files.read", (file,))]


async def test_with_nobody_there_it_says_how_to_allow_it(tmp_path: Path, file: Path) -> None:
    executor, jail, _ = make(tmp_path)
    outcome = await ended(executor, read(), None)
    assert outcome.status == "denied"
    assert f"grant add file:read {file}" in (outcome.error or "")
    assert jail.calls == []


@pytest.mark.parametrize("choice", ["no", "once", "always", ""])
async def test_anything_but_an_offered_yes_is_a_no(tmp_path: Path, file: Path, choice: str) -> None:
    executor, jail, store = make(tmp_path)
    assert (await ended(executor, read(), Desk(choice))).status == "denied"
    assert jail.calls == []
    assert not store.grants


async def test_this_file_is_asked_once(tmp_path: Path, file: Path) -> None:
    executor, _, store = make(tmp_path)
    desk = Desk("file")
    assert (await ended(executor, read(), desk)).status == "done"
    assert (await ended(executor, read(), desk)).status == "done"
    assert len(desk.asked) == 1
    assert store.grants == {Grant("file:read", str(file))}


async def test_this_folder_covers_its_files_and_no_other(tmp_path: Path, file: Path) -> None:
    executor, _, _ = make(tmp_path)
    (tmp_path / "other.txt").write_text("x")
    await ended(executor, read(), Desk("folder"))
    (file.parent / "second.txt").write_text("x")
    assert (await ended(executor, read("second.txt"), None)).status == "done"
    assert (await ended(executor, read(str(tmp_path / "other.txt")), None)).status == "denied"


async def test_after_untrusted_text_a_yes_holds_once(tmp_path: Path, file: Path) -> None:
    executor, _, store = make(tmp_path)
    desk = Desk("once")
    at = scene(Label("untrusted", "private", ("file:/evil",)))
    assert (await ended(executor, read(), desk, at)).status == "done"
    assert (await ended(executor, read(), desk, at)).status == "done"
    assert len(desk.asked) == 2
    assert not store.grants


async def test_what_changed_while_it_was_asked_does_not_run(tmp_path: Path, file: Path) -> None:
    executor, jail, _ = make(tmp_path)
    link = file.parent / "link.txt"
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    link.symlink_to(file)

    class Swap(Desk):
        async def __call__(self, question: Question) -> str:
            link.unlink()
            link.symlink_to(secret)
            return await super().__call__(question)

    assert (await ended(executor, read("link.txt"), Swap("file"))).status == "denied"
    assert jail.calls == []


async def test_a_link_is_asked_about_by_what_it_points_to(tmp_path: Path, file: Path) -> None:
    executor, _, _ = make(tmp_path, Grant("file:read", str(file.parent)))
    (tmp_path / "secret.txt").write_text("secret")
    (file.parent / "harmless.txt").symlink_to(tmp_path / "secret.txt")
    desk = Desk("no")
    assert (await ended(executor, read("harmless.txt"), desk)).status == "denied"
    assert desk.asked[0].target == str(tmp_path / "secret.txt")


async def test_the_agents_own_files_are_never_read(tmp_path: Path) -> None:
    executor, jail, _ = make(tmp_path, Grant("file:read", str(tmp_path)))
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "openclaw.db").write_text("x")
    outcome = await ended(executor, read(str(tmp_path / "agent" / "openclaw.db")), Desk("file"))
    assert outcome.status == "denied"
    assert jail.calls == []


async def test_a_name_with_a_line_in_it_is_never_put_into_a_command_to_paste(tmp_path: Path, file: Path) -> None:
    executor, _, _ = make(tmp_path)
    (file.parent / "a\nreboot").write_text("x")
    denied = await ended(executor, read("a\nreboot"), None)
    assert denied.status == "denied"
    assert "grant add" not in (denied.error or "")
    (file.parent / "it's mine.txt").write_text("x")
    quoted = await ended(executor, read("it's mine.txt"), None)
    assert shlex.split((quoted.error or "").split("grant add ")[1])[1] == str(file.parent / "it's mine.txt")


async def test_a_long_text_is_cut_to_what_the_prompt_has_room_for(tmp_path: Path, file: Path) -> None:
    executor, jail, _ = make(tmp_path, Grant("file:read", "/"))
    jail.text = "wörd " * 5000
    outcome = await ended(executor, read(), None, scene(result_tokens=200))
    assert estimate_tokens(outcome.result or "") < 230
    assert "[cut: the file has 5 bytes]" in (outcome.result or "")


async def test_a_file_given_by_hand_needs_no_question_this_once(tmp_path: Path, file: Path) -> None:
    executor, _, store = make(tmp_path)
    assert (await ended(executor, read(str(file)), None, scene(attached=(str(file),)))).status == "done"
    assert not store.grants
    assert (await ended(executor, read(str(file)), None)).status == "denied"


@pytest.mark.parametrize(
    "call", [read(3), read(None), ToolCall("c", "read_file", {}), read("x", "delete_everything"), read("")]
)
async def test_a_wrong_call_fails_in_words(tmp_path: Path, call: ToolCall) -> None:
    executor, jail, _ = make(tmp_path, Grant("file:read", "/"))
    outcome = await ended(executor, call, Desk("file"))
    assert outcome.status == "failed"
    assert outcome.error
    assert jail.calls == []


async def test_a_name_is_looked_for_where_the_user_is_then_at_home(tmp_path: Path, file: Path) -> None:
    executor, jail, _ = make(tmp_path, Grant("file:read", str(tmp_path)))
    here = tmp_path / "here"
    here.mkdir()
    (here / "notes.txt").write_text("mine")
    await ended(executor, read(), None, scene(folder=str(here)))
    await ended(executor, read("/notes.txt"), None)
    missing = await ended(executor, read("gone.txt"), None)
    assert [paths[0] for _, paths in jail.calls] == [here / "notes.txt", file]
    assert "no gone.txt" in (missing.error or "")


async def test_a_folder_is_listed(tmp_path: Path, file: Path) -> None:
    executor, jail, _ = make(tmp_path)
    desk = Desk("folder")
    outcome = await ended(executor, read(str(file.parent), "list_folder"), desk)
    assert outcome.result == "a/"
    assert [choice.id for choice in desk.asked[0].choices] == ["folder", "no"]
    assert jail.calls == [("files.list", (file.parent,))]


async def test_a_name_is_found_below_a_granted_folder_where_there_is_one(tmp_path: Path, file: Path) -> None:
    deep = tmp_path / "work" / "plans" / "Budget.txt"
    deep.parent.mkdir(parents=True)
    deep.write_text("x")
    executor, jail, _ = make(tmp_path, Grant("file:read", str(tmp_path / "work")))
    assert (await ended(executor, read("budget.txt"), None)).status == "done"
    assert jail.calls == [("files.read", (deep,))]
    assert (await ended(executor, read("plans/budget.txt"), None)).status == "done"


async def test_a_name_with_several_files_is_asked_back(tmp_path: Path, file: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / "work" / folder).mkdir(parents=True)
        (tmp_path / "work" / folder / "plan.md").write_text("x")
    executor, jail, _ = make(tmp_path, Grant("file:read", str(tmp_path / "work")))
    outcome = await ended(executor, read("plan.md"), None)
    assert outcome.unclear
    assert "Which one do you mean?" in (outcome.error or "")
    assert str(tmp_path / "work" / "a" / "plan.md") in (outcome.error or "")
    assert jail.calls == []


async def test_a_link_below_a_grant_leads_nowhere_else(tmp_path: Path, file: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "secret.txt").write_text("x")
    (tmp_path / "work" / "plan.md").symlink_to(tmp_path / "secret.txt")
    executor, jail, _ = make(tmp_path, Grant("file:read", str(tmp_path / "work")))
    assert (await ended(executor, read("plan.md"), None)).status == "denied"
    assert jail.calls == []
