"""Questions about calls: what exactly is asked, and what an answer allows.

Owns the frozen form of a call and its hash, and the wording of questions. Must not know who shows them. Pure functions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openclaw_desktop.core.events import Choice, Question, ShownArgument, ShownCall
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Message, ToolCall, ToolSpec
from openclaw_desktop.core.text import tr, visible, visible_lines
from openclaw_desktop.security.gate import Decision, Grant
from openclaw_desktop.security.origins import USER_ORIGIN, find_origins
from openclaw_desktop.security.scopes import wanted_scopes

ONCE, SESSION, ALWAYS, FILE, FOLDER, NO = "once", "session", "always", "file", "folder", "no"
# A second window stays so long before a yes counts: who clicks without reading has to stop.
SECOND_DELAY_S = 3.0
PREVIEW_CHARS = 20_000
VALUE_CHARS = 4_000
ORIGINS_NAMED = 20


@dataclass(frozen=True, slots=True)
class Planned:
    """A frozen call that waits for an answer: its tool, what the gate said, and what it would change."""

    call: ToolCall
    tool: ToolSpec
    decision: Decision
    preview: str = ""


def call_hash(call: ToolCall, source: str = "") -> str:
    """Return the SHA-256 of the call's canonical form: name and arguments as sorted JSON.

    `source`: whose tool it is, where it is not ours: another server's tool of that name is another call.
    """
    parts = [call.name, dict(call.arguments), *([source] if source else [])]
    frozen = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(frozen.encode()).hexdigest()


def question_for(
    call: ToolCall,
    tool: ToolSpec,
    context: Label,
    decision: Decision,
    texts: Sequence[Message] = (),
    preview: str = "",
) -> Question:
    """Return the question that shows the exact frozen call; "no" is the last choice and the default.

    `texts`: what the model had read, each with its label; `preview`: what the call would change.
    """
    reads = tool.effect == "read"
    shown = shown_call(call, tool, texts, preview)
    return Question(
        id=new_id("que"),
        title=tr("May the agent read this?") if reads else tr("May the agent do this?"),
        text=_wish(tool, shown),
        target=shown.target,
        choices=(*_choices(call, tool, decision), Choice(NO, tr("No"))),
        origins=_named(context),
        call_hash=call_hash(call, tool.source),
        calls=(shown,),
    )


def second_question(first: Question, context: Label) -> Question:
    """Return the second window for what is asked twice: it names the data that may go and where it goes.

    It stays closed to a yes so long for each call that it shows.
    """
    sources = ", ".join(_named(context)) or tr("texts that you did not write")
    return Question(
        id=new_id("que"),
        title=tr("Are you sure?"),
        text=tr(
            "The agent holds private data and has read: {sources}. Whoever wrote that may be behind this. Your data "
            "may go to, or be changed at:",
            sources=sources,
        ),
        target=first.target,
        choices=(Choice(ONCE, tr("Yes, this once")), first.choices[-1]),
        origins=first.origins,
        call_hash=first.call_hash,
        calls=first.calls,
        delay_s=SECOND_DELAY_S * max(1, len(first.calls)),
    )


def plan_question(planned: Sequence[Planned], context: Label, texts: Sequence[Message]) -> Question:
    """Return the one question about several frozen calls; a yes allows each of them once, in this turn alone."""
    shown = tuple(shown_call(one.call, one.tool, texts, one.preview) for one in planned)
    lines = [f"{number}. {named(call.tool, call.target)}" for number, call in enumerate(shown, start=1)]
    hashes = [call_hash(one.call, one.tool.source) for one in planned]
    return Question(
        id=new_id("que"),
        title=tr("May the agent do all of this?"),
        text=tr("It wants to do these {count} things, one after the other:", count=len(planned)),
        target="\n".join(lines),
        choices=(Choice(ONCE, tr("All of it, this once")), Choice(NO, tr("No"))),
        origins=_named(context),
        call_hash=hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest(),
        calls=shown,
    )


def shown_call(call: ToolCall, tool: ToolSpec, texts: Sequence[Message] = (), preview: str = "") -> ShownCall:
    """Return a frozen call as a question shows it, every argument with where it comes from."""
    arguments = tuple(
        ShownArgument(
            visible(name),
            words_of(value, lines=name not in tool.authority),
            tuple(visible(o) for o in find_origins(value, texts)),
        )
        for name, value in call.arguments.items()
    )
    return ShownCall(visible(tool.name), target_of(call, tool), arguments, shown_preview(preview))


def shown_preview(preview: str) -> str:
    """Return what a call would change with nothing hidden in it; what is too long to be read says that it was cut."""
    more = tr("\n[the rest is not shown]") if len(preview) > PREVIEW_CHARS else ""
    return visible_lines(preview[:PREVIEW_CHARS]) + more


def target_of(call: ToolCall, tool: ToolSpec) -> str:
    """Return what a frozen call is about, in words in which nothing can hide."""
    values = [call.arguments.get(name) for name in tool.authority]
    if not tool.authority:
        return words_of(dict(call.arguments)) if call.arguments else ""
    return " → ".join(words_of(value) for value in values if value is not None)


def named(tool: str, target: str) -> str:
    """Return a call on one line: its tool, and what it is about where that is anything."""
    return f"{tool}: {target}" if target else tool


def words_of(value: Any, *, lines: bool = False) -> str:
    """Return a value of an argument in words in which nothing can hide, cut where it is very long.

    `lines`: it is shown with its line feeds, by who sets in each of its lines.
    """
    if isinstance(value, str):
        text = value
    elif isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
        text = json.dumps(list(value), ensure_ascii=False) if len(value) != 1 else value[0]
    else:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    more = tr(" [and {count} characters more]", count=len(text) - VALUE_CHARS) if len(text) > VALUE_CHARS else ""
    return (visible_lines if lines else visible)(text[:VALUE_CHARS]) + more


def _wish(tool: ToolSpec, shown: ShownCall) -> str:
    """Return what stands above a call's target. What a file question is about its path says; else the tool is named."""
    if tool.effect == "read" and tool.capability == "file:read" and shown.target:
        return tr("To answer you, it wants to read:")
    if tool.source or shown.target:  # how others describe their tools is their own word
        return tr("It wants to use {tool} with:", tool=shown.tool)
    return tr("It wants to use {tool}: {description}.", tool=shown.tool, description=tool.description)


def _named(context: Label) -> tuple[str, ...]:
    if context.integrity != "untrusted":
        return ()
    return tuple(visible(origin) for origin in context.origins if origin != USER_ORIGIN)[:ORIGINS_NAMED]


def _choices(call: ToolCall, tool: ToolSpec, decision: Decision) -> list[Choice]:
    once = Choice(ONCE, tr("This once"))
    if not decision.standing:
        return [once]
    if tool.capability == "file:read" and tool.effect == "read" and len(tool.authority) == 1:
        target = str(call.arguments[tool.authority[0]])
        folder = Path(target) if Path(target).is_dir() else Path(target).parent
        choices = [Choice(FOLDER, tr("This folder: {folder}", folder=visible(str(folder))))]
        if not Path(target).is_dir():
            choices.insert(0, Choice(FILE, tr("This file")))
        return choices
    scopes = wanted_scopes(call, tool)
    if not scopes:
        return [once]
    what = visible(", ".join(scopes))
    if scopes == ("*",):
        return [once, Choice(SESSION, tr("In this chat")), Choice(ALWAYS, tr("Always"))]
    return [
        once,
        Choice(SESSION, tr("In this chat: {what}", what=what)),
        Choice(ALWAYS, tr("Always: {what}", what=what)),
    ]


def grants_for(choice: str, call: ToolCall, tool: ToolSpec) -> tuple[Grant, ...]:
    """Return the grants that a choice makes, of the chat or for good; () for "once" and "no"."""
    if tool.capability is None:
        return ()
    if choice in (FILE, FOLDER) and tool.authority:
        target = Path(str(call.arguments[tool.authority[0]]))
        if choice == FOLDER and not target.is_dir():
            target = target.parent
        return (Grant(tool.capability, str(target)),)
    if choice in (SESSION, ALWAYS):
        return tuple(Grant(tool.capability, scope) for scope in wanted_scopes(call, tool))
    return ()
