"""What a question asks for: words, a text for its meaning, names, times, and the several questions it may hold.

Owns the reading of a question, as pure functions of its text, of now and of the names that speak in the memories. Must
not know memories or scores.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.memory.recall.subjects import asks_of_user
from openclaw_desktop.memory.recall.times import SEASONS, Anchor, Span, find_anchor, find_span
from openclaw_desktop.memory.recall.words import (
    DAILY,
    JOINED_WORD,
    MONTHS,
    PRONOUNS,
    STOP_WORDS,
    WEEKDAYS,
    WORD,
    replace_words,
    telling,
    words_in,
)

MAX_PARTS = 4
# A question as long as a page is searched by so many of its words, and read no further than so many characters.
MAX_WORDS, MAX_CHARS = 32, 2_000
# Who "I" and "you" are where somebody talks with the agent.
_SAYS = {"i": "user", "me": "user", "my": "user", "mine": "user", "you": "assistant", "your": "assistant"}
ROLES = frozenset(_SAYS.values())

# A question for what was. "I want to call before dinner" and "I don't know any more" are none: words that may be said
# of anything count only behind a verb of the past, or a denial, of their sentence.
_PAST = LazyPattern(
    r"\b(?:used to|previous(?:ly)?|former(?:ly)?|in the past|back then|in those days|originally|no longer|until then"
    r"|till then)\b"
    r"|\b(?:did|was|were|had)\b(?![^.?!]*\b(?:tell|told|say|said|mention(?:ed)?|ask(?:ed)?)\b)[^.?!]*"
    rf"\b(?:earlier|at first|before(?! (?:\d|(?:{DAILY})\b)))\b"
    r"|\b(?:where|who|what)(?: else)? (?:before|earlier|at first)\b"
    # Words without a verb: "gate code before".
    r"|^(?!.*\b(?:am|is|are|do|does|can|will)\b)(?:[^\s.?!]+\s+){1,5}(?:before|earlier)\W*$"
    r"|(?:n['’]t|\bnot|\bnever)\b(?![^.?!]*\b(?:remember|know|recall|sure)\b)[^.?!]*\bany ?more\b",
    re.IGNORECASE,
)
# "What did you tell me?" asks for the agent's words, "can you tell me?" does not.
_ASKS_POLITELY = LazyPattern(
    r"\b(?:can|could|would|will) you\b|\bdo you (?:still )?(?:know|remember|recall)\b", re.IGNORECASE
)
_OF_AGENT = LazyPattern(r"\byours?\b|\byou\b", re.IGNORECASE)
# Nobody lives there: it asks for the work.
_FOR_A_LIVING = LazyPattern(r"\b(?:for|to (?:make|earn)) (?:a|my|your|his|her|their) living\b", re.IGNORECASE)
_JOINED = LazyPattern(r"\b([^\W_]+(?:['’]s)?)\s+(?:and|or)\s+([^\W_]+(?:['’]s)?)")
CALENDAR = frozenset([*MONTHS, *(month[:3] for month in MONTHS), *WEEKDAYS, *SEASONS])
_ASKS_WHICH = frozenset(["what", "which", "whose"])
_MANY = frozenset(["both", "all", "every", "several", "multiple", "various"])
# "What does Anna like?" has several answers, "what does Anna like most?" has one.
_HABITS = frozenset(["do", "like", "love", "enjoy", "prefer", "hate"])
_BEST = frozenset(["most", "best", "more", "rather", "least", "for"])
_IRREGULAR_PLURALS = frozenset(["people", "children", "men", "women"])
_VERB_WORDS = "is was are were do does did has have had can could will would should might may shall must"
_VERBS = frozenset(_VERB_WORDS.split())


@dataclass(frozen=True, slots=True)
class Part:
    """One of the questions to search for: the words to find, and the text whose meaning is looked for, "" for none."""

    words: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class Query:
    """A question as it is searched. `parts`: the whole first, then its alternatives.

    `words`: all that tell something, names too. `names`: the speakers it names. `many`: it asks for several things.
    `past`: it asks for what was. `of_agent`: for what the agent said or did. `span` and `anchor`: the time it names.
    `subjects`: other names in it, of people, places and things, lower case. `own`: it is about the user.
    """

    parts: tuple[Part, ...]
    words: tuple[str, ...]
    names: frozenset[str]
    many: bool
    past: bool
    span: Span | None
    anchor: Anchor | None
    of_agent: bool = False
    subjects: tuple[str, ...] = ()
    own: bool = False


def name_words(text: str) -> list[str]:
    """Return the words of `text` that may name who spoke, lower case: without stop words and without "'s"."""
    words = (re.sub(r"['’]s$", "", word.lower()) for word in JOINED_WORD.findall(text))
    return [word for word in dict.fromkeys(words) if word not in STOP_WORDS and word not in ROLES][:MAX_WORDS]


def read_query(text: str, now: datetime, speakers: Collection[str]) -> Query:
    """Read a question. `speakers`: those of `name_words(text)` by which somebody who spoke is known.

    Names of speakers, and pronouns, are no words to look for: people seldom say their own name. They are told apart by
    who spoke. A time told relative to now ("last month") is no words either: whoever spoke then did not say it.
    """
    text = _FOR_A_LIVING.sub("for work", text[:MAX_CHARS])
    span = find_span(text, now)
    anchor = find_anchor(text) if span is None else None
    asked = text.replace(span.phrase, " ") if span is not None and _is_relative(span.phrase) else text
    words = _sought(asked, speakers)
    meaning = _meaning(asked, speakers) or (text if words else "")
    if not words and span is None and anchor is None:
        words = words_in(text)[:MAX_WORDS]  # "who?": whatever has that very word, for it means nothing
    parts = [Part(tuple(words), meaning)]
    for alternative in _alternatives(asked, speakers)[: MAX_PARTS - 1]:
        part = Part(tuple(_sought(alternative, speakers)), _meaning(alternative, speakers))
        if part.words and part not in parts:
            parts.append(part)
    told = span or anchor
    named = frozenset(name for name in speakers if name not in ROLES)
    pronouns = {_SAYS[word] for word in words_in(text) if word in _SAYS}
    return Query(
        parts=tuple(parts),
        words=tuple(dict.fromkeys([*words, *(word for word in words_in(text) if word in speakers)])),
        names=named or frozenset(pronouns),
        many=len(parts) > 1 or asks_for_many(text),
        past=_PAST.search(text.replace(told.phrase, " ") if told else text) is not None,
        span=span,
        anchor=anchor,
        of_agent=_OF_AGENT.search(_ASKS_POLITELY.sub("", text)) is not None,
        subjects=(subjects := _subjects(asked, speakers)),
        own=not subjects and not named and asks_of_user(text),
    )


def asks_for_many(text: str) -> bool:
    """Return whether a question asks for several things: "which cities", "how many", "what does she like"."""
    words = [word.lower() for word in JOINED_WORD.findall(text)]
    if not _MANY.isdisjoint(words):
        return True
    for place, word in enumerate(words):
        following = words[place + 1 :]
        if word == "how" and following[:1] == ["many"]:
            return True
        if word in ("who", "where") and following[:1] in (["are"], ["has"], ["have"]):
            return True
        if word in _ASKS_WHICH:
            return _is_plural_phrase(following) or _asks_for_habits(following)
    return False


def _asks_for_habits(words: list[str]) -> bool:
    """Return whether the words after "what" ask for what somebody does or likes: "do I like", not "do I work for"."""
    if words[:1] not in (["do"], ["does"]):
        return False
    return not _HABITS.isdisjoint(words[1:]) and _BEST.isdisjoint(words)


def _is_plural_phrase(words: list[str]) -> bool:
    """Return whether the words after "which" name several: the noun phrase goes up to the verb."""
    for place, word in enumerate(words):
        if word in ("are", "were") or (place == 0 and word in ("has", "have")):
            return True
        if word in _VERBS:
            return False
        if word in _IRREGULAR_PLURALS:
            return True
        if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "'s", "’s")):
            return True
    return False


def _sought(text: str, speakers: Collection[str]) -> list[str]:
    words = words_in(text)
    return (telling(word for word in words if word not in speakers) or telling(words))[:MAX_WORDS]


def _subjects(text: str, speakers: Collection[str]) -> tuple[str, ...]:
    """Return the names in a question: words with a capital that begin no sentence, and are no days or months."""
    found: list[str] = []
    for match in JOINED_WORD.finditer(text):
        if not match[0][0].isupper():
            continue
        bare = re.sub(r"['’]s$", "", match[0])
        begins = re.search(r"(?:^|[.!?:]\s*|[\"“‘(])$", text[: match.start()]) is not None
        if not begins and len(bare) > 1 and bare.lower() not in STOP_WORDS | CALENDAR | set(speakers):
            found += [word for word in words_in(bare) if word not in STOP_WORDS]
    return tuple(dict.fromkeys(found))


def _meaning(text: str, speakers: Collection[str]) -> str:
    """Return `text` without the names of speakers and without pronouns, as it is embedded."""
    kept = []
    for word in JOINED_WORD.findall(text):
        bare = re.sub(r"['’]s$", "", word.lower())
        if bare not in speakers and word.lower() not in PRONOUNS:
            kept.append(word)
    return " ".join(kept) if any(word.lower() not in STOP_WORDS for word in kept) else ""


def _alternatives(text: str, speakers: Collection[str]) -> list[str]:
    """Return the questions that a question holds: one for each month of a season, one for each of two names.

    Other things joined by "and" often belong together ("friends and family"), and are left as they are.
    """
    for word in words_in(text) if asks_for_many(text) else ():
        if word in SEASONS and re.search(rf"\b(?:in|during) (?:the )?{word}\b", text, re.IGNORECASE):
            first = SEASONS[word]
            return [replace_words(text, {word: MONTHS[(first - 1 + step) % 12]}) for step in range(3)]
    for found in _JOINED.finditer(text):
        sides = found[1], found[2]
        bare = {re.sub(r"['’]s$", "", side.lower()) for side in sides}
        if bare & STOP_WORDS or bare & set(speakers) or not all(side[0].isupper() for side in sides):
            continue
        return [text[: found.start()] + side + text[found.end() :] for side in sides]
    return []


def _is_relative(phrase: str) -> bool:
    """Return whether a time is told from now alone: it names no month, weekday or season, and no year."""
    words = [word.lower() for word in WORD.findall(phrase)]
    return not any((word.isdigit() and len(word) == 4) or word in CALENDAR for word in words)
