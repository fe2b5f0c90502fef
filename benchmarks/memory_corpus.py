"""A made-up memory of any size: what somebody said over years, and questions about it.

Chats of 40 turns between two speakers. A turn follows one of ten patterns and is about one of 3,000 matters (the n-th
is 1/n as frequent as the first), with six words of the 60 that the matter has to itself and six of 20,000 common ones,
likewise unevenly spread. Its vector (384 dimensions) is the mean of fixed random vectors of its words, those of one
matter with half of their direction in common, those of the pattern hardly heard, with a fifth of noise of its own; the
words' vectors vary in 40 directions, as those of real engines vary in few. So
texts of one matter lie near one another, as those of a real engine do, and a million take minutes instead of an hour.
A question is one of eight patterns around three words of a matter and a common one.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate

import numpy as np

from openclaw_desktop.memory import NewMemory

# Vectors of texts vary in few directions, whatever their length.
DIMENSION, LATENT = 384, 40
COMMON_WEIGHT, PATTERN_WEIGHT = 0.5, 0.15
MATTERS, MATTER_WORDS, COMMON_WORDS, TURNS_IN_CHAT = 3_000, 60, 20_000, 40
PATTERNS = (
    "I told you that {} and then {}", "yesterday {} before {}", "we should {} because {}", "my sister said {} not {}",
    "do you remember {} when {}?", "I really like {} more than {}", "the doctor wants {} after {}",
    "at work {} while {}", "next week {} so {}", "nobody knew {} until {}",
)  # fmt: skip
QUESTIONS = (
    "what did I say about {}?", "when was {}?", "who told me about {}?", "do I like {}?", "where is {}?",
    "why did we talk about {}?", "what happened with {}?", "is it true that {}?",
)  # fmt: skip


class Corpus:
    """The same turns and questions each time."""

    def __init__(self, seed: int = 7) -> None:
        chance = random.Random(seed)
        syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]

        def word() -> str:
            return "".join(chance.choices(syllables, k=chance.randint(2, 5)))

        self.common = [word() for _ in range(COMMON_WORDS)]
        self.matters = [[word() for _ in range(MATTER_WORDS)] for _ in range(MATTERS)]
        # Sums of the weights: `choices` would add them up again for each turn.
        self._of_common = list(accumulate(1 / rank for rank in range(10, COMMON_WORDS + 10)))
        self._of_matters = list(accumulate(1 / rank for rank in range(20, MATTERS + 20)))
        self._of_words = list(accumulate(1 / rank for rank in range(3, MATTER_WORDS + 3)))

    def turns(self, count: int, seed: int = 11) -> Iterator[NewMemory]:
        """Yield `count` turns, oldest first, over ten years."""
        chance, begin = random.Random(seed), datetime(2016, 1, 1, tzinfo=UTC)
        for number in range(count):
            moment = begin + timedelta(seconds=number * (3650 * 86_400 // count))
            speaker = ("user", "assistant")[number % 2]
            yield NewMemory(
                self.say(chance), kind="turn", speaker=speaker, session_id=f"chat {number // TURNS_IN_CHAT}",
                created_at=moment.isoformat(timespec="seconds"),
            )  # fmt: skip

    def say(self, chance: random.Random) -> str:
        """Return one turn."""
        own = self._own_words(chance, 6)
        common = chance.choices(self.common, cum_weights=self._of_common, k=6)
        words = [*own, *common]
        chance.shuffle(words)
        return chance.choice(PATTERNS).format(" ".join(words[:7]), " ".join(words[7:]))

    def questions(self, count: int, seed: int = 13) -> list[str]:
        """Return `count` questions."""
        chance = random.Random(seed)
        common = [chance.choices(self.common, cum_weights=self._of_common, k=1)[0] for _ in range(count)]
        return [chance.choice(QUESTIONS).format(" ".join([*self._own_words(chance, 3), one])) for one in common]

    def _own_words(self, chance: random.Random, count: int) -> list[str]:
        matter = chance.choices(self.matters, cum_weights=self._of_matters, k=1)[0]
        return chance.choices(matter, cum_weights=self._of_words, k=count)


class CorpusEngine:
    """`core.protocols.Embed` for the corpus."""

    engine, version, dimension, instant = "corpus", "3", DIMENSION, True

    def __init__(self, corpus: Corpus) -> None:
        self._matter_of = {word: number for number, words in enumerate(corpus.matters) for word in words}
        self._common = frozenset(corpus.common)
        self._places: dict[str, int] = {}
        self._rows = np.zeros((0, DIMENSION), np.float32)
        self._chance = np.random.default_rng(3)

    async def __call__(self, texts: Sequence[str]) -> list[bytes]:
        """Return the vectors of `texts`."""
        return [row.astype("<f4").tobytes() for row in self.rows(texts)]

    def rows(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vectors of `texts`, one a row."""
        places = [[self._place(word) for word in text.rstrip("?").split()] for text in texts]
        sums = np.stack([self._rows[one].sum(axis=0) for one in places])
        sums /= np.linalg.norm(sums, axis=1, keepdims=True)
        sums += 0.2 / DIMENSION**0.5 * self._chance.standard_normal(sums.shape, np.float32)
        sums /= np.linalg.norm(sums, axis=1, keepdims=True)
        return np.asarray(sums)

    def _place(self, word: str) -> int:
        place = self._places.get(word)
        if place is None:
            row = _drawn(word)
            if (matter := self._matter_of.get(word)) is not None:
                row = row + _drawn(f"matter {matter}")
            else:
                row = row * (COMMON_WEIGHT if word in self._common else PATTERN_WEIGHT)
            place = self._places[word] = len(self._places)
            if place == len(self._rows):
                self._rows = np.concatenate([self._rows, np.zeros((max(1024, place), DIMENSION), np.float32)])
            self._rows[place] = row
        return place


_LATENT = np.random.default_rng(1).standard_normal((LATENT, DIMENSION)).astype(np.float32) / LATENT**0.5


@lru_cache(4_000)
def _drawn(seed: str) -> np.ndarray:
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    chance = np.random.default_rng(number)
    return np.asarray(
        chance.standard_normal(LATENT, np.float32) @ _LATENT + 0.2 * chance.standard_normal(DIMENSION, np.float32)
    )
