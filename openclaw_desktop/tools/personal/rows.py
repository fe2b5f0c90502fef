"""What the stores of notes, to-dos and habits share: a label's columns, and the words that name a row.

Owns nothing in the file. Must not know the tables. Any thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible

LABEL_COLUMNS = "integrity, confidentiality, origins"
SHOWN = 50
_WORD = re.compile(r"\w+")

Row = TypeVar("Row")


def find_meant(rows: Sequence[Row], words: str, text_of: Callable[[Row], str]) -> Row:
    """Return the one of `rows` that `words` name: its whole text, else the only one that has all of them.

    Raises UserError `nothing_meant` or `several_meant`.
    """
    said = words.strip().casefold()
    same = [row for row in rows if text_of(row).strip().casefold() == said]
    wanted = set(_WORD.findall(said))
    near = same or [row for row in rows if wanted and wanted <= set(_WORD.findall(text_of(row).casefold()))]
    if not near:
        raise UserError("nothing_meant", tr("There is nothing like “{words}”.", words=visible(words[:60])))
    if len(near) > 1:
        shown = "; ".join(visible(text_of(row)[:60]) for row in near[:5])
        raise UserError(
            "several_meant",
            tr("“{words}” may be one of several: {shown}.", words=visible(words[:60]), shown=shown),
            tr("Name it by more of its words."),
        )
    return near[0]


def match_words(query: str) -> str:
    """Return `query` as an FTS5 expression that wants all of its words; "" where it has none."""
    return " ".join(f'"{word}"' for word in _WORD.findall(query)[:20])


def lines(texts: Iterable[str], nothing: str) -> str:
    """Return a list for people, cut after SHOWN lines."""
    shown = list(texts)
    more = [tr("[{count} more]", count=len(shown) - SHOWN)] if len(shown) > SHOWN else []
    return "\n".join([*shown[:SHOWN], *more]) or nothing
