"""Schemas become grammars that say what the schema says."""

from __future__ import annotations

import pytest

from openclaw_desktop.inference.worker.grammar import certain_text, schema_to_gbnf


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ('say "hi"', r'"\"say \\\"hi\\\"\""'),
        ("back\\slash", r'"\"back\\\\slash\""'),
        ("two\nlines", r'"\"two\\nlines\""'),
        ("é", '"\\"é\\""'),
        (1, '"1"'),
        (None, '"null"'),
    ],
)
def test_a_constant_is_its_json_text(value: object, literal: str) -> None:
    assert f"root ::= {literal}\n" in schema_to_gbnf({"const": value})
    assert f"root ::= {literal}\n" in schema_to_gbnf({"enum": [value]})


def test_the_schema_is_left_as_it_was() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"type": "string"}}}
    before = str(schema)
    schema_to_gbnf(schema)
    assert str(schema) == before


def tool(name: str, *parameters: str) -> dict[str, object]:
    properties = {"tool": {"const": name}} | {parameter: {"type": "string"} for parameter in parameters}
    return {"type": "object", "properties": properties, "required": ["tool", *parameters]}


@pytest.mark.parametrize(
    ("schema", "start"),
    [
        ({"anyOf": [tool("read_file", "path"), tool("answer", "text")]}, '{"tool":"'),
        ({"anyOf": [tool("answer", "text")]}, '{"tool":"answer","text":"'),
        (tool("now"), '{"tool":"now"'),
        ({"enum": ["yes", "yep"]}, '"'),
        ({"const": "yes"}, '"yes"'),
        ({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["b"]}, '{"b":'),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, ""),
        ({"type": "array", "items": {"type": "string"}}, ""),
        ({}, ""),
    ],
)
def test_what_every_reply_begins_with_is_known(schema: dict[str, object], start: str) -> None:
    assert certain_text(schema, "") == start


@pytest.mark.parametrize(
    ("reply", "rest"),
    [
        ('{"tool":"', ""),
        ('{"tool":"re', ""),
        ('{"tool":"rea', 'd_file","path":"'),
        ('{"tool":"answer', '","text":"'),
        ('{"tool":"answer","text":"', ""),
        ('{"tool":"answer","text":"Hello', ""),
        ('{ "tool"', ""),
    ],
)
def test_how_a_reply_must_go_on_is_known(reply: str, rest: str) -> None:
    schema = {"anyOf": [tool("read_file", "path"), tool("remember", "text"), tool("answer", "text")]}
    assert certain_text(schema, reply) == rest


def test_a_text_holds_no_raw_line_ends() -> None:
    """JSON wants them escaped, and the library's own rule does not."""
    (rule,) = [line for line in schema_to_gbnf({"type": "string"}).splitlines() if line.startswith("char ::=")]
    assert rule.startswith(r'char ::= [^"\\\x7F\x00-\x1F] |')
