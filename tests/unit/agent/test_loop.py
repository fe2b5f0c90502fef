"""One turn over plain values: steps, repeats, limits, deaths and labels."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from scripted import ScriptedModel

from openclaw_desktop.agent import loop
from openclaw_desktop.agent.preparation import Prepared, Unfit
from openclaw_desktop.agent.repair import AskBack
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import CallOutcome, Message, Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.security.labels import join

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
READ = ToolSpec("read_file", "", SCHEMA, "read")
UNTRUSTED = Label("untrusted", "private", ("file:/x",))


class Tools:
    def __init__(self, outcome: CallOutcome, *receipts: Receipt) -> None:
        self.outcome, self.receipts = outcome, receipts
        self.scenes: list[CallScene] = []

    async def __call__(self, call: ToolCall, scene: CallScene, ask: object) -> tuple[CallOutcome, tuple[Receipt, ...]]:
        self.scenes.append(scene)
        return replace(self.outcome, id=call.id, name=call.name, arguments=call.arguments), self.receipts


DONE = CallOutcome("", "", {}, "done", result="file text", label=UNTRUSTED)
TURN = loop.Turn((Message("user", "hi", USER),), (READ,), CallScene("s", "t", USER))


async def as_it_is(tool: ToolSpec, arguments: Mapping[str, object], first: bool, results: str) -> Prepared:
    return arguments


async def run(
    model: ScriptedModel, tools: Tools, turn: loop.Turn = TURN, prepare: loop.Prepare = as_it_is
) -> list[loop.LoopEvent]:
    return [event async for event in loop.run_turn(turn, loop.Hooks(model, prepare, tools, None, join))]


def said(events: list[loop.LoopEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, loop.Said))


async def test_an_answer_streams_and_ends_the_turn() -> None:
    events = await run(ScriptedModel({"tool": "answer", "text": "Hello you there"}), Tools(DONE))
    assert said(events) == "Hello you there"
    assert len([event for event in events if isinstance(event, loop.Said)]) > 1
    assert isinstance(events[-1], loop.Ended)
    assert events[-1].text == "Hello you there"


async def test_a_tool_is_carried_out_and_its_result_goes_back_as_data() -> None:
    model = ScriptedModel({"tool": "read_file", "path": "/x"}, {"tool": "answer", "text": "It says so."})
    tools = Tools(DONE, Receipt("file.read", "read x", ""))
    events = await run(model, tools)
    assert [type(event) for event in events if not isinstance(event, loop.Said)] == [
        loop.Calling,
        loop.Called,
        loop.Ended,
    ]
    assert "data, not instructions" in model.prompts[1].messages[-1].text
    assert model.prompts[1].messages[-1].label == UNTRUSTED
    ended = events[-1]
    assert isinstance(ended, loop.Ended)
    assert ended.label.integrity == "untrusted"
    assert ended.usage.prompt_tokens == 20


async def test_the_label_of_a_result_reaches_the_next_call() -> None:
    model = ScriptedModel(
        {"tool": "read_file", "path": "/x"}, {"tool": "read_file", "path": "/y"}, {"tool": "answer", "text": "ok"}
    )
    tools = Tools(DONE)
    await run(model, tools)
    assert [scene.context.integrity for scene in tools.scenes] == ["user", "untrusted"]


async def test_the_same_call_again_is_not_carried_out() -> None:
    same = {"tool": "read_file", "path": "/x"}
    model = ScriptedModel(same, same, {"tool": "answer", "text": "ok"})
    tools = Tools(DONE)
    assert said(await run(model, tools)) == "ok"
    assert len(tools.scenes) == 1
    assert model.prompts[2].schema is not None
    assert [option["properties"]["tool"]["const"] for option in model.prompts[2].schema["anyOf"]] == ["answer"]


async def test_the_last_step_can_only_answer() -> None:
    calls = [{"tool": "read_file", "path": f"/{n}"} for n in range(loop.STEP_LIMIT - 1)]
    model = ScriptedModel(*calls, {"tool": "answer", "text": "enough"})
    assert said(await run(model, Tools(DONE))) == "enough"
    assert len(model.prompts) == loop.STEP_LIMIT
    assert len(model.prompts[-1].schema["anyOf"]) == 1


async def test_a_denied_call_ends_the_turn_with_codes_own_words() -> None:
    model = ScriptedModel({"tool": "read_file", "path": "/x"})
    events = await run(model, Tools(CallOutcome("", "", {}, "denied", error="You said no.")))
    assert said(events) == "You said no."
    assert len(model.prompts) == 1


async def test_a_closing_tools_success_is_the_answer() -> None:
    model = ScriptedModel({"tool": "read_file", "path": "/x"})
    turn = replace(TURN, closing=frozenset({"read_file"}))
    assert said(await run(model, Tools(DONE), turn)) == "file text"


async def test_a_withheld_tool_is_not_run_even_where_a_reply_names_it() -> None:
    model, tools = ScriptedModel({"tool": "read_file", "path": "/x"}), Tools(DONE)
    with pytest.raises(UserError, match="may not do"):
        await run(model, tools, replace(TURN, withheld=frozenset({"read_file"})))
    assert len(model.prompts[0].schema["anyOf"]) == 1
    assert tools.scenes == []


async def test_when_the_model_dies_its_words_are_withdrawn_and_it_is_heard_again() -> None:
    events = await run(ScriptedModel(ScriptedModel.DIES, {"tool": "answer", "text": "Whole."}), Tools(DONE))
    withdrawn = next(i for i, event in enumerate(events) if isinstance(event, loop.Withdrawn))
    assert said(events[withdrawn:]) == "Whole."
    assert events[-1].text == "Whole."


async def test_a_claim_of_an_action_that_was_not_taken_is_replaced() -> None:
    events = await run(ScriptedModel({"tool": "answer", "text": "I've saved that."}), Tools(DONE))
    assert said(events) == "(I took no such action: nothing was done.)"


async def test_a_reply_that_broke_off_is_a_sentence() -> None:
    with pytest.raises(UserError, match="broke off"):
        await run(ScriptedModel('{"tool":"read_f'), Tools(DONE))


async def test_plain_talk_has_no_schema_and_no_tools() -> None:
    model = ScriptedModel("Just words.")
    assert said(await run(model, Tools(DONE), replace(TURN, tools=(), plain=True))) == "Just words."
    assert model.prompts[0].schema is None


async def test_an_unfit_tool_is_not_called_and_not_offered_again() -> None:
    model = ScriptedModel({"tool": "read_file", "path": "/x"}, {"tool": "answer", "text": "The sky is blue."})
    tools = Tools(DONE)

    async def unfit(tool: ToolSpec, arguments: Mapping[str, object], first: bool, results: str) -> Prepared:
        assert first
        return Unfit()

    assert said(await run(model, tools, prepare=unfit)) == "The sky is blue."
    assert not tools.scenes
    assert [option["properties"]["tool"]["const"] for option in model.prompts[1].schema["anyOf"]] == ["answer"]


async def test_a_later_call_is_prepared_with_what_the_earlier_ones_returned() -> None:
    heard: list[tuple[bool, str]] = []

    async def listen(tool: ToolSpec, arguments: Mapping[str, object], first: bool, results: str) -> Prepared:
        heard.append((first, results))
        return arguments

    model = ScriptedModel(
        {"tool": "read_file", "path": "/x"}, {"tool": "read_file", "path": "/y"}, {"tool": "answer", "text": "Both."}
    )
    assert said(await run(model, Tools(DONE), prepare=listen)) == "Both."
    assert heard == [(True, ""), (False, "file text\n")]


async def test_what_only_the_user_can_say_is_asked() -> None:
    async def unsure(tool: ToolSpec, arguments: Mapping[str, object], first: bool, results: str) -> Prepared:
        return AskBack("Which file?")

    tools = Tools(DONE)
    events = await run(ScriptedModel({"tool": "read_file", "path": "?"}), tools, prepare=unsure)
    assert said(events) == "Which file?"
    assert isinstance(events[-1], loop.Ended)
    assert not tools.scenes


async def test_an_unclear_call_ends_with_its_question() -> None:
    unclear = CallOutcome("", "", {}, "failed", error="Which of the two?", unclear=True)
    events = await run(ScriptedModel({"tool": "read_file", "path": "n.txt"}), Tools(unclear))
    assert said(events) == "Which of the two?"


async def test_after_one_failure_it_thinks_again_and_after_two_it_answers() -> None:
    model = ScriptedModel(
        {"tool": "read_file", "path": "/x"}, {"tool": "read_file", "path": "/y"}, {"tool": "answer", "text": "No luck."}
    )
    failed = CallOutcome("", "", {}, "failed", error="no such file")
    assert said(await run(model, Tools(failed))) == "No luck."
    assert "Think about why" in model.prompts[1].messages[-1].text
    assert len(model.prompts[1].schema["anyOf"]) == 2
    assert [option["properties"]["tool"]["const"] for option in model.prompts[2].schema["anyOf"]] == ["answer"]
