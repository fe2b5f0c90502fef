"""Several things asked for at once: when a reply may name several tools, and several plain requests in a row."""

import json

import jsonschema
import pytest

from openclaw_desktop.agent.plain_requests import ListFolder, ReadFile, RememberThis, ToolRequest, parse_plain
from openclaw_desktop.agent.planning import PLAN_SPEC, asks_for_several, plain_plan, read_plan
from openclaw_desktop.agent.reply import PLAN, PLAN_LIMIT, reply_schema, signature
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.messages import ToolSpec

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
READ, WRITE = ToolSpec("read_file", "", SCHEMA, "read"), ToolSpec("write_file", "", SCHEMA, "local-reversible")
CALL = {"tool": "read_file", "path": "a"}


@pytest.mark.parametrize(
    "text",
    [
        "Read notes.txt and write a summary of it to short.txt",
        "send Ana the report, then move it to done",
        "Find the invoice; mail it to Bob",
        "1. Add milk to the list\n2. Remind me to call Ana",
        "Please open a.txt and also show me b.txt",
    ],
)
def test_several_orders_are_several_things(text: str) -> None:
    assert asks_for_several(text)


@pytest.mark.parametrize(
    "text",
    [
        "What is the capital of France and of Spain?",
        "Read notes.txt",
        "I like tea and I read a lot",
        "Why do cats purr and dogs bark?",
        "When does the plumber come, as my file notes.txt says it?",
        "add bread and butter to my list",
        "Tell me about the war and peace of 1648",
        "",
    ],
)
def test_what_orders_one_thing_or_none_is_no_plan(text: str) -> None:
    assert not asks_for_several(text)


def test_plain_requests_in_a_row_are_done_without_a_model() -> None:
    plan = plain_plan("read ~/a.txt; list ~/papers and then remember that I like tea", parse_plain)
    assert plan is not None
    assert plan.requests == (ReadFile("~/a.txt"), ListFolder("~/papers"), RememberThis("I like tea"))
    plan = plain_plan("1. read ~/a.txt\n2. read ~/b.txt", parse_plain)
    assert plan is not None and len(plan.requests) == 2


@pytest.mark.parametrize(
    "text",
    [
        "read ~/a.txt and tell me what you think of it",
        "read ~/a.txt and then forget that I like tea",
        "read ~/a.txt",
        "read ~/a.txt; don't read ~/b.txt",
        "if it rains, read ~/a.txt; list ~/papers",
        "; ".join(["read ~/a.txt"] * (PLAN_LIMIT + 1)),
        "what do you know about tea; read ~/a.txt",
    ],
)
def test_one_part_that_is_not_certain_leaves_all_of_it_to_the_model(text: str) -> None:
    assert plain_plan(text, parse_plain) is None


def test_a_part_may_be_a_request_that_a_tool_brought() -> None:
    plan = plain_plan("a and b", lambda part: ToolRequest(part, {}))
    assert plan is not None and [one.tool for one in plan.requests if isinstance(one, ToolRequest)] == ["a", "b"]


def test_a_reply_may_name_several_tools_only_where_that_is_offered() -> None:
    plan = {"tool": PLAN, "calls": [CALL, {"tool": "write_file", "path": "b"}]}
    jsonschema.validate(plan, reply_schema([READ, WRITE], plans=True))
    for wrong in (
        (plan, reply_schema([READ, WRITE])),
        (plan, reply_schema([READ], plans=True)),
        ({"tool": PLAN, "calls": [CALL]}, reply_schema([READ], plans=True)),
        ({"tool": PLAN, "calls": [CALL] * (PLAN_LIMIT + 1)}, reply_schema([READ], plans=True)),
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(*wrong)
    assert PLAN not in json.dumps(reply_schema([], plans=True)), "with nothing to call there is nothing to plan"
    assert signature(PLAN_SPEC).startswith("- plan(calls: array")


def test_a_plan_names_tools_that_may_be_called_and_nothing_else() -> None:
    named = read_plan(PLAN, {"calls": [CALL, {"tool": "write_file", "path": "b"}]}, [READ, WRITE])
    assert named == [(READ, {"path": "a"}), (WRITE, {"path": "b"})]
    assert read_plan("read_file", {"path": "a"}, [READ]) == [(READ, {"path": "a"})]
    for calls in ([], "x", [CALL, {"tool": "other"}], [CALL, 3], [CALL, {"tool": ["x"]}], [CALL, {"tool": PLAN}]):
        with pytest.raises(UserError, match="may not do"):
            read_plan(PLAN, {"calls": calls}, [READ, WRITE])
    with pytest.raises(UserError, match="may not do"):
        read_plan("other", {}, [READ])
    with pytest.raises(UserError, match="may not do"):
        read_plan(PLAN, {"calls": [CALL, CALL]}, [READ], plans=False)


def test_a_tool_that_is_called_plan_is_a_tool() -> None:
    own = ToolSpec(PLAN, "", SCHEMA, "read")
    assert read_plan(PLAN, {"path": "a"}, [own]) == [(own, {"path": "a"})]


@pytest.mark.parametrize("blank", [" ", "\n", "\t", ", ", ";", " and "])
def test_a_pasted_page_is_looked_through_once(blank: str) -> None:
    """Thousands of blanks in a row held up everything for minutes."""
    text = f"read a.txt{blank * 5000}please"
    assert plain_plan(text, lambda _part: None) is None
    assert not asks_for_several(f"tea{blank * 5000}please")


@pytest.mark.parametrize(
    "text", ["read a.txt and then  list ~/b", "read a.txt\n\n  then list ~/b", "read a.txt .  After that, list ~/b"]
)
def test_more_blanks_than_one_are_one(text: str) -> None:
    plan = plain_plan(text, parse_plain)
    assert plan is not None and [type(one) for one in plan.requests] == [ReadFile, ListFolder]
