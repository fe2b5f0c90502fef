"""What a run of a job comes to, and how it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import CallOutcome, Receipt, ToolCall, Usage
from openclaw_desktop.core.notices import Notice
from openclaw_desktop.core.protocols import CallScene, CompletionDone, CompletionEvent, Prompt, PromptDone, TextDelta
from openclaw_desktop.scheduler.jobs import Job, JobPlan, Run
from openclaw_desktop.scheduler.triggers import at
from openclaw_desktop.service.jobs.built_in import Marks
from openclaw_desktop.service.jobs.prompts import Patient, turn_of
from openclaw_desktop.service.jobs.runs import JobRunner, JobTeller, RunParts
from openclaw_desktop.service.jobs.work import Check, Work, make_check, read_work

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
THEIRS = Label("untrusted", "private", ("mail:x",))


def job(work: Work, label: Label = USER, **more: Any) -> Job:
    plan = JobPlan("tea", at("2099-01-01T09:00", ZoneInfo("UTC")), "UTC", work.as_data(), **more)
    return Job("job_1", plan, label, True, NOW, NOW, None)


def a_run(**more: Any) -> Run:
    run = Run(
        "run_1", "job_1", "s", NOW, "running", "", 1, "key", 1, NOW, NOW, "own", None, NOW, NOW, None, "",
        Label("system", "private"), "", None, "none", "", False,
    )  # fmt: skip
    return replace(run, **more)


class Walls:
    """Carries out calls as a test says, and keeps the scenes they came with."""

    def __init__(self, **outcome: Any) -> None:
        self.outcome: dict[str, Any] = {"status": "done", "result": "", **outcome}
        self.calls: list[tuple[ToolCall, CallScene, object]] = []

    async def __call__(self, call: ToolCall, scene: CallScene, ask: object) -> tuple[CallOutcome, tuple[Receipt, ...]]:
        self.calls.append((call, scene, ask))
        return CallOutcome(call.id, call.name, call.arguments, **self.outcome), ()


class Prompts:
    def __init__(self, done: PromptDone) -> None:
        self.done = done
        self.asked: list[tuple[str, Label]] = []

    async def __call__(self, text: str, label: Label, **_: Any) -> PromptDone:
        self.asked.append((text, label))
        return self.done


def runner(tmp_path: Path, walls: Walls | None = None, prompts: Prompts | None = None) -> JobRunner:
    unused: Any = None
    return JobRunner(RunParts(prompts or unused, walls or unused, unused, Marks(tmp_path / "seen.json")))


@pytest.mark.parametrize(
    ("condition", "outcome", "holds"),
    [
        ("ok", {"data": {"exit_code": 0}}, True), ("ok", {"data": {"exit_code": 1}}, False), ("ok", {}, True),
        ("some", {"data": []}, False), ("some", {"data": [1]}, True), ("some", {"data": {"events": []}}, False),
        ("some", {"data": {"stdout": "x"}}, True), ("some", {"result": " "}, False), ("some", {"result": "x"}, True),
        ("contains:Rain", {"result": "light rain"}, True), ("contains:rain", {"result": "sun"}, False),
    ],
)  # fmt: skip
async def test_a_check_decides_whether_the_model_is_woken(
    tmp_path: Path, condition: str, outcome: dict[str, Any], holds: bool
) -> None:
    prompts = Prompts(PromptDone("told", USER, "ses"))
    work = Work("prompt", text="tell me", check=make_check("weather", {}, condition))
    ended = await runner(tmp_path, Walls(**outcome), prompts)(job(work), a_run())
    assert bool(prompts.asked) is holds
    assert ended.state == ("done" if holds else "skipped") and ended.deliver is holds


async def test_a_check_for_a_change_takes_note_first_and_then_compares(tmp_path: Path) -> None:
    walls = Walls(result="one")
    run = runner(tmp_path, walls)
    work = job(Work("remind", text="look", check=Check("page", {}, "changed")))
    states = []
    for number, result in enumerate(("one", "one", "two", "two")):
        walls.outcome["result"] = result
        states.append((await run(work, a_run(id=f"run_{number}"))).state)
    assert states == ["skipped", "skipped", "done", "skipped"]
    assert b"two" not in (tmp_path / "seen.json").read_bytes()


async def test_a_change_that_was_not_acted_on_is_one_still_when_the_run_is_tried_again(tmp_path: Path) -> None:
    walls, prompts = Walls(result="one"), Prompts(PromptDone("", USER, "ses", error="No model.", again=True))
    run, work = runner(tmp_path, walls, prompts), job(Work("prompt", text="x", check=Check("page", {}, "changed")))
    await run(work, a_run(id="run_0"))
    walls.outcome["result"] = "two"
    assert (await run(work, a_run())).again
    prompts.done = PromptDone("It changed.", USER, "ses")
    assert (await run(work, a_run(attempts=2))).said == "It changed."


async def test_what_a_check_may_not_do_wakes_nobody(tmp_path: Path) -> None:
    prompts = Prompts(PromptDone("told", USER, "ses"))
    walls = Walls(status="parked", result=None, error="It waits.")
    ended = await runner(tmp_path, walls, prompts)(job(Work("prompt", text="x", check=Check("run", {}))), a_run())
    assert (ended.state, prompts.asked) == ("skipped", [])


async def test_a_job_has_one_question_at_a_time(tmp_path: Path) -> None:
    """An earlier run waits for an answer, whatever has become of its row."""
    walls, waiting = Walls(), {turn_of(a_run(id="run_0", job_id="job_2"))}

    async def turns() -> frozenset[str]:
        return frozenset(waiting)

    unused: Any = None
    run = JobRunner(RunParts(unused, walls, unused, Marks(tmp_path / "seen.json"), waiting=turns))
    work = job(Work("tool", name="trash_file", arguments={"path": "/x"}))
    assert (await run(work, a_run())).state == "done", "it is another job that waits"
    waiting.add(turn_of(a_run(id="run_0")))
    ended = await run(work, a_run())
    assert (ended.state, ended.deliver, len(walls.calls)) == ("skipped", False, 1)
    assert ended.reason == "An earlier run waits in the inbox for your answer."


async def test_a_call_is_judged_by_the_label_of_the_jobs_maker_with_nobody_there(tmp_path: Path) -> None:
    walls = Walls(result="gone")
    work = Work("tool", name="trash_file", arguments={"path": "/x"})
    ended = await runner(tmp_path, walls)(job(work, THEIRS), a_run())
    ((call, scene, ask),) = walls.calls
    assert (call.name, scene.context, ask, ended.said) == ("trash_file", THEIRS, None, "gone")


@pytest.mark.parametrize(
    ("outcome", "state", "deliver", "again"),
    [
        ({"status": "parked", "result": None, "error": "It waits."}, "skipped", False, False),
        ({"status": "denied", "result": None, "error": "No."}, "failed", True, False),
        ({"status": "failed", "result": None, "error": "Which one?", "unclear": True}, "failed", True, False),
        ({"status": "failed", "result": None, "error": "Broken."}, "failed", True, True),
        ({"result": "exit code 3", "data": {"exit_code": 3}}, "failed", True, True),
    ],
)
async def test_a_call_that_was_not_done_is_no_done_run(
    tmp_path: Path, outcome: dict[str, Any], state: str, deliver: bool, again: bool
) -> None:
    work = Work("tool", name="run_command", arguments={})
    ended = await runner(tmp_path, Walls(**outcome))(job(work), a_run())
    assert (ended.state, ended.deliver, ended.again) == (state, deliver, again)


@pytest.mark.parametrize(
    ("done", "said", "deliver"),
    [
        (PromptDone("It rains.", THEIRS, "ses"), "It rains.", True),
        (PromptDone("NO_REPLY", USER, "ses"), "", False),
        (PromptDone("HEARTBEAT_OK", USER, "ses", parked=1), "HEARTBEAT_OK", False),
    ],
)
async def test_an_answer_is_told_unless_it_says_that_there_is_nothing(
    tmp_path: Path, done: PromptDone, said: str, deliver: bool
) -> None:
    ended = await runner(tmp_path, None, Prompts(done))(job(Work("prompt", text="x")), a_run())
    assert (ended.state, ended.said, ended.deliver, ended.label) == ("done", said, deliver, done.label)


async def test_a_prompt_that_failed_is_tried_again_only_where_nothing_was_done(tmp_path: Path) -> None:
    for again in (True, False):
        prompts = Prompts(PromptDone("", USER, "ses", error="The model is gone.", again=again))
        ended = await runner(tmp_path, None, prompts)(job(Work("prompt", text="x")), a_run())
        assert (ended.state, ended.again, ended.said) == ("failed", again, "The model is gone.")


@pytest.mark.parametrize(
    ("run", "title", "body", "priority"),
    [
        ({"state": "done", "said": "The tea is ready."}, "Reminder", "The tea is ready.", "low"),
        ({"state": "missed"}, "Missed: tea", "drink", "normal"),
        ({"state": "missed", "checked": True, "reason": "it waited"}, "Missed: tea", "did not run at", "low"),
        ({"state": "missed", "count": 3}, "Missed: tea", "missed 3 times", "normal"),
        ({"state": "failed", "reason": "no disk"}, "Failed: tea", "no disk", "normal"),
        ({"state": "unknown"}, "Unknown: tea", "not repeated by itself", "high"),
    ],
)
async def test_each_end_has_its_words(run: dict[str, Any], title: str, body: str, priority: str) -> None:
    told: list[Notice] = []

    async def notify(notice: Notice) -> str:
        told.append(notice)
        return "n1"

    reminder = job(Work("remind", text="drink"), THEIRS, notify="low")
    assert await JobTeller(notify)(reminder, a_run(**run)) == "n1"
    (notice,) = told
    assert notice.title == title and body in notice.body and notice.priority == priority
    assert notice.key == "key" and notice.topic == "job:job_1"
    assert notice.label.integrity == "untrusted", "the words are those of the job's maker"


@pytest.mark.parametrize("data", [{}, {"do": "dance"}, {"do": "remind"}, {"do": "tool", "name": "x", "arguments": 3}])
def test_work_that_makes_no_sense_is_said_to_be_so(data: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="makes no sense"):
        read_work(data)


def test_work_is_kept_and_read_back() -> None:
    work = Work("tool", name="todos", arguments={"action": "list"}, check=Check("todos", {}, "contains:x"))
    assert read_work(work.as_data()) == work
    with pytest.raises(UserError, match="no condition"):
        make_check("todos", {}, "maybe")


async def test_a_turn_in_the_background_goes_on_after_it_gave_way_to_the_chat() -> None:
    tries: list[Prompt] = []

    async def complete(prompt: Prompt) -> AsyncIterator[CompletionEvent]:
        tries.append(prompt)
        yield TextDelta("half")
        if len(tries) == 1:
            raise UserError("preempted", "The model was needed for the chat.")
        yield CompletionDone(Usage(), "end")

    patient = Patient(complete)
    kinds = [type(event).__name__ async for event in patient(Prompt((), lane="background", turn_id="turn_job_1"))]
    assert kinds == ["TextDelta", "TextDropped", "TextDelta", "CompletionDone"] and len(tries) == 2
    tries.clear()
    with pytest.raises(UserError):
        [event async for event in patient(Prompt((), lane="background", job="extract"))]
