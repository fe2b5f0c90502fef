"""Whether a text made of others says no more and nothing else than they do.

Owns the comparison of names, numbers, dates and denials. It can't tell that a text is right, only that it has nothing
that its source lacks. Pure.
"""

from __future__ import annotations

import re
from collections import Counter

from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.patterns import LazyPattern
from openclaw_desktop.core.sentences import SPEAKER, Passage, sense, split_sentences, turns_meaning
from openclaw_desktop.memory.consolidation import mood
from openclaw_desktop.memory.consolidation.spans import MONTHS

SMALLEST_SHARE = 0.8
_NUMBER = LazyPattern(r"\d[\d.,:/-]*\d|\d")
_NAME = LazyPattern(r"\b[A-Z][\w'’-]*")
_WE = LazyPattern(r"\b(?:we|us|ours?|ourselves)\b", re.I)
_WORD = LazyPattern(r"[^\W\d_]+")
_PASSIVE = LazyPattern(
    r"(?:\b(?:am|is|are|was|were|be|been|being|get|gets|got)|'[ms]|'re)\s+(?:not\s+|\w+ly\s+)?"
    r"(\w+(?:ed|en|wn|ught)|paid|sent|told|sold|held|hit|hurt|kept|left|lent|led|lost|made|met|put|read|said|shot|struck"
    r"|won|built|fed|found|cut|beat|let|set|sung|hung|bitten|bit)\b",
    re.I,
)
_DAYS = frozenset(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
# Capitals that are no names: how a sentence about the user begins.
_PLAIN = frozenset(("i", "user", "the", "they", "he", "she", "my", "their", "it", "a", "an", "we", "our"))


def anchors(text: str) -> frozenset[str]:
    """Return the names, numbers, months and weekdays of a text, lower case."""
    names = {_bare(name) for name in _NAME.findall(text)} - _PLAIN
    dates = {word for word in _WORD.findall(text.lower()) if (word in MONTHS and len(word) > 3) or word in _DAYS}
    return frozenset(names | dates | {number.strip(".,:/-") for number in _NUMBER.findall(text)})


def is_borne_out(fact: str, source: str) -> bool:
    """True where one sentence of `source` has each name, number and date of `fact`, and tells it so.

    That sentence has most of the fact's words, in the same order and voice, for "Anna paid Ben" is not "Ben paid Anna";
    it speaks of the user where the fact does, denies what the fact denies and nothing else, and neither asks nor
    supposes nor quotes. What stands elsewhere in the source may be said of another.
    """
    said = set(sense(fact, by_user=True))
    best = max(_sentences(source), key=lambda sentence: len(said & set(sense(sentence, by_user=True))), default="")
    held = set(sense(best, by_user=True))
    known = {_bare(word) for word in re.findall(r"[\w'’-]+", best)} | anchors(best)
    missing = {name for name in anchors(fact) - known if not set(sense(name, by_user=True)) & held}
    shared = said & held
    return (
        bool(said)
        and not missing
        and (SPEAKER not in said or SPEAKER in held or _WE.search(best) is not None)
        and 2 * len(shared) >= len(said)
        and mood.tells(best)
        and _turns(fact) == _turns(best)
        and _in_order(fact, best)
        and _suffers(fact, shared) == _suffers(best, shared)
    )


def _in_order(fact: str, source: str) -> bool:
    """True where the words of both come in one order, but for what stands before a comma: "In May, Anna moved …"."""
    said, held = sense(fact, by_user=True), sense(source, by_user=True)
    orders = [iter(held)]
    head, comma, rest = source.partition(",")
    if comma:
        orders.append(iter(sense(f"{rest} {head}", by_user=True)))
    known = frozenset(held)
    return any(all(item in order for item in said if item in known) for order in orders)


def _suffers(text: str, shared: set[str]) -> set[str]:
    """Return the words of `shared` that tell what is done to somebody: "was paid"."""
    return {item for verb in _PASSIVE.findall(text) for item in sense(verb, by_user=True)} & shared


def survives(texts: list[str], rewrite: str) -> float:
    """Return the share of the names, numbers, dates and denials of `texts` that `rewrite` still has; 1 for none."""
    before = Counter(item for text in texts for item in anchors(text) | set(_turns(text)))
    kept = anchors(rewrite) | set(_turns(rewrite))
    total = sum(before.values())
    return sum(count for item, count in before.items() if item in kept) / total if total else 1.0


def _turns(text: str) -> Counter[str]:
    return Counter(item for item in sense(text, by_user=True) if turns_meaning(item))


def _sentences(text: str) -> list[str]:
    return [sentence.text for sentence in split_sentences([Passage("", text, USER)])]


def _bare(name: str) -> str:
    return re.sub(r"['’]s?$", "", name.lower())
