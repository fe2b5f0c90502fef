"""Remembering and finding again in one file, without a model: how long one of each takes.

Made-up facts of words that are as unevenly spread as those of a language. One process, the public Python interface.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from pathlib import Path

from benchmarks.results import INFORMATION, Options, Row, in_words
from openclaw_desktop.memory import MemoryStore, NewMemory, open_memory

ROWS, QUICK_ROWS = 10_000, 1_000
BATCH = 500
WORDS_IN_FACT, WORDS_IN_QUERY = 14, 4


def measure(options: Options) -> list[Row]:
    """Fill a file and return how fast that went, and how fast one is kept and found in it."""
    return asyncio.run(_measure(QUICK_ROWS if options.quick else ROWS, 30 if options.quick else 200))


async def _measure(rows: int, samples: int) -> list[Row]:
    speech = _Speech(random.Random(7))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with open_memory(Path(folder) / "memory.db") as memory:
            await memory.recall("warm")
            started_s = time.perf_counter()
            for _ in range(0, rows, BATCH):
                await memory.remember_many([NewMemory(speech.say(WORDS_IN_FACT)) for _ in range(BATCH)])
            filled_s = time.perf_counter() - started_s
            recalls = [await _time_recall(memory, speech.say(WORDS_IN_QUERY)) for _ in range(samples)]
            commits = [await _time_remember(memory, speech.say(WORDS_IN_FACT)) for _ in range(samples)]
    where = f"in {rows:,} memories"
    return [
        Row(f"remember one, {where}", "", in_words(commits, "ms", 2), INFORMATION, samples),
        Row(f"recall ten, {where}", "", in_words(recalls, "ms", 2), INFORMATION, samples),
        Row(f"remember {rows:,} in batches of {BATCH}", "", f"{rows / filled_s:,.0f} a second", INFORMATION, 1),
    ]


async def _time_recall(memory: MemoryStore, query: str) -> float:
    started_s = time.perf_counter()
    hits = await memory.recall(query, 10)
    assert hits
    return 1000 * (time.perf_counter() - started_s)


async def _time_remember(memory: MemoryStore, text: str) -> float:
    started_s = time.perf_counter()
    await memory.remember(NewMemory(text))
    return 1000 * (time.perf_counter() - started_s)


class _Speech:
    """Sentences of made-up words; the n-th word is 1/n as frequent as the first (Zipf)."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
        self._words = ["".join(chance.choices(syllables, k=chance.randint(2, 4))) for _ in range(8_000)]
        self._weights = [1 / rank for rank in range(10, len(self._words) + 10)]

    def say(self, words: int) -> str:
        return " ".join(self._chance.choices(self._words, self._weights, k=words))
