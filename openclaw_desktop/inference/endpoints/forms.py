"""The form of a reply, as each kind of server can be made to keep it.

Owns the way from our schema to a server's own means, and from what comes back to our reply's JSON text: one object, its
"tool" first. A server that takes a JSON Schema streams just that; else functions are offered and the call is turned
into the reply; else the prompt asks for it, and whatever comes is read leniently. Must not know HTTP. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from openclaw_desktop.core.messages import Message

Style = Literal["json_schema", "json_object", "tools", "plain"]
# In the order in which they are tried: what binds the model comes before what asks it.
STYLES: tuple[Style, ...] = ("json_schema", "json_object", "tools", "plain")
# A prompt's schema that names no tools is offered as this one function.
REPLY = "reply"
# The tool that only talks; a text without a form is taken as it.
ANSWER = "answer"
# More braces than that are no reply with a few words around it, and looking at each takes its time.
OBJECTS_TRIED = 1000
# Where other forms of a call keep its arguments.
_WRAPPERS = ("arguments", "parameters", "args")


@dataclass(frozen=True, slots=True)
class ReplyForm:
    """What a reply must be. `tools`: the arguments' schema of each tool that it may name; empty for a free schema."""

    schema: Mapping[str, Any]
    tools: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> ReplyForm:
        """Read a prompt's schema."""
        branches = schema.get("anyOf", [schema])
        tools: dict[str, Mapping[str, Any]] = {}
        for branch in branches:
            named = branch.get("properties", {}).get("tool", {})
            names = [named["const"]] if "const" in named else named.get("enum", [])
            if not names:
                return cls(schema, {})
            rest = {key: value for key, value in branch["properties"].items() if key != "tool"}
            required = [key for key in branch.get("required", ()) if key != "tool"]
            for name in names:
                tools[name] = {**branch, "properties": rest, "required": required}
        return cls(schema, tools)

    def ask(self, style: Style, messages: Sequence[Message]) -> dict[str, Any]:
        """Return the part of a request that says the messages and the form."""
        written = write_messages(messages)
        match style:
            case "json_schema":
                form = {"name": REPLY, "strict": True, "schema": self.schema}
                return {"messages": written, "response_format": {"type": "json_schema", "json_schema": form}}
            case "json_object":
                return {"messages": written, "response_format": {"type": "json_object", "schema": self.schema}}
            case "tools":
                functions = self.tools or {REPLY: self.schema}
                offered = [
                    {"type": "function", "function": {"name": name, "parameters": parameters}}
                    for name, parameters in functions.items()
                ]
                return {"messages": written, "tools": offered, "tool_choice": "required"}
            case "plain":
                return {"messages": _with_instruction(written, self.schema)}


def write_messages(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Return messages as servers want them; a tool's result is a message of the user, as for the built-in model."""
    return [
        {"role": "user" if message.role == "tool" else message.role, "content": message.text} for message in messages
    ]


def _with_instruction(messages: list[dict[str, str]], schema: Mapping[str, Any]) -> list[dict[str, str]]:
    text = "Reply with one JSON object that fits this JSON Schema, and with nothing else:\n" + json.dumps(schema)
    if messages and messages[0]["role"] == "system":
        first = {"role": "system", "content": messages[0]["content"] + "\n\n" + text}
        return [first, *messages[1:]]
    return [{"role": "system", "content": text}, *messages]


class ReplyText:
    """Turns what a server streams into our reply's text, as early as it is certain; `ignored`: it kept no form."""

    def __init__(self, form: ReplyForm, style: Style) -> None:
        self._form = form
        self._calls = style == "tools"
        self._start = '{"tool":' if form.tools else "{"
        self._held = ""
        self._begun = ""  # what is held, without blanks
        self._state: Literal["waiting", "passing", "holding", "calling", "done"] = "waiting"
        self._scan = _ObjectScan()
        self._call_index = 0
        self.ignored = False

    def feed_text(self, text: str) -> str:
        """Take a piece of the reply's text and return what of it may pass."""
        if self._state == "passing":
            return self._pass(text)
        if self._state in ("calling", "done"):
            return ""
        self._held += text
        if self._state == "waiting" and not self._calls:
            self._begun += "".join(text.split())
            if self._begun.startswith(self._start):
                self._state = "passing"
                held, self._held = self._held, ""
                return self._pass(held)
            if not self._start.startswith(self._begun):
                self._state = "holding"
        return ""

    def _pass(self, text: str) -> str:
        kept = self._scan.take(text)
        if self._scan.closed:
            self._state = "done"
        return kept

    def feed_call(self, index: int, name: str, arguments: str) -> str:
        """Take a piece of a function call; the first call counts. Its name comes with its first piece."""
        if name and self._state in ("waiting", "holding"):
            self._state, self._call_index, self._held = "calling", index, ""
            opening = "" if not self._form.tools else f'{{"tool": {json.dumps(name)}'
            return opening + self._arguments(arguments)
        if self._state == "calling" and index == self._call_index:
            return self._arguments(arguments)
        return ""

    def _arguments(self, text: str) -> str:
        if not self._form.tools:
            return self._pass_call(text)
        if self._scan.begun:
            return self._pass_call(text)
        # The arguments' own brace gives way to ours; the comma waits for a first argument.
        self._held += text
        inside = self._held.lstrip()
        if not inside.startswith("{") or not inside[1:].strip():
            return ""
        self._scan.take("{")
        self._held = ""
        rest = inside[1:].lstrip()
        return ("" if rest.startswith("}") else ", ") + self._pass_call(rest)

    def _pass_call(self, text: str) -> str:
        kept = self._scan.take(text)
        if self._scan.closed:
            self._state = "done"
        return kept

    def close(self) -> str:
        """Return the rest, once everything has come."""
        if self._state == "calling" and self._form.tools and not self._scan.begun:
            return "}"
        if self._state not in ("waiting", "holding") or not self._held.strip():
            return ""
        found = _find_reply(self._held, self._form)
        if found is not None:
            return json.dumps(found, ensure_ascii=False)
        # A reply that was cut before it could begin says nothing about the server.
        self.ignored = not self._calls and self._state == "holding"
        if ANSWER in self._form.tools:
            words = self._held.rpartition("</think>")[2].strip()
            return json.dumps({"tool": ANSWER, "text": words}, ensure_ascii=False)
        return self._held


class _ObjectScan:
    """Sees where one JSON object ends: models like to add a few words."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_text = False
        self._escaped = False
        self.begun = False
        self.closed = False

    def take(self, text: str) -> str:
        """Return `text` up to the end of the object."""
        for place, character in enumerate(text):
            if self._in_text:
                if self._escaped:
                    self._escaped = False
                elif character == "\\":
                    self._escaped = True
                elif character == '"':
                    self._in_text = False
            elif character == '"':
                self._in_text = True
            elif character in "{[":
                self._depth, self.begun = self._depth + 1, True
            elif character in "}]":
                self._depth -= 1
                if self._depth <= 0:
                    self.closed = True
                    return text[: place + 1]
        return text


def _find_reply(text: str, form: ReplyForm) -> dict[str, Any] | None:
    """Return the reply that stands somewhere in a text: in a fence, after thoughts, or in another common form."""
    for found in _objects(text):
        if not form.tools:
            return found
        name = str(found.get("tool", found.get("name", found.get("function", ""))))
        if name not in form.tools:
            continue
        known = form.tools[name]["properties"]
        wrapped = [found[key] for key in _WRAPPERS if isinstance(found.get(key), dict) and key not in known]
        arguments = wrapped[0] if wrapped else found
        return {"tool": name, **{key: value for key, value in arguments.items() if key in known}}
    return None


def _objects(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    place = text.find("{")
    for _ in range(OBJECTS_TRIED):
        if place < 0:
            return
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            if isinstance(value, dict):
                yield value
        place = text.find("{", end)
