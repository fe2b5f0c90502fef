"""Words of questions and memories: which of them tell something, and their stems.

Owns the word patterns, the words that say nothing, the stemming by the very tokenizer of the index, and what stands in
the index beside a text. Must not know memories or scores. `stems` runs on a database thread; the rest is pure.

Chinese, Japanese and Korean put no space between words, so that the tokenizer takes a sentence for one word. There
each character, and each pair of characters side by side, is a word: in the index, in questions and in scores.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import cast

import apsw
from dateutil.tz import tzlocal

WORD = re.compile(r"[^\W_]+", re.UNICODE)
# A word together with what an apostrophe joins to it: "Anna's", "don't".
JOINED_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)

# In lower-case ASCII: from within a word to its end.
_REST_OF_WORD = re.compile("[a-z0-9]*")
# Kana, Chinese characters, Hangul.
_UNSPACED = re.compile(r"[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+")

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
# What comes every day, as a pattern.
DAILY = "noon|midnight|dark|sunset|bed|work|school|breakfast|lunch|dinner|supper"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Stem = Callable[[str], list[str]]
Seek = Callable[[str], tuple[Sequence[str], int]]


def words_in(text: str) -> list[str]:
    """Return the words of `text`, lower case, each once, in order."""
    found = (word.lower() for word in WORD.findall(text))
    if text.isascii():
        return list(dict.fromkeys(found))
    return list(dict.fromkeys(part for word in found for part in _sought_parts(word)))


def telling(words: Iterable[str]) -> list[str]:
    """Return the words worth looking for."""
    return [word for word in words if word not in STOP_WORDS]


def stemmer(connection: apsw.Connection) -> Stem:
    """Return what turns a text into the stems of its words, just as the index does; for this connection's thread."""
    tokenizer = connection.fts5_tokenizer(TOKENIZER[0], list(TOKENIZER[1:]))

    def stems(text: str) -> list[str]:
        raw = text.encode("utf-8", "replace")
        found = tokenizer(raw, apsw.FTS5_TOKENIZE_DOCUMENT, None, include_offsets=False, include_colocated=False)
        words = cast("list[str]", found)
        return words if text.isascii() else words + _pieces(text)

    return stems


def seeker(connection: apsw.Connection, sought: Collection[str]) -> Seek:
    """Return what finds stems in a text: those of `sought`, as often as they stand there, and how many words it has.

    To take a text apart costs more than all else that is done with it, and most hold none of a question's words. All of
    a stem but its last letter begins each word that has it, so that only words which begin so are stemmed, each once.
    """
    stem = stemmer(connection)
    # By beginning, the stems of the words that were met.
    beginnings: dict[str, dict[str, list[str]]] = {name[:-1] or name: {} for name in sought}

    def seek(text: str) -> tuple[Sequence[str], int]:
        if not text.isascii():
            stems = stem(text)
            return [name for name in stems if name in sought], len(stems)
        found: list[str] = []
        lowered = text.lower()
        for beginning, met in beginnings.items():
            start = lowered.find(beginning) if beginning in lowered else -1
            while start >= 0:
                if start and lowered[start - 1].isalnum():
                    start = lowered.find(beginning, start + 1)
                    continue
                end = _REST_OF_WORD.match(lowered, start).end()  # type: ignore[union-attr]  # it always matches
                word = lowered[start:end]
                if word not in met:
                    met[word] = [name for name in stem(word) if name in sought and (name[:-1] or name) == beginning]
                found += met[word]
                start = lowered.find(beginning, end)
        return found, text.count(" ") + 1 if text else 0

    return seek


def replace_words(text: str, changes: Mapping[str, str]) -> str:
    """Return `text` with whole words put in the place of others, whatever their case."""
    return JOINED_WORD.sub(lambda match: changes.get(match[0].lower(), match[0]), text)


def index_words(created_at: str, text: str) -> str:
    """Return what stands in the index beside `text`: the words of its date, and its pieces where it has no spaces."""
    pieces = () if text.isascii() else dict.fromkeys(_pieces(text))
    return " ".join([date_words(created_at), *pieces]).strip()


def date_words(created_at: str) -> str:
    """Return the words by which a date may be asked for, as the user's calendar has it: weekday, day, month, year."""
    try:
        created = datetime.fromisoformat(created_at)
        if created.tzinfo is not None:
            created = created.astimezone(tzlocal())
    except (ValueError, OverflowError):
        return ""
    return f"{WEEKDAYS[created.weekday()]} {created.day} {MONTHS[created.month - 1]} {created.year}"


def _pieces(text: str) -> list[str]:
    """Return the characters, and the pairs of them, of what `text` says without spaces."""
    runs = _UNSPACED.findall(text)
    return [piece for run in runs if len(run) > 1 for piece in (*run, *map(str.__add__, run, run[1:]))]


def _sought_parts(word: str) -> list[str]:
    """Return what to look for of a word: its pairs of characters where it is written without spaces, else itself."""
    parts = [word[found.start() : found.end()] for found in _UNSPACED.finditer(word)]
    if not parts:
        return [word]
    pairs = [pair for part in parts for pair in ([part] if len(part) < 3 else map(str.__add__, part, part[1:]))]
    return [*pairs, *(rest for rest in _UNSPACED.split(word) if rest)]
