"""How hits are scored: a weighted sum of what speaks for each, never of ranks.

Owns the formula and its weights, as pure functions. Must not know where rows come from.

    score = words·w1 + meaning·w2 + speaker·w3 + asks·w4 + substance·w5 + near·w6 + session·w7
            + many·speaker·w8 + answers·w9 + many·session·w10 + in_time·w11 + past·w12 + importance·w13 + recency·w14
            + pinned·w15 + talk·w16 + named·w17 + other·w18 + crowd·w19 + likeness·w20

with the weights of `Weights`, of which the first nine were fitted by `python -m benchmarks.locomo --fit` and the others
set by hand (docs/adr/0017). Each signal lies between 0 and 1:

- `words`: BM25 of the question's words in the text, at 0.4 in what was said just before and after, at 0.5 in the
  date's words, at 0.6 in those that a fact is asked by, which don't make it longer; over that of the best hit.
- `meaning`: the cosine of the vectors, 0 where negative; over that of the best hit, or over SURE where none is so near.
- `speaker`: the question names who said it.
- `asks`: a turn that ends in a question: it seldom is what was asked for.
- `substance`: ln(1 + words of the turn) / 4: "Thanks!" tells nothing. What isn't a turn was chosen to tell something.
- `near`: the strength of the turn before or after, the better of both; strength is STRENGTH over the best hit's. What
  isn't a turn stands for itself, here and for `session`, or where the turn stands that it was made of.
- `session`: the mean strength of the best three of its conversation, over that of the best conversation.
- `many`: the question asks for several things, which then lie in several conversations.
- `answers`: the turn before ends in a question: the strength of that.
- `in_time`: it names a day in the time that the question names, or was said, or held, then; of the latter half where
  that time is not sure.
- `past`: it holds no more, and the question asks for what was.
- `recency`: 1 / (1 + age / 30 days).
- `talk`: a question to the agent, or an answer of its: neither tells of the user, unless what it said is asked for.
- `named`: the share of the names in the question that stand in the text, and half of it where they stand beside.
- `other`: the question is about the user ("where do I live?"), and it is a fact about Anna.
- `crowd`: the question asks for several things, and of the turns of its conversation so many are better (`crowds.py`).
- `likeness`: the question asks for several things: what a second engine says of its meaning (`likeness.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import cache
from operator import mul
from typing import Protocol

NEIGHBOURS_COLUMN, DATE_COLUMN = 0.4, 0.5
# The words that a fact is asked by were chosen for it, and no talk stands beside it.
ASKED_BY = 0.6
SATURATION, LENGTH_SHARE = 1.2, 0.75
SUBSTANCE_SCALE, SUBSTANCE_OF_FACTS = 4.0, 1.0
# A cosine that surely means something: where the best hit's is below, the meaning of none counts in full.
SURE = 0.3
BEST_OF_SESSION = 3
RECENCY_SCALE_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Weights:
    """What each signal counts for."""

    words: float = 3.5
    meaning: float = 1.8
    speaker: float = 1.3
    asks: float = -0.8
    substance: float = 2.3
    near: float = 1.6
    session: float = 3.2
    speaker_of_many: float = 0.8
    answers: float = 1.6
    session_of_many: float = -2.0
    in_time: float = 3.0
    past: float = 2.0
    importance: float = 0.5
    recency: float = 0.3
    pinned: float = 0.5
    talk: float = -2.0
    named: float = 3.0
    other: float = -3.5
    crowd: float = -2.4
    likeness: float = 1.0

    @cache  # noqa: B019 - there is one set of them, and some more in tests
    def values(self) -> tuple[float, ...]:
        """Return the weights in their order."""
        return astuple(self)


WEIGHTS = Weights()
# What makes a hit strong before its surroundings are known: words, meaning, speaker.
STRENGTH = (1.0, 1.2, 0.22)


@dataclass(slots=True)
class Signals:
    """What speaks for one hit; every part lies between 0 and 1.

    `cosine`: the meaning as it is. `company`: how many more hits its conversation has.
    """

    words: float = 0.0
    meaning: float = 0.0
    speaker: float = 0.0
    asks: float = 0.0
    substance: float = SUBSTANCE_OF_FACTS
    near: float = 0.0
    session: float = 0.0
    many: bool = False
    answers: float = 0.0
    in_time: float = 0.0
    past: float = 0.0
    importance: float = 0.5
    recency: float = 0.0
    pinned: float = 0.0
    talk: float = 0.0
    named: float = 0.0
    other: float = 0.0
    crowd: float = 0.0
    likeness: float = 0.0
    cosine: float = 0.0
    strength: float = 0.0
    company: int = 0

    def values(self) -> tuple[float, ...]:
        """Return what the weights, in their order, are multiplied by."""
        many = float(self.many)
        return (
            self.words, self.meaning, self.speaker, self.asks, self.substance, self.near, self.session,
            many * self.speaker, self.answers, many * self.session, self.in_time, self.past, self.importance,
            self.recency, self.pinned, self.talk, self.named, self.other, self.crowd, self.likeness,
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

    @property
    def turn_id(self) -> str | None:
        """The exchange that it is, or was made of."""


def score(signals: Signals, weights: Weights = WEIGHTS) -> float:
    """Return the score of the formula above."""
    return weighted(signals, weights.values())


def weighted(signals: Signals, weights: Sequence[float]) -> float:
    """Return the same for the values of weights."""
    return float(sum(map(mul, signals.values(), weights)))


def bm25(
    texts: Sequence[tuple[Sequence[str], Sequence[str], Sequence[str]]],
    rarity: dict[str, float],
    lengths: Sequence[int] | None = None,
    beside: Sequence[float] | None = None,
) -> list[float]:
    """Return BM25 over the best, for stems of (text, neighbours, date) each, of the stems in `rarity`.

    `lengths`: how many stems there are of each, where `texts` holds only those that are looked for. `beside`: what the
    neighbours of each count for, where that is not the same for all.
    """
    lengths = lengths or [sum(map(len, columns)) for columns in texts]
    mean = max(1.0, sum(lengths) / len(lengths)) if lengths else 1.0
    least, slope = SATURATION * (1 - LENGTH_SHARE), SATURATION * LENGTH_SHARE / mean
    found = []
    shares = [NEIGHBOURS_COLUMN] * len(texts) if beside is None else beside
    for columns, length, share_beside in zip(texts, lengths, shares, strict=True):
        text, near_by, date = columns
        value = 0.0
        if text or near_by or date:  # many were found by their meaning alone
            counts: dict[str, float] = {}
            for stems, share in ((text, 1.0), (near_by, share_beside), (date, DATE_COLUMN)):
                for stem in stems:
                    counts[stem] = counts.get(stem, 0.0) + share
            flattened = least + slope * length
            for stem, count in counts.items():
                if stem in rarity:
                    value += rarity[stem] * count * (SATURATION + 1) / (count + flattened)
        found.append(value)
    best = max(found, default=0.0)
    return [value / best for value in found] if best > 0 else found


def substance(stems: int) -> float:
    """Return how much a turn of so many stems can tell, 0-1."""
    return min(1.0, math.log1p(stems) / SUBSTANCE_SCALE)


def add_meaning(hits: Sequence[Signals]) -> None:
    """Set `meaning` of all hits from their `cosine`."""
    for signals, share in zip(hits, _over_best([signals.cosine for signals in hits]), strict=True):
        signals.meaning = share


def add_likeness(hits: Sequence[Signals], cosines: Sequence[float]) -> None:
    """Set `likeness` of all hits from a second engine's cosines, as `meaning` is from the first one's."""
    for signals, share in zip(hits, _over_best(cosines), strict=True):
        signals.likeness = share


def _over_best(cosines: Sequence[float]) -> list[float]:
    full = max([SURE, *cosines])
    return [cosine / full if cosine > 0.0 else 0.0 for cosine in cosines]


def add_surroundings(hits: Sequence[tuple[Talked, Signals]]) -> None:
    """Set `strength`, `near`, `answers` and `session` of all hits."""
    of_words, of_meaning, of_speaker = STRENGTH
    best = 0.0
    for _, signals in hits:
        strength = of_words * signals.words + of_meaning * signals.meaning + of_speaker * signals.speaker
        signals.strength = strength
        best = max(best, strength)
    best = best or 1.0
    sessions: dict[str, list[float]] = {}
    turns: dict[int, tuple[str, Signals]] = {}
    others: list[tuple[str | None, Signals]] = []
    for memory, signals in hits:
        signals.strength /= best
        if memory.kind == "turn" and memory.session_id is not None:
            sessions.setdefault(memory.session_id, []).append(signals.strength)
            turns[memory.rowid] = memory.session_id, signals
        else:
            others.append((memory.turn_id, signals))
    means = {
        session: (sum(sorted(strengths)[-BEST_OF_SESSION:]) if len(strengths) > 1 else strengths[0]) / BEST_OF_SESSION
        for session, strengths in sessions.items()
    }
    top = max(means.values(), default=0.0) or 1.0
    for rowid, (session, signals) in turns.items():
        signals.session = means[session] / top
        signals.company = len(sessions[session]) - 1
        before, after = turns.get(rowid - 1), turns.get(rowid + 1)
        signals.near = signals.answers = 0.0
        if before is not None and before[0] == session:
            signals.near = before[1].strength
            signals.answers = before[1].asks * signals.near
        if after is not None and after[0] == session:
            signals.near = max(signals.near, after[1].strength)
    if others:
        said = {memory.turn_id: signals for memory, signals in hits if memory.rowid in turns and not signals.asks}
        for turn_id, signals in others:
            turn = said.get(turn_id) if turn_id else None
            signals.near = max(signals.strength, turn.near if turn else 0.0)
            signals.session = max(min(1.0, signals.strength / top), turn.session if turn else 0.0)


def relevance(coverage: float, meaning: float) -> float:
    """Return how far a hit answers the query at all, 0-1: the share of its words that match, or the meaning."""
    return max(0.0, min(1.0, max(coverage, meaning)))


def recency(age_days: float) -> float:
    """Return 1 for what is new, a half after a month."""
    return 1.0 / (1.0 + max(0.0, age_days) / RECENCY_SCALE_DAYS)
