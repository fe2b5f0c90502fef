"""Assembling the prompt: what the model reads, in an order that keeps its prefix.

Owns the layout: [system and tools] [history, append only] [last message: memories, the date, the question]. Volatile
text stands last, so that the long part before it need not be read again. Must not know where texts are stored. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from openclaw_desktop.agent.reply import ANSWER, reply_text, signature
from openclaw_desktop.core.labels import SYSTEM, Label
from openclaw_desktop.core.memory_lines import memory_lines
from openclaw_desktop.core.messages import Message, ToolSpec
from openclaw_desktop.core.protocols import Memory
from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.core.tokens import clip, estimate_tokens

REPLY_RESERVE_TOKENS = 900
# The system prompt is read once in a model's lifetime, but stands in every context; a small model also answers worse
# the more tools it has read of (900: "When does the plumber come?" was answered with the present time).
TOOLS_TOKENS = 250
# What most people ask an agent on their desktop for, in this order; a tool used so often comes before these.
USEFUL = (
    "read_file", "recall", "remember", "find_files", "list_folder", "todos", "calculate", "web_search", "fetch_page",
    "write_file", "notes", "time_in", "run_command",
)  # fmt: skip
OFTEN = 4
# A stranger's tool says as much as it likes: the choices of one argument alone can be longer than a model's context.
FOREIGN_TOKENS = 250
RESULT_RESERVE_TOKENS = 1500
TIME_STEP_MINUTES = 15
_TOLD_TIME = re.compile(r"^\[(?:Today is [^\]]*, )?(?P<hour>\d\d):(?P<minute>\d\d)\.?\]$", re.MULTILINE)
_ABOUT_TIME = re.compile(
    r"\b(?:time|clock|now|hours?|minutes?|seconds?|when|late|early|today|tonight|tomorrow|day|date|week|remind)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class PastTurn:
    """One finished turn: the question, what its tools returned and still is at hand, and the answer.

    While it is at hand, `question` is the very message that the model read: a prompt that repeats its predecessor to
    the letter need not be read again. `spoken` is what the user said of it, where that differs.
    """

    question: Message
    calls: tuple[Message, ...]
    answer: Message
    turn_id: str = ""
    spoken: Message | None = None


def favourites(uses: Mapping[str, int]) -> tuple[str, ...]:
    """Return the names of tools by how much they earn a place in every prompt: those used often, then the useful ones.

    `uses`: how often each was used. Only whether that doubled counts: the prompt stays the same for long.
    """
    often = {name: count.bit_length() for name, count in uses.items() if count >= OFTEN}
    rank = {name: place for place, name in enumerate(USEFUL)}
    names = sorted({*often, *USEFUL}, key=lambda name: (-often.get(name, 0), rank.get(name, len(USEFUL)), name))
    return tuple(names)


def listed_tools(tools: Sequence[ToolSpec], order: Sequence[str]) -> tuple[ToolSpec, ...]:
    """Return the tools that the system prompt always names, as they come in `tools`: as many as fit, first by `order`.

    What is beyond its room is named where it is offered; so is what others offer: their words are not the system's.
    """
    own = {tool.name: tool for tool in tools if not tool.source}
    rank = {name: place for place, name in enumerate(order)}
    room = TOOLS_TOKENS
    listed = set()
    for name in sorted(own, key=lambda name: (rank.get(name, len(rank)), name)):
        room -= estimate_tokens(signature(own[name]))
        if room < 0:
            break
        listed.add(name)
    return tuple(tool for tool in tools if tool.name in listed)


def foreign_words(tools: Sequence[ToolSpec]) -> list[Message]:
    """Return what strangers say of those of `tools` that are theirs, each with its label."""
    return [
        Message("user", _offer(tool), Label("untrusted", "public", (tool.source,))) for tool in tools if tool.source
    ]


def system_message(tools: Sequence[ToolSpec], plain: bool) -> Message:
    """Return the system prompt; the same tools give the same bytes. No time, no memory and no untrusted text in it."""
    if plain:
        return Message("system", resource_path("prompts", "chat.md").read_text(encoding="utf-8").strip(), SYSTEM)
    template = resource_path("prompts", "system.md").read_text(encoding="utf-8").strip()
    return Message("system", template.replace("{tools}", "\n".join(signature(tool) for tool in tools)), SYSTEM)


def last_message(
    text: str,
    memories: Sequence[Memory],
    attachments: Sequence[Message],
    now: datetime,
    further_tools: Sequence[ToolSpec] = (),
    history: Sequence[Message] = (),
) -> str:
    """Return the user's message with what is remembered, the date and tools offered beyond the listed before it.

    The day is written once, and the time where a while has passed since `history` had it, or where it is asked about.
    """
    parts = _moment(text, now, history)
    if further_tools:
        parts.append("[More tools:\n" + "\n".join(map(_offer, further_tools)) + "]")
    if memories:
        parts.append("[From memory:\n" + memory_lines(memories) + "]")
    parts += [attachment.text for attachment in attachments]
    parts.append(text)
    return "\n".join(parts)


def _offer(tool: ToolSpec) -> str:
    return clip(signature(tool), FOREIGN_TOKENS) if tool.source else signature(tool)


def _moment(text: str, now: datetime, history: Sequence[Message]) -> list[str]:
    today = f"[Today is {now:%A, %d %B %Y}"
    if not any(today in message.text for message in history):
        return [f"{today}, {now:%H:%M}.]"]
    told = [match for message in history if message.role == "user" for match in _TOLD_TIME.finditer(message.text)]
    last_minute = int(told[-1]["hour"]) * 60 + int(told[-1]["minute"]) if told else 0
    passed = now.hour * 60 + now.minute - last_minute
    return [f"[{now:%H:%M}]"] if passed >= TIME_STEP_MINUTES or _ABOUT_TIME.search(text) else []


def history_messages(turns: Sequence[PastTurn], plain: bool) -> list[Message]:
    """Return past turns as messages; with tools, answers keep the form in which the model must reply."""
    messages: list[Message] = []
    for turn in turns:
        answer = turn.answer
        if not plain:
            answer = Message("assistant", reply_text(ANSWER, {"text": answer.text}), answer.label)
            messages += [turn.question, *turn.calls, answer]
        else:
            messages += [turn.question, answer]
    return messages


def room_tokens(context_tokens: int, *texts: str) -> int:
    """Return how many tokens are left beside `texts` and the reply."""
    return max(0, context_tokens - REPLY_RESERVE_TOKENS - sum(estimate_tokens(text) for text in texts))


def fit_history(turns: Sequence[PastTurn], plain: bool, room: int) -> tuple[PastTurn, ...]:
    """Return the latest turns that fit into `room` tokens; older ones are left out."""
    kept: list[PastTurn] = []
    for turn in reversed(turns):
        room -= sum(estimate_tokens(message.text) + 8 for message in history_messages([turn], plain))
        if room < 0:
            break
        kept.insert(0, turn)
    return tuple(kept)
