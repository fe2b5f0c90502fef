"""Notes in Markdown: single entries out of a text, and one entry as a list item that reads back the same.

Owns what of Markdown counts as an entry, and the marks behind one: `<!-- at: TIME; by: SPEAKER; untrusted: IDS -->`.
Must not know files or memories. Pure; takes time in proportion to the text, whatever it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from openclaw_desktop.memory.transfer.left_out import LeftOut

# What peers' agents write down where they have nothing to say.
SILENT = ("HEARTBEAT_OK", "NO_REPLY")
# Behind what would else be taken for an empty note: keep it.
KEPT = "kept"
_HEADING_CHARS = 200

_RULE = re.compile(r" {0,3}(?:-{3,}|\*{3,}|_{3,})[ \t]*")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
_ITEM = re.compile(r"([ \t]*)([-*+]|\d{1,9}[.)])(?:([ \t]+)(.*))?")
_QUOTE = re.compile(r"^ {0,3}> ?")
_INDENT = re.compile(r"[ \t]*")
_MARKS = re.compile(r"<!-- ((?:at|by|untrusted|kept)\b[^<>]*?) -->\s*$")
_EMPTY_FIELD = re.compile(r"(\*\*|__)[^*_]+:?\1:?")
# A comment in a text would be taken for one of the file's: a backslash more, and it is none.
_OPENING, _ESCAPED = re.compile(r"<(\\*)!--"), re.compile(r"<\\(\\*)!--")
_SAFE = "/:.@#+~_-"


@dataclass(frozen=True, slots=True)
class Note:
    """One entry: its text, the headings above it but for the file's title, and its marks. `line`: from 1."""

    text: str
    headings: tuple[str, ...]
    marks: Mapping[str, str] = field(default_factory=dict)
    line: int = 0


@dataclass(slots=True)
class _Block:
    lines: list[str]
    line: int
    level: int = 0  # of a heading


def notes_in(text: str, left: LeftOut | None = None) -> Iterator[Note]:
    """Yield the list items and paragraphs of a text with line feeds alone, in order.

    What is nested or indented below an item is part of it. Front matter, code, comments, and notes without content are
    left out, unless a mark says that they are to be kept. `left`: where blocks of code are counted.
    """
    left = left or LeftOut()
    headings: dict[int, str] = {}
    first = True
    for block in _blocks(text.split("\n"), left):
        if block.level:
            headings = {level: words for level, words in headings.items() if level < block.level}
            # A file that begins with a heading of the first level has a title: it is about the file, not the notes.
            if not (first and block.level == 1) and (words := _without_comments(block.lines[0]).strip(" \t*_")):
                headings[block.level] = words[:_HEADING_CHARS]
        elif (note := _note(block, tuple(headings.values()))) is not None:
            yield note
        first = False


def write_note(text: str, marks: Mapping[str, str]) -> str:
    """Return `text`, without outer space, as a list item that `notes_in` reads back; "" for what nobody misses."""
    if is_silent(text):
        return ""
    if not marks and _says_nothing(text):
        marks = {KEPT: ""}
    lines = _OPENING.sub(r"<\1\\!--", text).split("\n")
    parts = (f"{name}: {value}" if value else name for name, value in marks.items())
    if marks:
        lines[-1] += f" <!-- {'; '.join(parts)} -->"
    return "\n".join(["- " + lines[0], *("  " + line if line else "" for line in lines[1:])]) + "\n"


def quoted(*values: str) -> str:
    """Return texts as the value of a mark."""
    return ", ".join(quote(value, safe=_SAFE) for value in values)


def unquoted(value: str) -> tuple[str, ...]:
    """Return the texts of a mark's value."""
    return tuple(unquote(part) for part in value.split(", ") if part)


def is_silent(text: str) -> bool:
    """Tell whether a text is only an agent's word for having nothing to say."""
    return text.strip(" \t\n`*_.").replace("\\", "") in SILENT or text.strip() in SILENT


def _note(block: _Block, headings: tuple[str, ...]) -> Note | None:
    text = "\n".join(block.lines)
    marked = _MARKS.search(text)
    marks = _marks(marked[1]) if marked else {}
    text = _ESCAPED.sub(r"<\1!--", _without_comments(text)).strip()
    if not text or is_silent(text) or (not marks and _says_nothing(text)):
        return None
    return Note(text, headings, marks, block.line)


def _marks(written: str) -> dict[str, str]:
    pairs = (part.partition(":") for part in written.split("; "))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _without_comments(text: str) -> str:
    parts, at = list[str](), 0
    while (begin := text.find("<!--", at)) >= 0 and (end := text.find("-->", begin + 4)) >= 0:
        parts.append(text[at:begin])
        at = end + 3
    return "".join([*parts, text[at:]])


def _says_nothing(text: str) -> bool:
    """Tell whether a note has no word in it, or is a field of a form that nobody filled in (`**Name:**`)."""
    empty_field = ":" in text and _EMPTY_FIELD.fullmatch(text) is not None
    return empty_field or not any(character.isalnum() for character in text)


def _blocks(lines: list[str], left: LeftOut) -> Iterator[_Block]:
    at = _after_front_matter(lines)
    comments = _Comments(lines)
    while at < len(lines):
        line, start = lines[at], at
        if not line.strip() or _RULE.fullmatch(line):
            at += 1
        elif fence := _FENCE.match(line):
            left.code_blocks += 1
            at = _after_fence(lines, at, fence[1])
        elif (after := comments.after(at)) is not None:
            at = after
        elif heading := _HEADING.match(line):
            yield _Block([_heading(line[heading.end() :])], at + 1, len(heading[1]))
            at += 1
        elif item := _ITEM.fullmatch(line):
            body, at = _item(lines, at, item, comments)
            yield _Block(body, start + 1)
        else:
            block, at = _paragraph(lines, at, comments)
            yield block


def _item(lines: list[str], at: int, item: re.Match[str], comments: _Comments) -> tuple[list[str], int]:
    """Return the lines of the item that begins at `at`, without their indent, and where the next block begins."""
    outer = _columns(item[1])
    inner = _columns(item[0][: item.start(4)]) if item[4] else outer + 2
    body, blank = [item[4] or ""], list[str]()
    while (at := at + 1) < len(lines):
        line = lines[at]
        if not line.strip():
            blank.append(_dedent(line, inner))
        elif _columns(_indent(line)) >= outer + 2:
            body += [*blank, _dedent(line, inner)]
            blank = []
        elif not blank and not _begins(line) and comments.after(at) is None:
            body.append(line.strip())
        else:
            break
    return body, at


def _paragraph(lines: list[str], at: int, comments: _Comments) -> tuple[_Block, int]:
    start, body = at, list[str]()
    while at < len(lines) and lines[at].strip():
        if body and (underline := _UNDERLINE.fullmatch(lines[at])):
            return _Block([" ".join(body)], start + 1, 1 if underline[1][0] == "=" else 2), at + 1
        if body and (_begins(lines[at]) or comments.after(at) is not None):
            break
        line = _QUOTE.sub("", lines[at])
        if not (_rules_table(line) or is_silent(line)):
            body.append(line.strip())
        at += 1
    return _Block(body, start + 1), at


def _begins(line: str) -> bool:
    """Tell whether a block of another kind begins with a line, so that it doesn't go on with a paragraph."""
    return bool(_RULE.fullmatch(line) or _FENCE.match(line) or _HEADING.match(line) or _ITEM.fullmatch(line))


def _heading(written: str) -> str:
    """Return the words of a heading, without the signs that may close it."""
    words = written.strip(" \t")
    opened = words.rstrip("#")
    return opened.rstrip(" \t") if not opened or opened[-1] in " \t" else words


def _rules_table(line: str) -> bool:
    """Tell whether a line is the rule between a table's head and its body."""
    return "-" in line and not set(line) - set("-:| \t")


def _after_front_matter(lines: list[str]) -> int:
    if lines[0].rstrip() != "---":
        return 0
    ends = (number for number, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "..."))
    return next(ends, -1) + 1


def _after_fence(lines: list[str], at: int, fence: str) -> int:
    for number in range(at + 1, len(lines)):
        closing = lines[number].strip()
        if len(closing) >= len(fence) and set(closing) == {fence[0]}:
            return number + 1
    return len(lines)


class _Comments:
    """The comments of a text that stand by themselves."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._last_end = max((number for number, line in enumerate(lines) if "-->" in line), default=-1)

    def after(self, at: int) -> int | None:
        """Return the line after the comment that begins at a line; None for no comment, or one before other words."""
        if at > self._last_end or not self._lines[at].lstrip(" ").startswith("<!--"):
            return None
        number = next(n for n in range(at, self._last_end + 1) if "-->" in self._lines[n])
        words_follow = number == at and self._lines[at].partition("-->")[2].strip()
        return None if words_follow else number + 1


def _indent(line: str) -> str:
    indent = _INDENT.match(line)
    return indent[0] if indent else ""


def _columns(indent: str) -> int:
    """Return how wide the beginning of a line is; a tab goes on to the next fourth column."""
    columns = 0
    for character in indent:
        columns += 4 - columns % 4 if character == "\t" else 1
    return columns


def _dedent(line: str, columns: int) -> str:
    """Return `line` without up to so many columns of indent."""
    at = width = 0
    while at < len(line) and width < columns and line[at] in " \t":
        width += 4 - width % 4 if line[at] == "\t" else 1
        at += 1
    return " " * max(0, width - columns) + line[at:]
