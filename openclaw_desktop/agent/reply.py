"""Reading the model's reply while it streams: one JSON object that names a tool.

Owns the shape of a reply: `{"tool": name, ...arguments}`, and of one that names several: `{"tool": "plan", "calls":
[...]}`. Must not know what tools do. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from openclaw_desktop.core.messages import ToolSpec
from openclaw_desktop.core.tokens import clip

ANSWER = "answer"
PLAN = "plan"
# More than this nobody reads in one question.
PLAN_LIMIT = 5
# Descriptions that come from elsewhere may be of any length.
DESCRIPTION_TOKENS = 80
ARGUMENT_TOKENS = 40
_ANSWER_START = re.compile(r'\s*\{\s*"tool"\s*:\s*"answer"\s*,\s*"text"\s*:\s*"')
# A server may write anything; our own grammar knows no other escapes.
_HEX = re.compile(r"[0-9A-Fa-f]{4}")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "\\": "\\", "/": "/"}


def reply_schema(tools: Sequence[ToolSpec], plans: bool = False) -> dict[str, Any]:
    """Return the JSON Schema of a reply: one of `tools`, or `answer`; where it `plans`, also several of `tools`."""
    answer = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    named = [_with_name(tool.name, tool.parameters) for tool in tools]
    plan = _with_name(PLAN, {"required": ["calls"]})
    plan["properties"]["calls"] = {"type": "array", "items": {"anyOf": named}, "minItems": 2, "maxItems": PLAN_LIMIT}
    return {"anyOf": [*named, *([plan] if plans and named else []), _with_name(ANSWER, answer)]}


# What a grammar is made from. Lengths, patterns and ranges are checked on the finished call: in a grammar they cost
# thousands of rules, and not every pattern has one.
_SHAPE = frozenset({"type", "enum", "const", "required", "additionalProperties"})


def _with_name(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    shape = _shape_of(parameters)
    return {
        "type": "object",
        "properties": {"tool": {"const": name}, **shape.get("properties", {})},
        "required": ["tool", *parameters.get("required", ())],
        "additionalProperties": False,
    }


def _shape_of(schema: Any) -> dict[str, Any]:
    """Return the part of a JSON Schema that a grammar keeps to."""
    if not isinstance(schema, Mapping):
        return {}
    shape: dict[str, Any] = {key: value for key, value in schema.items() if key in _SHAPE}
    if isinstance(schema.get("properties"), Mapping):
        shape["properties"] = {name: _shape_of(part) for name, part in schema["properties"].items()}
    if "items" in schema:
        shape["items"] = _shape_of(schema["items"])
    return shape


def signature(tool: ToolSpec) -> str:
    """Return one line for the prompt: `- name(argument: what it is, other?): what the tool does`."""
    required = tool.parameters.get("required", ())
    properties = tool.parameters.get("properties", {}).items()
    arguments = [f"{name}{'' if name in required else '?'}{_meaning(kind)}" for name, kind in properties]
    does = f": {clip(tool.description, DESCRIPTION_TOKENS)}" if tool.description else ""
    return f"- {tool.name}({', '.join(arguments)}){does}"


def _meaning(kind: Mapping[str, Any]) -> str:
    """Return what an argument is, as far as its name does not say it: type, choices and description."""
    words = [] if kind.get("type", "string") == "string" else [str(kind["type"])]
    if "enum" in kind:
        words = ["|".join(map(str, kind["enum"]))]
    if kind.get("description"):
        words.append(clip(str(kind["description"]), ARGUMENT_TOKENS))
    return f": {', '.join(words)}" if words else ""


def reply_text(tool: str, arguments: Mapping[str, Any]) -> str:
    """Return a reply as the model writes it, without blanks: to the letter, or it would have to be read again."""
    return json.dumps({"tool": tool, **arguments}, ensure_ascii=False, separators=(",", ":"))


class ReplyReader:
    """Takes the reply piece by piece and gives out the answer's text as soon as it is certain."""

    def __init__(self) -> None:
        self.raw = ""
        self._position: int | None = None
        self._closed = False

    def feed(self, piece: str) -> str:
        """Add `piece` and return what became readable of the answer's text."""
        self.raw += piece
        if self._position is None:
            start = _ANSWER_START.match(self.raw)
            if start is None:
                return ""
            self._position = start.end()
        return self._decode()

    def _decode(self) -> str:
        assert self._position is not None
        out: list[str] = []
        raw, position = self.raw, self._position
        while not self._closed and position < len(raw):
            character = raw[position]
            if character == '"':
                self._closed = True
            elif character != "\\":
                out.append(character)
                position += 1
            else:
                decoded, length = _unescape(raw[position : position + 12])
                if not length:
                    break
                out.append(decoded)
                position += length
        self._position = position
        return "".join(out)

    def call(self) -> tuple[str, dict[str, Any]] | None:
        """Return the finished reply's tool and arguments; None where it broke off or is no such object."""
        try:
            reply = json.loads(self.raw)
        except (ValueError, RecursionError):
            return None
        if not isinstance(reply, dict) or not isinstance(reply.get("tool"), str):
            return None
        return reply["tool"], {key: value for key, value in reply.items() if key != "tool"}


def _unescape(text: str) -> tuple[str, int]:
    """Return the character of the escape at the start of `text` and its length; length 0 while it is incomplete."""
    if len(text) < 2:
        return "", 0
    if text[1] != "u":
        return _ESCAPES.get(text[1], text[1]), 2
    if len(text) < 6:
        return "", 0
    if not _HEX.fullmatch(text[2:6]):
        return "\ufffd", 6
    code = int(text[2:6], 16)
    if not 0xD800 <= code < 0xDC00:
        return (chr(code) if not 0xDC00 <= code < 0xE000 else "\ufffd"), 6
    if len(text) < 12:
        return ("", 0) if text[6:8] in ("", "\\", "\\u") else ("\ufffd", 6)
    low = int(text[8:12], 16) if text[6:8] == "\\u" and _HEX.fullmatch(text[8:12]) else 0
    if not 0xDC00 <= low < 0xE000:
        return "\ufffd", 6
    return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)), 12
