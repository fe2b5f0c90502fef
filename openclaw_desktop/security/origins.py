"""Where the arguments of a call come from: the texts that the model had read in which their values stand.

Owns the comparison. It informs whoever is asked and never decides: a value can be put together from many texts. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Message

USER_ORIGIN = "user"
# Shorter values stand in every text as a part of some word.
WHOLE_WORD_CHARS = 3
# Longer values are looked for piece by piece: a mail that quotes a page has only parts of it.
LONG_CHARS = 60
PIECE_CHARS = 16
_SPACES = re.compile(r"\s+")
_PIECES = re.compile(r"[\r\n]+|(?<=[.!?;])\s+")


def find_origins(value: Any, texts: Sequence[Message]) -> tuple[str, ...]:
    """Return the origins of every text that has `value` in it, sorted; "user" for what the user said."""
    needles = [needle for text in _flat(value) for needle in _pieces(text)]
    found: set[str] = set()
    for message in texts:
        # What the model said itself, of the user's words alone, is nobody's but its own.
        by_model = message.role == "assistant" and message.label.integrity == "user"
        if message.label.integrity == "system" or by_model:
            continue
        haystack = _plain(message.text)
        if any(_stands_in(needle, haystack) for needle in needles):
            found.update(_names(message.label))
    return tuple(sorted(found))


def _names(label: Label) -> tuple[str, ...]:
    if label.integrity == "user":
        return (USER_ORIGIN,)
    return tuple(origin for origin in label.origins if origin != USER_ORIGIN) or ("?",)


def _flat(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _flat(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _flat(part)
    elif isinstance(value, str) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        yield str(value)


def _pieces(text: str) -> list[str]:
    if len(text) <= LONG_CHARS:
        return [plain] if (plain := _plain(text)) else []
    pieces = [_plain(piece) for piece in _PIECES.split(text)]
    return [piece for piece in pieces if len(piece) >= PIECE_CHARS] or [_plain(text)]


def _plain(text: str) -> str:
    return _SPACES.sub(" ", text).strip().casefold()


def _stands_in(needle: str, haystack: str) -> bool:
    if len(needle) >= WHOLE_WORD_CHARS and not needle.isdecimal():
        return needle in haystack
    return re.search(rf"(?<!\w){re.escape(needle)}(?!\w)", haystack) is not None
