"""A long list of conversations in JSON, read one at a time.

Owns the reading of a JSON list without holding it, the bounds on it, and the walk through a tree of messages. Must not
know what a conversation looks like. Any thread; waits for the disk.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.memory.transfer.entries import unreadable
from openclaw_desktop.memory.transfer.files import conversation_files, told_as_damaged
from openclaw_desktop.memory.transfer.left_out import LeftOut

CONVERSATIONS = 100_000
CONVERSATION_CHARS = 64 * 1024**2
_CHUNK_CHARS = 256 * 1024
_SPACE = re.compile(r"[ \t\n\r]*")
_MANIFEST = re.compile(r"manifest-.*\.json")

T = TypeVar("T")


def conversations(path: Path) -> Iterator[tuple[str, int, Any]]:
    """Yield each entry of an export's lists with the name of its file and its number in it, from 1; raises UserError.

    Each should be the object of a conversation, and may be anything.
    """
    total = 0
    for name, file in conversation_files(path):
        with told_as_damaged(visible(name)):
            for number, conversation in enumerate(_items(file, visible(name)), 1):
                total += 1
                if total > CONVERSATIONS:
                    sentence = tr("{file} holds more than {limit} conversations.", file=name, limit=CONVERSATIONS)
                    raise unreadable(sentence)
                yield name, number, conversation


def shaped(path: Path, shape: type[T], left: LeftOut) -> Iterator[tuple[str, int, T]]:
    """Yield as `conversations` does what has the given shape, and count the rest; raises UserError if none has it."""
    understood = False
    for name, number, raw in conversations(path):
        try:
            conversation = msgspec.convert(raw, shape)
        except msgspec.ValidationError:
            left.conversations += 1
        else:
            understood = True
            yield name, number, conversation
    if left.conversations and not understood:
        raise unknown_form(path)


def unknown_form(path: Path) -> UserError:
    """Return the error for a place whose conversations nobody understands."""
    return unreadable(
        tr("{file} holds no conversations of a form that is known.", file=visible(str(path))),
        tr("Exports of ChatGPT and Claude are understood, and the memory files of OpenClaw."),
    )


def branch(parents: Mapping[str, str | None], end: str) -> list[str]:
    """Return the ids from the first message to `end`, along the parents; a loop ends it."""
    path: dict[str, None] = {}
    node: str | None = end
    while node is not None and node in parents and node not in path:
        path[node] = None
        node = parents[node]
    return list(reversed(path))


def longest_end(parents: Mapping[str, str | None]) -> str | None:
    """Return the id at the end of the longest branch, the last where several are as long; None where there is none."""
    depths: dict[str, int] = {}
    for start in parents:
        climbed: dict[str, None] = {}
        node: str | None = start
        while node is not None and node in parents and node not in depths and node not in climbed:
            climbed[node] = None
            node = parents[node]
        depth = depths.get(node, 0) if node is not None else 0
        for passed in reversed(climbed):
            depth += 1
            depths[passed] = depth
    return max(reversed(depths), key=depths.__getitem__, default=None)


def _items(file: IO[bytes], name: str) -> Iterator[Any]:
    """Yield the values of a JSON list; `name` is for the errors."""
    feed, number = _Feed(file), 0
    try:
        if feed.peek() != "[" or _MANIFEST.fullmatch(name):
            raise _no_list(feed, name)
        feed.at += 1
        if feed.peek() == "]":
            feed.at += 1
        else:
            while True:
                number += 1
                yield _value(feed, name, number)
                separator = feed.peek()
                feed.at += 1
                if separator == "]":
                    break
                if separator != ",":
                    raise _not_json(name, number)
        if feed.peek():
            raise unreadable(tr("{file} goes on after its list of conversations.", file=name))
    except UnicodeDecodeError as error:
        raise unreadable(tr("{file} is not text in UTF-8.", file=name)) from error
    finally:
        feed.let_go()


def _no_list(feed: _Feed, name: str) -> UserError:
    """Return the error for what is no list of conversations; Claude's export begins with a list of its parts."""
    manifest = _MANIFEST.fullmatch(name) is not None
    with contextlib.suppress(ValueError, RecursionError, _TooLongError):
        manifest = manifest or (feed.peek() == "{" and "data_files" in feed.value())
    if not manifest:
        return unreadable(tr("{file} is not a list of conversations.", file=name))
    return unreadable(
        tr("{file} holds links to the parts of an export, and not the export itself.", file=name),
        tr("Download the files that it names, then import those: conversations-000.zip, memories-000.zip and so on."),
    )


def _value(feed: _Feed, name: str, number: int) -> Any:
    try:
        return feed.value()
    except _TooLongError:
        raise unreadable(tr("{file}: conversation {number} is too large.", file=name, number=number)) from None
    except UnicodeDecodeError:
        raise  # a ValueError too
    except (ValueError, RecursionError) as error:
        raise _not_json(name, number) from error


def _not_json(name: str, number: int) -> UserError:
    return unreadable(
        tr("{file}: conversation {number} is cut short or not JSON.", file=name, number=number),
        tr("It may not have been downloaded in full: download it again."),
    )


class _TooLongError(Exception):
    pass


class _Feed:
    """A text that is read as far as it is needed; `at` is the place in what is held."""

    def __init__(self, file: IO[bytes]) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        self._decoder = json.JSONDecoder(parse_constant=_refuse)
        self._held = ""
        self.at = 0

    def let_go(self) -> None:
        """Leave the file to whoever opened it."""
        self._text.detach()

    def peek(self) -> str:
        """Return the next character that is no space, "" at the end."""
        while True:
            space = _SPACE.match(self._held, self.at)
            self.at = space.end() if space else self.at
            if self.at < len(self._held):
                return self._held[self.at]
            if not self._read_on():
                return ""

    def value(self) -> Any:
        """Return the next value; raises ValueError where there is none."""
        self.peek()
        while True:
            try:
                value, self.at = self._decoder.raw_decode(self._held, self.at)
                return value
            except ValueError:
                if len(self._held) - self.at > CONVERSATION_CHARS:
                    raise _TooLongError from None
                if not self._read_on():
                    raise

    def _read_on(self) -> bool:
        # As much again as is held: a long value is tried a few times, not once a chunk.
        held = self._held[self.at :]
        piece = self._text.read(max(_CHUNK_CHARS, len(held)))
        self._held, self.at = held + piece, 0
        return bool(piece)


def _refuse(constant: str) -> None:
    raise ValueError(constant)
