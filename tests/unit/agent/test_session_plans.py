"""Several things in one message, and a turn that goes on: what runs, what the prompt holds, and what is kept."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from scripted import ScriptedModel
from test_session import BIG, SMALL, UNTRUSTED, Desk, Models, NoGrants

from openclaw_desktop.agent.course import After
from openclaw_desktop.agent.reply import PLAN
from openclaw_desktop.agent.session import Parts, SessionAgent, Task
from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.events import Question, TurnFinished
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, Complete, ModelCard, PlainForm, ToolResult
from openclaw_desktop.memory.sessions import Scratch, SpokenMessage
from openclaw_desktop.security.inbox import InboxStore
from openclaw_desktop.security.labels import join
from openclaw_desktop.storage.database import Database
from openclaw_desktop.tools.arguments import find_problem
from openclaw_desktop.tools.execution import Executor, Walls

SCHEMA = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
RING = re.compile(r"ring (?P<to>\w+)", re.IGNORECASE)
FORM = PlainForm(RING, "ring", lambda match: {"to": match["to"]})


@dataclass
class Ring:
    """A tool that reaches other people, counted."""

    spec: ToolSpec = ToolSpec("ring", "ring somebody up", SCHEMA, "outbound", "ring", ("to",))
    rung: list[str] = field(default_factory=list)

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        self.rung.append(call.arguments["to"])
        return ToolResult(f"{call.arguments['to']} was rung.", UNTRUSTED)


class Answers:
    def __init__(self, *choices: str) -> None:
        self.choices, self.asked = list(choices), []

    async def __call__(self, question: Question) -> str:
        self.asked.append(question)
        return self.choices.pop(0)


class RingingDesk(Desk):
    """The desk of a session with one tool that needs an answer and brings a plain request."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.ring = Ring()

    def agent(self, complete: Complete, card: ModelCard | None) -> SessionAgent:
        executor = Executor([self.ring], NoGrants(), find_problem)
        parts = Parts(
            complete, None, None, executor, self.stores.recall, self.stores, Models(card), join, executor.specs,
            lambda _text: (), SystemClock(), plain_forms=lambda: (FORM,), permit_plan=executor.permit_plan,
        )  # fmt: skip
        return SessionAgent(parts)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[RingingDesk]:
    database = await Database.open(tmp_path / "a.db")
    yield RingingDesk(database)
    await database.close()


@pytest.mark.parametrize("card", [BIG, SMALL, None])
async def test_plain_requests_in_a_row_are_one_question_and_need_no_model(
    desk: RingingDesk, card: ModelCard | None
) -> None:
    ask, model = Answers("once"), ScriptedModel()
    answer, _ = await desk.ask("Ring Ana; ring Bob", model, card, ask=ask)
    assert desk.ring.rung == ["Ana", "Bob"]
    assert answer.answer == "Ana was rung.\n\nBob was rung."
    (question,) = ask.asked
    assert [call.target for call in question.calls] == ["Ana", "Bob"]
    assert model.prompts == [] and answer.model is None
    assert answer.label.integrity == "untrusted"


async def test_a_no_to_plain_requests_does_none_and_with_nobody_there_none_runs_past_the_first(
    desk: RingingDesk,
) -> None:
    answer, _ = await desk.ask("ring Ana and then ring Bob", ScriptedModel(), ask=Answers("no"))
    assert answer.answer == "You said no, so none of it was done."
    assert [call.status for call in answer.tool_calls] == ["denied", "denied"]
    answer, _ = await desk.ask("ring Ana; ring Eve", ScriptedModel())
    assert [call.status for call in answer.tool_calls] == ["denied"]
    assert "What was to come after it was not done (1)." in answer.answer
    assert desk.ring.rung == []


async def test_plain_requests_with_nobody_there_are_parked_all_and_what_may_is_done(desk: RingingDesk) -> None:
    inbox = InboxStore(desk.database)
    note = replace(desk.ring.spec, name="note", effect="read", capability=None)
    noting = Ring(note)
    executor = Executor([desk.ring, noting], NoGrants(), find_problem, Walls(inbox=inbox))
    forms = (FORM, PlainForm(re.compile(r"note (?P<to>\w+)", re.IGNORECASE), "note", lambda match: {"to": match["to"]}))
    parts = Parts(
        ScriptedModel(), None, None, executor, desk.stores.recall, desk.stores, Models(None), join, executor.specs,
        lambda _text: (), SystemClock(), plain_forms=lambda: forms, permit_plan=executor.permit_plan,
    )  # fmt: skip
    agent = SessionAgent(parts)
    desk.session_id = await desk.sessions.begin()
    task = Task("turn_9", desk.session_id, "ring Ana; note Bob; note Ana; ring Eve", None)
    events = [event async for event in agent.run(task)]
    assert isinstance(events[-1], TurnFinished)
    answer = events[-1].answer
    assert [call.status for call in answer.tool_calls] == ["parked", "done", "parked", "parked"]
    assert noting.rung == ["Bob"] and desk.ring.rung == []
    # What is about Ana may need what waits, though it may be done without a question.
    waiting = await inbox.of_turn(desk.session_id, "turn_9")
    assert [(entry.tool, entry.arguments["to"]) for entry in waiting] == [
        ("ring", "Ana"), ("note", "Ana"), ("ring", "Eve"),
    ]  # fmt: skip
    assert "may need it" in answer.answer and answer.answer.count("inbox approve") == 3
    for entry in waiting:
        outcome, _ = await executor.resume(entry)
        assert outcome.status == "done", outcome
    assert noting.rung == ["Bob", "Ana"] and desk.ring.rung == ["Ana", "Eve"]


async def test_a_plan_of_the_model_is_held_to_what_was_shown(desk: RingingDesk) -> None:
    calls = [{"tool": "ring", "to": name} for name in ("Ana", "Bob")]
    more = {"tool": "ring", "to": "Eve"}
    model = ScriptedModel({"tool": PLAN, "calls": calls}, more)
    ask = Answers("once", "no")
    answer, _ = await desk.ask("Call Ana about tea, then call Bob about it", model, ask=ask)
    assert desk.ring.rung == ["Ana", "Bob"]
    assert [len(question.calls) for question in ask.asked] == [2, 1], "what was not in the plan is asked about"
    assert answer.tool_calls[-1].status == "denied"
    assert f"- {PLAN}(calls: array" in model.prompts[0].messages[-1].text
    assert f"- {PLAN}(" not in model.prompts[0].messages[0].text, "the prompt's beginning stays the same"


async def test_where_one_thing_is_asked_for_no_plan_is_offered(desk: RingingDesk) -> None:
    model = ScriptedModel({"tool": "answer", "text": "ok"})
    await desk.ask("Call Ana about the tea that she likes", model)
    assert PLAN not in json.dumps(model.prompts[0].schema) + model.prompts[0].messages[-1].text


async def go_on(desk: RingingDesk, model: ScriptedModel, told: str, *, tools: bool = True, **after: Any) -> Any:
    """Ask, let the chat tell what became of the parked call, and go on."""
    await desk.ask("Call Ana about tea please", ScriptedModel({"tool": "answer", "text": "It waits."}))
    for role, text in (("user", "[Answered in the inbox]"), ("assistant", told)):
        message = SpokenMessage("turn_told_1", role, text, UNTRUSTED)  # type: ignore[arg-type]
        await desk.sessions.add_message(desk.session_id, message)
    if scratch := after.pop("scratch", None):
        key = json.dumps({"tool": "ring", "to": "Ana"})
        await desk.sessions.add_scratch(desk.session_id, [Scratch("turn_told_1", key, scratch, UNTRUSTED)])
    goes = After(("turn_told_1",), "[Going on: Call Ana]", **after)
    return await desk.ask("Call Ana about tea please", model, turn_id="turn_then_1", after=goes, tools=tools)


async def test_a_turn_goes_on_with_the_result_as_if_the_call_had_just_come_back(desk: RingingDesk) -> None:
    again = {"tool": "ring", "to": "Ana"}
    model = ScriptedModel(again, {"tool": "answer", "text": "Ana knows."})
    answer, _ = await go_on(desk, model, "You allowed it.", scratch="Ana was rung.")
    *_, question, call, result = model.prompts[0].messages
    assert "Call Ana about tea please" in question.text
    assert json.loads(call.text) == again
    assert "Ana was rung." in result.text and result.label == UNTRUSTED
    assert desk.ring.rung == [], "what was done is not done again"
    assert answer.label.integrity == "untrusted"
    *_, spoken, said = await desk.sessions.messages(desk.session_id)
    assert (spoken.text, said.text) == ("[Going on: Call Ana]", "Ana knows.")


async def test_after_a_no_the_turn_knows_of_it_and_the_tool_is_not_offered(desk: RingingDesk) -> None:
    model = ScriptedModel({"tool": "answer", "text": "Then not."})
    answer, _ = await go_on(desk, model, "You said no to this.", withheld=frozenset({"ring"}))
    assert "[You said no to this.]" in model.prompts[0].messages[-1].text
    assert '"ring"' not in json.dumps(model.prompts[0].schema)
    assert answer.answer == "Then not."


async def test_what_code_put_into_the_users_place_is_no_memory_of_theirs(desk: RingingDesk) -> None:
    await go_on(desk, ScriptedModel({"tool": "answer", "text": "Ana knows."}), "You allowed it.", scratch="Rung.")
    await desk.stores.keep_unanswered()
    rows = await desk.database.rows("select text from memories where speaker = 'user'")
    assert [text for (text,) in rows] == ["Call Ana about tea please"]


async def test_a_going_on_turn_takes_no_answer_that_the_user_still_owes(desk: RingingDesk) -> None:
    """A question back waits for the user's next message, whatever goes on in between."""
    agent = desk.agent(ScriptedModel({"tool": "answer", "text": "ok"}), BIG)
    desk.session_id = await desk.sessions.begin()
    agent._asked_back[desk.session_id] = "Call somebody", desk.stores.erasures()
    task = Task("turn_then_9", desk.session_id, "Call Ana", None, after=After(("turn_told_9",), "[Going on]"))
    assert [event async for event in agent.run(task)]
    assert desk.session_id in agent._asked_back


async def test_the_label_of_what_was_told_reaches_the_calls_that_follow(desk: RingingDesk) -> None:
    seen: list[str] = []

    async def run(call: ToolCall, scene: CallScene) -> ToolResult:
        seen.append(scene.context.integrity)
        return ToolResult("rung", USER)

    desk.ring.run = run  # type: ignore[method-assign]
    desk.ring.spec = replace(desk.ring.spec, effect="read", capability=None)
    model = ScriptedModel({"tool": "ring", "to": "Bob"}, {"tool": "answer", "text": "ok"})
    await go_on(desk, model, "You allowed it.", scratch="Ana was rung.")
    assert seen == ["untrusted"]


async def test_where_nothing_more_is_asked_the_turn_says_what_came_of_it_without_tools(desk: RingingDesk) -> None:
    model = ScriptedModel("Ana was rung.")
    answer, _ = await go_on(desk, model, "You allowed it: Ana was rung.", scratch="Ana was rung.", tools=False)
    assert model.prompts[0].schema is None
    assert "[You allowed it: Ana was rung.]" in model.prompts[0].messages[-1].text
    assert answer.label.integrity == "untrusted"
