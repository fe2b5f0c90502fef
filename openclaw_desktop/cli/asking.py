"""A question at a real terminal: what would be done, to the letter, and the answer to it.

Owns how a question looks as text. Must not know who asks, nor what an answer allows. What a value holds is set in on
every line that the terminal shows of it, so that it can pass for no line of ours.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterator, Sequence

from openclaw_desktop.cli.terminal import discard_typed, read_line
from openclaw_desktop.core.events import Question, ShownCall
from openclaw_desktop.core.text import tr, visible, visible_lines
from openclaw_desktop.service.walls.question_lines import Kind, Line, describe_calls, name_origin

# Select Graphic Rendition: 1 bold, 2 faint, 31 red, 32 green, 33 yellow, 36 cyan.
STYLES: dict[Kind, str] = {
    "call": "1",
    "foreign": "33",
    "file": "2",
    "place": "36",
    "added": "32",
    "removed": "31",
}
SET_IN = "      | "
NAMED = "    "
LEAST_COLUMNS = 20


def describe(
    title: str, text: str, calls: Sequence[ShownCall], target: str, origins: Sequence[str], columns: int = 0
) -> Iterator[tuple[str, str]]:
    """Yield what a question says, as lines of at most `columns` (0: of this terminal) with the style of each."""
    columns = max(LEAST_COLUMNS, columns or shutil.get_terminal_size().columns)
    yield from ((line, "1") for line in _fold(visible(title), columns, ""))
    yield from ((line, "") for line in _fold(visible_lines(text), columns, ""))
    # Of a plan each call says its own.
    if target and len(calls) < 2:
        yield from ((line, "") for line in _fold(visible(target), columns, SET_IN))
    for line in describe_calls(calls):
        yield from ((row, STYLES.get(line.kind, "")) for row in _fold(line.text, columns, _indent(line)))
    if origins:
        named = ", ".join(name_origin(origin) for origin in origins)
        told = tr("This follows from texts that you did not write: {origins}.", origins=named)
        yield from ((line, "33") for line in _fold(told, columns, ""))


async def ask_in_terminal(question: Question) -> str:
    """Put a question to the person at the terminal; anything but a listed number is "no"."""
    show([("", ""), *describe(question.title, question.text, question.calls, question.target, question.origins)])
    if question.delay_s:
        # A yes before that counts for nothing, and what was typed meanwhile was typed unread.
        show([(tr("Read it first: a yes can be given in {seconds:.0f} s.", seconds=question.delay_s), "33")])
        await asyncio.sleep(question.delay_s)
    discard_typed()
    show([(f"  {number}) {visible(choice.text)}", "") for number, choice in enumerate(question.choices, start=1)])
    typed = await read_line(tr("Your choice [{number}]: ", number=len(question.choices)))
    numbers = {str(number): choice.id for number, choice in enumerate(question.choices, start=1)}
    return numbers.get((typed or "").strip(), question.choices[-1].id)


async def confirm(prompt: str) -> bool:
    """Return whether the person typed yes, after the prompt and not before it."""
    discard_typed()
    return (await read_line(prompt) or "").strip().lower() in ("y", "yes")


def show(lines: Sequence[tuple[str, str]]) -> None:
    """Write lines to the terminal, each in its style where the terminal has any."""
    styled = sys.stderr.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    for line, style in lines:
        text = visible_lines(line)
        sys.stderr.write(f"\x1b[{style}m{text}\x1b[0m\n" if styled and style else f"{text}\n")
    sys.stderr.flush()


def _indent(line: Line) -> str:
    if line.kind == "call":
        return ""
    return NAMED if line.kind in ("name", "foreign") else SET_IN


def _fold(text: str, columns: int, indent: str) -> Iterator[str]:
    """Yield `text` in rows that the terminal does not break: it would go on at its edge, without the indent."""
    for line in text.expandtabs(4).split("\n"):
        row, used = "", len(indent)
        for character in line:
            width = _width(character)
            if used + width > columns and row:
                yield indent + row
                row, used = "", len(indent)
            row += character
            used += width
        yield indent + row


def _width(character: str) -> int:
    """Return how many columns a character takes; one that joins the one before it counts too, on the safe side."""
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
