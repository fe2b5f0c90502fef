"""Words of questions and memories: which of them tell something, and their stems.

Owns the word patterns, the words that say nothing, and the stemming by the very tokenizer of the index. Must not know
memories or scores. `stems` runs on a database thread; the rest is pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import cast

import apsw

WORD = re.compile(r"[^\W_]+", re.UNICODE)
# A word together with what an apostrophe joins to it: "Anna's", "don't".
JOINED_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)

TOKENIZER = ("porter", "unicode61", "remove_diacritics", "2")

_PRONOUNS = (
    """i me my mine myself we us our ours you your yours he him his she her hers they them their theirs it its"""
)
_SAYING_NOTHING = """a about after all also am an and any are as at be been before being but by can could d did do does
    doing for from had has have having how if in into is just ll m more most no nor not of off on or out over please re
    remember s say should so some t tell than that the then there these this those to told too up ve very was were what
    when where which who whom whose why will with would"""
PRONOUNS = frozenset(_PRONOUNS.split())
# Words that say nothing about what is looked for; the rest is weighed by how rare it is.
STOP_WORDS = PRONOUNS | frozenset(_SAYING_NOTHING.split())

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Stem = Callable[[str], list[str]]


def words_in(text: str) -> list[str]:
    """Return the words of `text`, lower case, each once, in order."""
    return list(dict.fromkeys(word.lower() for word in WORD.findall(text)))


def telling(words: Iterable[str]) -> list[str]:
    """Return the words worth looking for."""
    return [word for word in words if word not in STOP_WORDS]


def query_words(query: str) -> list[str]:
    """Return the words of `query` worth looking for; all of them where none is."""
    words = words_in(query)
    return telling(words) or words


def stemmer(connection: apsw.Connection) -> Stem:
    """Return what turns a text into the stems of its words, just as the index does; for this connection's thread."""
    tokenizer = connection.fts5_tokenizer(TOKENIZER[0], list(TOKENIZER[1:]))

    def stems(text: str) -> list[str]:
        raw = text.encode("utf-8", "replace")
        found = tokenizer(raw, apsw.FTS5_TOKENIZE_DOCUMENT, None, include_offsets=False, include_colocated=False)
        return cast("list[str]", found)

    return stems


def match_expression(words: Iterable[str]) -> str:
    """Return the FTS5 expression that finds any of `words`, each quoted so that none is an operator."""
    return " OR ".join(f'"{word}"' for word in words)


def replace_words(text: str, changes: Mapping[str, str]) -> str:
    """Return `text` with whole words put in the place of others, whatever their case."""
    return JOINED_WORD.sub(lambda match: changes.get(match[0].lower(), match[0]), text)


def date_words(created_at: str) -> str:
    """Return the words by which a date may be asked for: weekday, day, month name and year."""
    try:
        created = datetime.fromisoformat(created_at)
    except ValueError:
        return ""
    return f"{WEEKDAYS[created.weekday()]} {created.day} {MONTHS[created.month - 1]} {created.year}"
