"""`openclaw-agent feedback`, and /good and /bad in a chat: what the user thinks of an answer.

Owns the words. Must not know what is made of it.
"""

from __future__ import annotations

import argparse
from typing import get_args

from openclaw_desktop.cli import output
from openclaw_desktop.core.errors import ExitCode
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.memory.api import FeedbackView, Mark

LAST = "last"
CHAT_MARKS: dict[str, Mark] = {"/good": "up", "/bad": "down"}


async def feedback(service: AgentService, arguments: argparse.Namespace) -> int:
    """Keep what the user thinks of an answer, or say what they thought."""
    turn_id = None if arguments.turn == LAST else arguments.turn
    marks = {mark: mark for mark in get_args(Mark)}
    mark: Mark | None = marks.get(arguments.opinion)
    done = await service.give_feedback(turn_id, mark, arguments.opinion if mark is None else None)
    if arguments.json:
        output.print_json(done)
    else:
        output.say(describe(done) + "\n")
    return ExitCode.DONE


def describe(done: FeedbackView) -> str:
    """Return what stands about an answer, in lines for people."""
    words = {"up": tr("good"), "down": tr("bad"), "none": tr("no mark")}
    lines = [tr("Answer: {text}", text=visible(done.answer)), tr("Mark: {mark}", mark=words[done.mark])]
    return "\n".join([*lines, *([tr("In your words: {note}", note=visible(done.note))] if done.note else [])])
