"""How hits are scored: a weighted sum of what speaks for each, never of ranks.

Owns the formula and its weights, as pure functions. Must not know where rows come from.

    score = words·w1 + meaning·w2 + speaker·w3 + asks·w4 + substance·w5 + near·w6 + session·w7
            + many·(speaker·w8 + session·w9) + in_time·w10 + past·w11 + importance·w12 + recency·w13 + pinned·w14

with the weights of `Weights`, of which the first nine were fitted by `python -m benchmarks.locomo --fit` and the others
set by hand (docs/adr/0017). Each signal lies between 0 and 1:

- `words`: BM25 of the question's words in the text, at 0.4 in what was said just before and after, at 0.5 in the
  date's words; over that of the best hit.
- `meaning`: the cosine of the vectors, 0 where negative.
- `speaker`: the question names who said it.
- `asks`: a turn that ends in a question: it seldom is what was asked for.
- `substance`: ln(1 + words of the turn) / 4: "Thanks!" tells nothing. What isn't a turn was chosen to tell something.
- `near`: the strength of the turn before or after, the better of both; strength is STRENGTH over the best hit's.
- `session`: the mean strength of the best three of its conversation, over that of the best conversation.
- `many`: the question asks for several things, which then lie in several conversations.
- `in_time`: it was said, or held, in the time that the question names; half where that is not sure.
- `past`: it holds no more, and the question asks for what was.
- `recency`: 1 / (1 + age / 30 days).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import cache
from operator import mul
from typing import Protocol

NEIGHBOURS_COLUMN, DATE_COLUMN = 0.4, 0.5
SATURATION, LENGTH_SHARE = 1.2, 0.75
SUBSTANCE_SCALE, SUBSTANCE_OF_FACTS = 4.0, 0.8
BEST_OF_SESSION = 3
RECENCY_SCALE_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Weights:
    """What each signal counts for."""

    words: float = 3.2
    meaning: float = 4.4
    speaker: float = 1.2
    asks: float = -1.2
    substance: float = 2.7
    near: float = 1.5
    session: float = 3.6
    speaker_of_many: float = 0.6
    session_of_many: float = -2.2
    in_time: float = 3.0
    past: float = 2.0
    importance: float = 0.5
    recency: float = 0.3
    pinned: float = 0.5

    @cache  # noqa: B019 - there is one set of them, and some more in tests
    def values(self) -> tuple[float, ...]:
        """Return the weights in their order."""
        return astuple(self)


WEIGHTS = Weights()
# What makes a hit strong before its surroundings are known: words, meaning, speaker.
STRENGTH = (1.0, 1.2, 0.22)


@dataclass(slots=True)
class Signals:
    """What speaks for one hit; every part lies between 0 and 1. `company`: how many more hits its conversation has."""

    words: float = 0.0
    meaning: float = 0.0
    speaker: float = 0.0
    asks: float = 0.0
    substance: float = SUBSTANCE_OF_FACTS
    near: float = 0.0
    session: float = 0.0
    many: bool = False
    in_time: float = 0.0
    past: float = 0.0
    importance: float = 0.5
    recency: float = 0.0
    pinned: float = 0.0
    strength: float = 0.0
    company: int = 0

    def values(self) -> tuple[float, ...]:
        """Return what the weights, in their order, are multiplied by."""
        many = float(self.many)
        return (
            self.words, self.meaning, self.speaker, self.asks, self.substance, self.near, self.session,
            many * self.speaker, many * self.session, self.in_time, self.past, self.importance, self.recency,
            self.pinned,
        )  # fmt: skip


class Talked(Protocol):
    """What a memory's surroundings are told by."""

    @property
    def rowid(self) -> int:
        """Its place in the file."""

    @property
    def kind(self) -> str:
        """A turn stands beside others; anything else for itself."""

    @property
    def session_id(self) -> str | None:
        """The conversation it was said in."""


def score(signals: Signals, weights: Weights = WEIGHTS) -> float:
    """Return the score of the formula above."""
    return float(sum(map(mul, signals.values(), weights.values())))


def bm25(texts: Sequence[tuple[Sequence[str], Sequence[str], Sequence[str]]], rarity: dict[str, float]) -> list[float]:
    """Return BM25 over the best, for stems of (text, neighbours, date) each, of the stems in `rarity`."""
    lengths = [len(text) + len(neighbours) + len(date) for text, neighbours, date in texts]
    mean = max(1.0, sum(lengths) / len(lengths)) if lengths else 1.0
    found = []
    for (text, neighbours, date), length in zip(texts, lengths, strict=True):
        flattened = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * length / mean)
        value = 0.0
        for stem, rare in rarity.items():
            count = text.count(stem) + NEIGHBOURS_COLUMN * neighbours.count(stem) + DATE_COLUMN * date.count(stem)
            if count:
                value += rare * count * (SATURATION + 1) / (count + flattened)
        found.append(value)
    best = max(found, default=0.0)
    return [value / best for value in found] if best > 0 else found


def substance(stems: int) -> float:
    """Return how much a turn of so many stems can tell, 0-1."""
    return min(1.0, math.log1p(stems) / SUBSTANCE_SCALE)


def add_surroundings(hits: Sequence[tuple[Talked, Signals]]) -> None:
    """Set `strength`, `near` and `session` of all hits, which come in the order of their rowids."""
    for _, signals in hits:
        signals.strength = STRENGTH[0] * signals.words + STRENGTH[1] * signals.meaning + STRENGTH[2] * signals.speaker
    best = max((signals.strength for _, signals in hits), default=0.0) or 1.0
    sessions: dict[str, list[float]] = {}
    turns: dict[int, tuple[str, Signals]] = {}
    for memory, signals in hits:
        signals.strength /= best
        if memory.kind == "turn" and memory.session_id is not None:
            sessions.setdefault(memory.session_id, []).append(signals.strength)
            turns[memory.rowid] = memory.session_id, signals
    means = {
        session: sum(sorted(strengths)[-BEST_OF_SESSION:]) / BEST_OF_SESSION for session, strengths in sessions.items()
    }
    top = max(means.values(), default=0.0) or 1.0
    for memory, signals in hits:
        if memory.rowid not in turns:
            signals.session = signals.strength  # it stands for itself
            continue
        session = turns[memory.rowid][0]
        signals.session = means[session] / top
        signals.company = len(sessions[session]) - 1
        beside = (turns.get(memory.rowid - 1), turns.get(memory.rowid + 1))
        signals.near = max((turn[1].strength for turn in beside if turn and turn[0] == session), default=0.0)


def relevance(coverage: float, meaning: float) -> float:
    """Return how far a hit answers the query at all, 0-1: the share of its words that match, or the meaning."""
    return max(0.0, min(1.0, max(coverage, meaning)))


def recency(age_days: float) -> float:
    """Return 1 for what is new, a half after a month."""
    return 1.0 / (1.0 + max(0.0, age_days) / RECENCY_SCALE_DAYS)
