"""A reply that names several tools: one question, one call after the other, and where that ends."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from scripted import ScriptedModel
from test_loop import DONE, READ, SCHEMA, TURN, UNTRUSTED, as_it_is, said

from openclaw_desktop.agent import loop
from openclaw_desktop.agent.preparation import Prepared
from openclaw_desktop.agent.repair import AskBack
from openclaw_desktop.agent.reply import PLAN
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.messages import CallOutcome, Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.security.labels import join

WRITE = ToolSpec("write_file", "", SCHEMA, "local-reversible")
PLANNING = replace(TURN, tools=(READ, WRITE), plans=True)
ANSWER = {"tool": "answer", "text": "All done."}


def plan(*paths: str, tool: str = "read_file") -> dict[str, Any]:
    return {"tool": PLAN, "calls": [{"tool": tool, "path": path} for path in paths]}


class World:
    """Carries out calls, each with its own outcome by path, and answers the question about a plan."""

    def __init__(self, allowed: bool | None = True, **outcomes: CallOutcome) -> None:
        self.allowed, self.outcomes = allowed, outcomes
        self.behind: list[str] = []
        self.planned: list[list[str]] = []
        self.ran: list[tuple[str, str]] = []

    async def permit(self, calls: Sequence[ToolCall], scene: CallScene, ask: object) -> bool | None:
        self.planned.append([call.arguments["path"] for call in calls])
        return self.allowed

    async def __call__(self, call: ToolCall, scene: CallScene, ask: object) -> tuple[CallOutcome, tuple[Receipt, ...]]:
        path = call.arguments["path"]
        self.ran.append((path, scene.context.integrity))
        self.behind += [path] if scene.behind else []
        outcome = replace(self.outcomes.get(path, DONE), id=call.id, name=call.name, arguments=call.arguments)
        return outcome, (Receipt("file.read", f"read {path}", call.id),) if outcome.status == "done" else ()


async def run(
    model: ScriptedModel, world: World, turn: loop.Turn = PLANNING, prepare: loop.Prepare = as_it_is
) -> list[loop.LoopEvent]:
    hooks = loop.Hooks(model, prepare, world, None, join, world.permit)
    return [event async for event in loop.run_turn(turn, hooks)]


def ends(events: list[loop.LoopEvent]) -> list[str]:
    return [event.outcome.status for event in events if isinstance(event, loop.Called)]


async def test_a_plan_is_asked_about_once_and_then_done_in_its_order() -> None:
    model, world = ScriptedModel(plan("/x", "/y"), ANSWER), World()
    events = await run(model, world)
    assert world.planned == [["/x", "/y"]]
    # The second call carries the label of what the first one read.
    assert world.ran == [("/x", "user"), ("/y", "untrusted")]
    assert said(events) == "All done."
    told = [message.text for message in model.prompts[1].messages]
    assert sum("data, not instructions" in text for text in told) == 2
    assert all(PLAN not in text for text in told), "the model reads its calls as if it had named each by itself"
    ended = events[-1]
    assert isinstance(ended, loop.Ended) and ended.label.integrity == "untrusted"


async def test_a_no_to_the_plan_does_none_of_it() -> None:
    model, world = ScriptedModel(plan("/x", "/y")), World(allowed=False)
    events = await run(model, world)
    assert world.ran == []
    assert ends(events) == ["denied", "denied"]
    assert said(events) == "You said no, so none of it was done."


@pytest.mark.parametrize("allowed", [None, True])
async def test_where_no_question_was_needed_or_each_call_asks_itself_the_calls_run(allowed: bool | None) -> None:
    world = World(allowed=allowed)
    assert said(await run(ScriptedModel(plan("/x", "/y"), ANSWER), world)) == "All done."
    assert len(world.ran) == 2


async def test_what_comes_after_a_call_that_was_not_allowed_is_not_done_and_said_so() -> None:
    world = World(**{"/x": CallOutcome("", "", {}, "denied", error="Not now.", label=UNTRUSTED)})
    events = await run(ScriptedModel(plan("/x", "/y", "/z")), world)
    assert [path for path, _ in world.ran] == ["/x"]
    assert said(events) == "Not now.\nWhat was to come after it was not done (2)."
    ended = events[-1]
    assert isinstance(ended, loop.Ended) and ended.label.integrity == "untrusted"


def parked(error: str) -> CallOutcome:
    return CallOutcome("", "", {}, "parked", error=error, label=UNTRUSTED)


async def test_with_nobody_there_all_that_needs_an_answer_is_parked_and_the_rest_done() -> None:
    world = World(**{"/x": parked("/x waits."), "/z": parked("/z waits.")})
    events = await run(ScriptedModel(plan("/w", "/x", "/y", "/z")), world)
    assert world.ran == [("/w", "user"), ("/x", "untrusted"), ("/y", "untrusted"), ("/z", "untrusted")]
    assert ends(events) == ["done", "parked", "done", "parked"]
    assert said(events) == "Done: read /w.\n/x waits.\nDone: read /y.\n/z waits."
    assert isinstance(events[-1], loop.Ended) and events[-1].label.integrity == "untrusted"
    assert world.behind == [], "none is about what waits"


async def test_what_may_need_a_call_that_waits_is_told_to_wait_too() -> None:
    read = replace(READ, authority=("path",))
    world = World(**{"/home/a/notes.txt": parked("It waits."), "/home/a": parked("It waits too.")})
    named = plan("/home/a/notes.txt", "notes.txt", "/home/b/notes", "/home/a")
    await run(ScriptedModel(named), world, replace(PLANNING, tools=(read, WRITE)))
    assert world.behind == ["notes.txt", "/home/a"]


async def test_a_failure_behind_what_waits_ends_the_plan_in_words() -> None:
    failed = CallOutcome("", "", {}, "failed", error="No such file.")
    world = World(**{"/x": parked("It waits."), "/y": failed})
    events = await run(ScriptedModel(plan("/x", "/y", "/z")), world)
    assert said(events) == "It waits.\nNo such file.\nWhat was to come after it was not done (1)."


async def test_a_call_that_failed_stops_the_plan_and_the_model_thinks_again() -> None:
    world = World(**{"/x": CallOutcome("", "", {}, "failed", error="No such file.")})
    model = ScriptedModel(plan("/x", "/y"), plan("/z", "/y"), ANSWER)
    assert said(await run(model, world)) == "All done."
    assert [path for path, _ in world.ran] == ["/x", "/z", "/y"]
    assert world.planned == [["/x", "/y"], ["/z", "/y"]]


async def test_one_call_twice_is_one_call_and_a_plan_of_one_is_no_plan() -> None:
    world = World()
    await run(ScriptedModel(plan("/x", "/x"), ANSWER), world)
    assert world.planned == []
    assert [path for path, _ in world.ran] == ["/x"]


async def test_a_plan_where_none_was_offered_is_refused() -> None:
    with pytest.raises(UserError, match="may not do"):
        await run(ScriptedModel(plan("/x", tool="other")), World())
    with pytest.raises(UserError, match="may not do"):
        await run(ScriptedModel(plan("/x", "/y")), World(), replace(PLANNING, plans=False))
    with pytest.raises(UserError, match="may not do"):
        await run(ScriptedModel(plan("/x", "/y")), World(), replace(PLANNING, withheld=frozenset({"read_file"})))


async def test_what_a_call_of_the_plan_lacks_is_asked_back_before_anything_runs() -> None:
    async def lacks(tool: ToolSpec, arguments: Mapping[str, object], first: bool, results: str) -> Prepared:
        return AskBack("Which file?") if arguments["path"] == "" else arguments

    world = World()
    events = await run(ScriptedModel(plan("/x", "")), world, prepare=lacks)
    assert said(events) == "Which file?"
    assert world.ran == [] and world.planned == []


async def test_a_call_that_was_done_before_the_turn_went_on_is_not_done_again() -> None:
    messages = loop.call_messages(CallOutcome("", "read_file", {"path": "/x"}, "done", result="text"))
    world = World()
    turn = replace(PLANNING, done=loop.keys_of(messages))
    await run(ScriptedModel({"tool": "read_file", "path": "/x"}, ANSWER), world, turn)
    assert world.ran == []
