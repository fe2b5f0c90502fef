"""Questions about calls: what exactly is asked, and what an answer allows.

Owns the frozen form of a call and its hash, and the wording of questions. Must not know who shows them. Pure functions.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from openclaw_desktop.core.events import Choice, Question
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import ToolCall, ToolSpec
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.gate import Decision, Grant

ONCE, FILE, FOLDER, NO = "once", "file", "folder", "no"


def call_hash(call: ToolCall) -> str:
    """Return the SHA-256 of the call's canonical form: name and arguments as sorted JSON."""
    frozen = json.dumps([call.name, dict(call.arguments)], sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(frozen.encode()).hexdigest()


def question_for(call: ToolCall, tool: ToolSpec, context: Label, decision: Decision) -> Question:
    """Return the question that shows the exact frozen call; "no" is the last choice and the default."""
    target = str(call.arguments[tool.authority[0]]) if tool.authority else json.dumps(dict(call.arguments))
    choices = [Choice(ONCE, tr("This once"))]
    if decision.standing and tool.capability == "file:read":
        folder = Path(target) if Path(target).is_dir() else Path(target).parent
        choices = [Choice(FOLDER, tr("This folder: {folder}", folder=visible(str(folder))))]
        if not Path(target).is_dir():
            choices.insert(0, Choice(FILE, tr("This file")))
    return Question(
        id=new_id("que"),
        title=tr("May the agent read this?") if tool.effect == "read" else tr("May the agent do this?"),
        text=tr("To answer you, it wants to read:")
        if tool.effect == "read"
        else tr("It wants to use {tool} with:", tool=tool.name),
        target=visible(target),
        choices=(*choices, Choice(NO, tr("No"))),
        origins=tuple(visible(origin) for origin in context.origins) if context.integrity == "untrusted" else (),
        call_hash=call_hash(call),
    )


def grant_for(choice: str, call: ToolCall, tool: ToolSpec) -> Grant | None:
    """Return the standing grant that a choice makes, None for "once" and "no"."""
    if tool.capability is None or not tool.authority or choice not in (FILE, FOLDER):
        return None
    target = Path(str(call.arguments[tool.authority[0]]))
    if choice == FOLDER and not target.is_dir():
        target = target.parent
    return Grant(tool.capability, str(target))
