"""The calls of a question, line by line: every argument, where it comes from, and what would change.

Owns what is said of a call and in which order, for windows and terminals alike. Must not know how it is drawn. Pure
functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from openclaw_desktop.core.events import ShownArgument, ShownCall
from openclaw_desktop.core.text import tr, visible, visible_lines

Kind = Literal["call", "name", "foreign", "value", "note", "file", "place", "added", "removed", "kept"]

ORIGIN_CHARS = 90
USER = "user"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a call. `kind`: what it is, which decides how it looks and never what it says."""

    kind: Kind
    text: str


def describe_calls(calls: Sequence[ShownCall]) -> list[Line]:
    """Return what `calls` hold besides the target that the question names itself; [] where that says it all."""
    several = len(calls) > 1
    lines: list[Line] = []
    for number, call in enumerate(calls, start=1):
        if several:
            lines.append(Line("call", tr("{number}. {tool}", number=number, tool=visible(call.tool))))
        for argument in call.arguments:
            # The target of one call stands above; that it is the user's own word is told by saying nothing.
            if several or argument.value != call.target or _foreign(argument):
                lines.append(_head(argument))
                lines += [Line("value", line) for line in visible_lines(argument.value).split("\n")]
        lines += _describe_change(call.preview)
    return lines


def name_origin(origin: str) -> str:
    """Return where a text comes from in words that fit a line: hidden characters visible, a long end cut off."""
    shown = visible(origin)
    return shown if len(shown) <= ORIGIN_CHARS else shown[: ORIGIN_CHARS - 1] + "…"


def _foreign(argument: ShownArgument) -> bool:
    return any(origin != USER for origin in argument.origins)


def _head(argument: ShownArgument) -> Line:
    name = visible(argument.name)
    if _foreign(argument):
        origins = ", ".join(tr("you") if origin == USER else name_origin(origin) for origin in argument.origins)
        return Line("foreign", tr("{name}, from {origins}", name=name, origins=origins))
    if argument.origins:
        return Line("name", tr("{name}, from you", name=name))
    return Line("name", name)


def _describe_change(preview: str) -> Iterator[Line]:
    """Yield a preview line by line; of a diff, and of "- old" above "+ new", each line knows what it does."""
    if not preview:
        return
    lines = visible_lines(preview).split("\n")
    is_diff = any(line.startswith("@@ ") for line in lines)
    is_pair = all(line.startswith(("- ", "+ ")) for line in lines)
    in_hunk = False
    for line in lines:
        if not (is_diff or is_pair):
            yield Line("note", line)
        elif is_diff and not in_hunk and line.startswith(("--- ", "+++ ")):
            yield Line("file", line)
        elif is_diff and line.startswith("@@ "):
            in_hunk = True
            yield Line("place", line)
        elif line.startswith("+"):
            yield Line("added", line)
        elif line.startswith("-"):
            yield Line("removed", line)
        else:
            yield Line("kept", line)
