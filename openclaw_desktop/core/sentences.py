"""Texts as sentences: cutting them, telling what must not be lost of them, and choosing the ones that say most.

Owns the words that turn a sentence's meaning around. Must not know models or stores. Pure.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.tokens import estimate_tokens

# Longer ones are no sentences: logs, code, tables. Cut, they could lose their "not".
LONGEST_SENTENCE_TOKENS = 120
SPEAKER = "@speaker"
NEGATION = "not"

_LINE = re.compile(r"[\r\n]+")
_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[^\W_a-z])|(?<=[。！？])")
# A single letter may be an initial, but neither the "s" of "at Anna's" nor the "I" of "Anna and I".
_ABBREVIATION = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|st|prof|vs|approx|etc|[^\W\d_]\.[^\W\d_]|(?<!['’])(?!(?<=[\w,] )I\.)[A-Z])\.)$", re.I
)
_WORD = re.compile(r"\d[\d.,:/-]*\d\w*|\d\w*|[^\W\d_]+(?:['-][^\W\d_]+)*")
_CONTRACTED = {"can't": "can not", "cannot": "can not", "won't": "will not", "shan't": "shall not", "ain't": "not"} | {
    f"{verb}nt": f"{verb} not" for verb in ("do", "does", "did", "is", "are", "was", "were", "ca", "wo", "have", "has")
}


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word[0].isdigit():
            return word.removesuffix(ending)
    return word


_FIRST_PERSON = frozenset(("i", "my", "me", "mine", "myself"))
_NOT = frozenset(("not", "nicht", "kein", "keine", "keinen", "keiner", "keinem", "pas"))
# What denies, limits, ends or only reports: with it or without it, the rest says something else.
_DENYING = "no never neither nor none nobody nothing nowhere without except unless hate avoid"
_TURNING = """
only if until hardly barely rarely seldom scarcely instead rather than but used former ex stop stopped quit refuse
dislike lack against allergic ban banned deny denied forbid forbidden cancel cancelled canceled postponed lie lied
lying wrong untrue unlikely false maybe perhaps might wish hope doubt think thought guess pretend say said claim
nie niemals ohne außer weder noch falls wenn jamais sans sauf ni nunca sin excepto
"""
_DENIES = frozenset(_stem(word) for word in _DENYING.split()) | {NEGATION}
_TURNS = frozenset(_stem(word) for word in _TURNING.split()) | _DENIES
_FILLING = """
the a an is are am be has have does do of that who their they he she his her its it really actually also just very
please so
"""
_GLUE = frozenset(_FILLING.split())


@dataclass(frozen=True, slots=True)
class Passage:
    """A text, or a sentence of one, with the turn that it was said in and its label."""

    turn_id: str
    text: str
    label: Label


def split_sentences(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """Return the sentences of all passages, in order, without those that say nothing or never end."""
    return tuple(
        replace(passage, text=sentence)
        for passage in passages
        for line in _LINE.split(passage.text)
        for sentence in _split_line(line)
        if _WORD.search(sentence) and estimate_tokens(sentence) <= LONGEST_SENTENCE_TOKENS
    )


def _split_line(line: str) -> list[str]:
    sentences: list[str] = []
    start = 0
    for end in _END.finditer(line):
        if not _ABBREVIATION.search(line[start : end.start()]):
            sentences.append(line[start : end.end()].strip())
            start = end.end()
    return [*sentences, line[start:].strip()]


def sense(text: str, by_user: bool) -> tuple[str, ...]:
    """Return what a sentence says, word by word: stems without articles and the like, contractions written out.

    `by_user`: "I" is the user; both become SPEAKER, so that "I never swim" and "The user never swims" say the same.
    """
    items: list[str] = []
    for found in _WORD.findall(text.lower().replace("’", "'")):
        for word in _write_out(found).split():
            if by_user and word in _FIRST_PERSON | {"user"}:
                items.append(SPEAKER)
            elif word in _NOT:
                items.append(NEGATION)
            elif word not in _GLUE:
                items.append(_stem(word))
    return tuple(items)


def turns_meaning(item: str) -> bool:
    """True for an item of `sense` without which, or with which, a sentence says something else."""
    return item in _TURNS


def is_question(sentence: str) -> bool:
    """True for a sentence that asks."""
    return sentence.rstrip("\"'”’) ").endswith(("?", "？"))


def states(fact: str, source: str, by_user: bool) -> bool:
    """True where `fact` is a run of the source's own words, and nothing outside the run turns its meaning around.

    Every name, number and date of the fact then stands in the source, in the source's order, as true or as denied as
    there. What fails may still be right; it cannot be shown to be.
    """
    said, held = sense(fact, by_user), sense(source, by_user)
    if len(set(said)) < 2:
        return False
    for start in range(len(held) - len(said) + 1):
        if held[start : start + len(said)] == said:
            rest = (*held[:start], *held[start + len(said) :])
            return not any(turns_meaning(item) for item in rest)
    return False


def choose(sentences: Sequence[Passage], limit_tokens: int, extra_tokens: int = 0) -> tuple[int, ...]:
    """Return the numbers of the sentences that together say most within `limit_tokens`, in order.

    Each next one is that which adds most unsaid words for its length; names, numbers and what is denied weigh more.
    `extra_tokens`: what each costs beside its text.
    """
    weights = [_weights(sentence.text) for sentence in sentences]
    costs = [estimate_tokens(sentence.text) + extra_tokens for sentence in sentences]
    said: set[str] = set()
    chosen: list[int] = []
    waiting = [(-sum(weights[number].values()) / costs[number], number) for number in range(len(sentences))]
    heapq.heapify(waiting)
    while waiting:
        _, number = heapq.heappop(waiting)
        if costs[number] > limit_tokens:
            continue
        gain = sum(weight for item, weight in weights[number].items() if item not in said) / costs[number]
        # What a sentence adds only shrinks: one that is still first after a fresh look adds most of all.
        if waiting and (-gain, number) > waiting[0]:
            heapq.heappush(waiting, (-gain, number))
        elif gain > 0:
            chosen.append(number)
            limit_tokens -= costs[number]
            said |= weights[number].keys()
    return tuple(sorted(chosen))


def _weights(text: str) -> dict[str, float]:
    items = sense(text, by_user=True)
    # A capital that no sentence's start explains is a name.
    names = {_stem(word.lower()) for word in _WORD.findall(text)[1:] if word[0].isupper()}
    weight = 1.0 + (not _DENIES.isdisjoint(items)) + (SPEAKER in items) / 2
    if is_question(text):
        weight /= 4
    return {
        item: weight * (3 if item in names or item[0].isdigit() else 1)
        for item in items
        if item not in (SPEAKER, NEGATION)
    }


def _write_out(word: str) -> str:
    if word in _CONTRACTED:
        return _CONTRACTED[word]
    if word.endswith("n't"):
        return word.removesuffix("n't") + " not"
    for ending, whole in (("'m", "am"), ("'re", "are"), ("'ve", "have"), ("'ll", "will"), ("'s", "")):
        if word.endswith(ending):
            return f"{word.removesuffix(ending)} {whole}"
    return word.replace("'d", " would")
