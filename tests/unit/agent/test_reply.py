"""The model's reply is read while it streams, whatever the pieces."""

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.agent.reply import ReplyReader, reply_schema, signature
from openclaw_desktop.core.messages import ToolSpec

TOOL = ToolSpec(
    "read_file", "read a file",
    {
        "type": "object",
        "properties": {"path": {"type": "string", "maxLength": 9}, "n": {"type": "integer"}},
        "required": ["path"],
    },
    "read",
)  # fmt: skip


@given(st.text(max_size=60), st.booleans(), st.integers(1, 7))
def test_the_answers_text_streams_exactly(text: str, ascii_only: bool, step: int) -> None:
    text = text.encode("utf-8", "replace").decode()
    raw = json.dumps({"tool": "answer", "text": text}, ensure_ascii=ascii_only)
    reader = ReplyReader()
    shown = "".join(reader.feed(raw[i : i + step]) for i in range(0, len(raw), step))
    assert shown == text
    assert reader.call() == ("answer", {"text": text})


def test_a_tool_call_shows_no_text() -> None:
    reader = ReplyReader()
    assert reader.feed('{ "tool": "read_file", "path": "answer text" }') == ""
    assert reader.call() == ("read_file", {"path": "answer text"})


@pytest.mark.parametrize("raw", ["", '{"tool":"answer","text":"half', "[]", '{"text":"x"}', '{"tool":3}', "plain"])
def test_a_reply_that_broke_off_is_no_call(raw: str) -> None:
    reader = ReplyReader()
    reader.feed(raw)
    assert reader.call() is None


def test_half_an_answer_is_still_shown() -> None:
    reader = ReplyReader()
    assert reader.feed('{"tool":"answer","text":"half a se') == "half a se"


def test_the_schema_admits_each_tool_and_the_answer_and_nothing_else() -> None:
    schema = reply_schema([TOOL])
    jsonschema.validate({"tool": "read_file", "path": "a"}, schema)
    jsonschema.validate({"tool": "answer", "text": "a"}, schema)
    for wrong in ({"tool": "other", "path": "a"}, {"tool": "answer"}, {"tool": "answer", "text": "a", "x": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)
    assert "maxLength" not in json.dumps(schema)


def test_a_signature_marks_what_may_be_left_out() -> None:
    assert signature(TOOL) == "- read_file(path, n?: integer): read a file"


@pytest.mark.parametrize(
    ("written", "read"),
    [("a\\uZZZZb", "a\ufffdb"), ("a\\ud83d\\u0041b", "a\ufffdAb"), ("a\\ud83d\\uZZZZb", "a\ufffd\ufffdb")],
)
def test_an_escape_that_is_none_is_no_fault_of_ours(written: str, read: str) -> None:
    reader = ReplyReader()
    assert reader.feed('{"tool": "answer", "text": "' + written + '"}') == read
    reader.call()


def test_a_reply_of_any_depth_is_no_fault_of_ours() -> None:
    reader = ReplyReader()
    reader.feed('{"tool": "read_file", "path": ' + "[" * 20_000 + "]" * 20_000 + "}")
    assert reader.call() is None


def test_what_no_grammar_can_hold_is_left_to_the_check_of_the_finished_call() -> None:
    parameters = {
        "type": "object",
        "properties": {
            "day": {"type": "string", "pattern": r"^(?:today|\d{4})$", "description": "which"},
            "words": {"type": "array", "maxItems": 200, "items": {"type": "string", "maxLength": 4000}},
            "count": {"type": "integer", "minimum": 1},
        },
    }
    shape = reply_schema([ToolSpec("habits", "d", parameters, "read")])["anyOf"][0]
    assert shape["properties"] == {
        "tool": {"const": "habits"},
        "day": {"type": "string"},
        "words": {"type": "array", "items": {"type": "string"}},
        "count": {"type": "integer"},
    }
    assert shape["required"] == ["tool"]
