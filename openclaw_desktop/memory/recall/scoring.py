"""How hits are scored: weighted fusion of word search and meaning, never of ranks.

Owns the formula and its weights, as pure functions. Must not know where rows come from.

    score = 0.60 words + 0.40 meaning + 0.15 speaker + 0.05 importance + 0.02 recency

`words` is the hit's BM25 over the best hit's BM25, `meaning` the cosine of the vectors (0 where negative), `speaker` 1
where the query names who said it, `recency` 1 / (1 + age / 30 days). Word search alone finds more than vectors alone on
long conversations, and fusing ranks loses what the scores tell.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime

WORDS_WEIGHT = 0.60
MEANING_WEIGHT = 0.40
SPEAKER_WEIGHT = 0.15
IMPORTANCE_WEIGHT = 0.05
RECENCY_WEIGHT = 0.02
RECENCY_SCALE_DAYS = 30.0
STEM_CHARS = 5

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
# Words that say nothing about what is looked for; the rest is left to BM25.
STOP_WORDS = frozenset(
    [
        "a",
        "about",
        "after",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "before",
        "being",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "for",
        "from",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "hers",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "me",
        "mine",
        "more",
        "most",
        "my",
        "no",
        "nor",
        "not",
        "of",
        "off",
        "on",
        "or",
        "our",
        "ours",
        "out",
        "over",
        "please",
        "remember",
        "s",
        "say",
        "she",
        "should",
        "so",
        "some",
        "t",
        "tell",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "told",
        "too",
        "up",
        "us",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "yours",
    ]
)


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for one hit; every part lies between 0 and 1."""

    words: float
    meaning: float
    coverage: float
    speaker: bool
    importance: float
    age_days: float


def query_words(query: str) -> list[str]:
    """Return the words of `query` worth looking for, lower case, each once, in order."""
    words = dict.fromkeys(word.lower() for word in _WORD.findall(query))
    telling = [word for word in words if word not in STOP_WORDS]
    return telling or list(words)


def match_expression(words: list[str]) -> str:
    """Return the FTS5 expression that finds any of `words`, each quoted so that none is an operator."""
    return " OR ".join(f'"{word}"' for word in words)


def score(signals: Signals) -> float:
    """Return the score of the formula above."""
    return (
        WORDS_WEIGHT * signals.words
        + MEANING_WEIGHT * max(0.0, signals.meaning)
        + SPEAKER_WEIGHT * signals.speaker
        + IMPORTANCE_WEIGHT * signals.importance
        + RECENCY_WEIGHT / (1.0 + max(0.0, signals.age_days) / RECENCY_SCALE_DAYS)
    )


def relevance(signals: Signals) -> float:
    """Return how far the hit answers the query at all, 0-1: the share of its words that match, or the meaning."""
    return max(signals.coverage, signals.meaning, 0.0)


def explain(signals: Signals, matched: list[str]) -> str:
    """Say why a hit was found, in a few words."""
    parts = []
    if matched:
        parts.append("words: " + ", ".join(matched))
    if signals.meaning > 0:
        parts.append(f"meaning {signals.meaning:.2f}")
    if signals.speaker:
        parts.append("said by the one named")
    return "; ".join(parts)


def age_days(created_at: str, now: datetime) -> float:
    """Return the age of an ISO time in days; 0 for one that cannot be read or lies ahead."""
    try:
        created = datetime.fromisoformat(created_at)
    except ValueError:
        return 0.0
    if created.tzinfo is None:
        created = created.replace(tzinfo=now.tzinfo)
    return max(0.0, (now - created).total_seconds() / 86_400)


def cosine_of_distance(distance: float) -> float:
    """Return the cosine for the Euclidean distance of two normalised vectors: 1 - d^2 / 2."""
    return 1.0 - distance * distance / 2.0 if math.isfinite(distance) else 0.0


def date_words(created_at: str) -> str:
    """Return the words by which a date may be asked for: weekday, day, month name and year."""
    try:
        created = datetime.fromisoformat(created_at)
    except ValueError:
        return ""
    return f"{created:%A} {created.day} {created:%B %Y}".lower()
