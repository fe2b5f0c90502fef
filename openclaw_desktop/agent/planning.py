"""Several things asked for at once: one reply of the model that names them all, or several plain requests in a row.

Owns the form of a plan in a reply, when it is offered, where one request ends and the next begins, and which calls
wait behind one that waits for an answer. English, like the prompts. Must not know what tools do, nor who allows
them. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from openclaw_desktop.agent.plain_kinds import ListFolder, PlainPlan, PlainRequest, ReadFile, RememberThis, ToolRequest
from openclaw_desktop.agent.reply import PLAN, PLAN_LIMIT
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.messages import ToolSpec
from openclaw_desktop.core.text import tr

_READ_CHARS = 1500

# How a prompt names the form. It stands where it is offered alone: a small model plans where nothing is to be planned.
PLAN_SPEC = ToolSpec(
    PLAN,
    "do all that the user asked for, where that is more than one thing: "
    '{"tool":"plan","calls":[{"tool":"list_folder","path":"a"},{"tool":"list_folder","path":"b"}]}',
    {
        "type": "object",
        "properties": {"calls": {"type": "array", "description": "in their order"}},
        "required": ["calls"],
    },
    "read",
)

# What ends one request and begins another for certain, and what may as well stand within one. A row of blanks is tried
# once, from its beginning: a pasted page may have thousands of them.
_GAP = r"(?<!\s)\s++"
_CERTAIN_BREAK = re.compile(
    rf",?{_GAP}(?:after that|afterwards),?\s+|,?{_GAP}and\s+(?:then|also)\s+|,\s*+then\s+"
    r"|\.\s++(?:and\s+)?(?:then|also|after that|afterwards)\b,?\s*|[;\n]+\s*(?:and\s+)?(?:then\s+|also\s+)?",
    re.IGNORECASE,
)
_BREAK = re.compile(rf"{_CERTAIN_BREAK.pattern}|,?{_GAP}and\s+|{_GAP}then\s+|[.?!]\s+", re.IGNORECASE)
_NUMBERING = re.compile(r"^\s*(?:\d{1,2}[.)]|[-*•])\s+")
_ORDER = re.compile(
    r"^(?:(?:please|also|finally|first|next|then|could you|can you|i want you to)[,\s]+)*"
    r"(?:add|append|book|call|calculate|cancel|check|convert|copy|create|delete|download|draft|e-?mail|fetch|find"
    r"|forward|get|give|invite|list|look|mail|make|mark|message|move|note|open|pay|post|print|put|read|rename|remind"
    r"|remember|remove|reply|ring|run|save|schedule|search|send|set|share|show|start|sum up|summari[sz]e|take|tell"
    r"|trash|turn|update|upload|work out|write)\b",
    re.IGNORECASE,
)


def asks_for_several(text: str) -> bool:
    """Return True where the user's words order two things at least: then a reply may name several tools."""
    parts = (_NUMBERING.sub("", part) for part in _BREAK.split(text[:_READ_CHARS]))
    return sum(_ORDER.match(part) is not None for part in parts) > 1


def plain_plan(text: str, parse: Callable[[str], PlainRequest | None]) -> PlainPlan | None:
    """Return several plain requests in a row, each certain by itself; None where any part of `text` is not."""
    for pattern in (_CERTAIN_BREAK, _BREAK):
        parts = [_NUMBERING.sub("", part).strip() for part in pattern.split(text.strip())]
        parts = [part for part in parts if part]
        if not 1 < len(parts) <= PLAN_LIMIT:
            continue
        found = [parse(part) for part in parts]
        plain = [one for one in found if isinstance(one, (ReadFile, ListFolder, RememberThis, ToolRequest))]
        if len(plain) == len(parts) and all(one.certain for one in plain):
            return PlainPlan(tuple(plain))
    return None


def may_need(
    tool: ToolSpec, arguments: Mapping[str, Any], waiting: Sequence[tuple[ToolSpec, Mapping[str, Any]]]
) -> bool:
    """Return True where a call may need what one of `waiting` is to do: it is about the same, or what is in it."""
    own = _things(tool, arguments)
    for other, given in waiting:
        for thing in _things(other, given):
            if any(thing[-1] in one or one[-1] in thing for one in own):
                return True
    return False


def _things(tool: ToolSpec, arguments: Mapping[str, Any]) -> list[list[str]]:
    """Return what a call is about, each as the parts of its path or address; a name alone is its only part."""
    values: list[Any] = []
    for name in tool.authority:
        value = arguments.get(name)
        values += value if isinstance(value, (list, tuple)) else [value]
    split = [[part for part in re.split(r"[/\\]+", value.strip().casefold()) if part] for value in values
             if isinstance(value, str)]  # fmt: skip
    return [parts for parts in split if parts]


def read_plan(
    name: str, arguments: Mapping[str, Any], tools: Sequence[ToolSpec], plans: bool = True
) -> list[tuple[ToolSpec, Mapping[str, Any]]]:
    """Return the tools and arguments that a reply names: one, or those of a plan. Raises UserError where it may not."""
    # The grammar admits no other name; code holds to it as well, whatever a model or a worker sends.
    refused = UserError("bad_reply", tr("The model asked for something that it may not do here."), tr("Ask again."))
    by_name = {tool.name: tool for tool in tools}
    if name != PLAN or name in by_name or not plans:
        if name not in by_name:
            raise refused
        return [(by_name[name], arguments)]
    calls = arguments.get("calls")
    if not isinstance(calls, list) or not calls:
        raise refused
    named: list[tuple[ToolSpec, Mapping[str, Any]]] = []
    for call in calls[:PLAN_LIMIT]:
        if not isinstance(call, dict) or by_name.get(str(call.get("tool"))) is None:
            raise refused
        named.append((by_name[call["tool"]], {key: value for key, value in call.items() if key != "tool"}))
    return named
