"""The engine of the benchmarks of memory, and a file opened with it.

Owns the corpus's vectors at the price of MiniLM's. Must not know what is measured.
"""

from __future__ import annotations

import contextlib
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from unittest import mock

from benchmarks.memory_corpus import Corpus, CorpusEngine
from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.memory import MemoryStore, word_vectors
from openclaw_desktop.memory.vectors.minilm import MiniLM, find_file
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.cores import keep_off_last_of_two

KEY = bytes(range(32))
Embedding = Callable[[Sequence[str]], Awaitable[list[bytes]]]


class Engine(CorpusEngine):
    """The corpus's vectors, at the price of MiniLM's for a question of usual words; for a turn where not `instant`."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(Corpus())
        file = find_file(folders)
        self.minilm = MiniLM(file, idle_s=600) if file else None
        self.words = word_vectors()
        self.questions_ms: list[float] = []
        known = resource_path("embedding", "vocab.txt").read_text(encoding="utf-8").split()
        self._usual = [word for word in known if len(word) > 3 and word.isascii() and word.isalpha()]
        self._drawn: dict[str, bytes] = {}
        self.instant = True

    async def __call__(self, texts: Sequence[str]) -> list[bytes]:
        """Return the vectors of `texts`; the same for the same question, whose noise is drawn by chance."""
        made = dict(self._drawn)
        if new := [text for text in texts if text not in made]:
            if self.minilm is not None and not self.instant:
                await self.minilm(self._in_usual_words(new))
            made.update(zip(new, await super().__call__(new), strict=True))
        return [made[text] for text in texts]

    def draw_words(self, texts: Iterable[str]) -> None:
        """Draw the vectors of the words of `texts`, which a real engine has."""
        self.rows(list(texts))

    async def draw(self, texts: Sequence[str]) -> None:
        """Draw the vectors of questions, at no time of the recalls that ask for them."""
        self._drawn.update(zip(texts, await self(texts), strict=True))

    def _in_usual_words(self, texts: Sequence[str]) -> list[str]:
        def usual(word: str) -> str:
            return self._usual[zlib.crc32(word.encode()) % len(self._usual)] if word in self._matter_of else word

        return [" ".join(map(usual, text.split())) for text in texts]

    async def warm(self) -> None:
        """Load what the corpus's vectors are weighed against, at no time of what is measured."""
        await self.words(["warm"])
        if self.minilm is not None:
            await self.minilm(["warm"])

    async def close(self) -> None:
        """End what answers for the corpus."""
        self.words.close()
        if self.minilm is not None:
            await self.minilm.close()

    async def ask(self, texts: Sequence[str], embed: Embedding) -> list[bytes]:
        """Return what `embed` does, after MiniLM."""
        if self.minilm is not None:
            started_s = time.perf_counter()
            self.minilm.cache.clear()
            await self.minilm(self._in_usual_words(texts))
            self.questions_ms.append(1000 * (time.perf_counter() - started_s))
        return await embed(texts)


@contextlib.asynccontextmanager
async def opened(path: Path, engine: Engine) -> AsyncIterator[tuple[MemoryStore, Database]]:
    """Open the file with `engine`, whose questions take as long as MiniLM's."""
    database = await Database.open(path, key=KEY)
    memory = MemoryStore(database, (engine, engine.words))
    embed = memory.vectors.embed
    if engine.minilm is not None:
        await database.read(lambda _: keep_off_last_of_two())  # as the index does for it
    try:
        with mock.patch.object(memory.vectors, "embed", lambda texts: engine.ask(texts, embed)):
            yield memory, database
    finally:
        await memory.vectors.close()
        await database.close()
