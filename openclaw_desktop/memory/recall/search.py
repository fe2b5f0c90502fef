"""Finding memories: candidates by words and by meaning, scored and ordered.

Owns the course of a search. Must not know how vectors are kept, nor what asks. Loop; SQL runs on the reader's thread.
"""

from __future__ import annotations

from datetime import datetime

import apsw

from openclaw_desktop.memory.recall import scoring
from openclaw_desktop.memory.records import Recollection, StoredMemory, as_recollection
from openclaw_desktop.memory.rows import fetch_memories
from openclaw_desktop.memory.vectors.index import VectorIndex
from openclaw_desktop.storage.database import Database, fetch

WORD_CANDIDATES = 200
VECTOR_CANDIDATES = 50

Candidate = tuple[StoredMemory, float, float, bool]


class Search:
    """Searches the memories of one file."""

    def __init__(self, database: Database, vectors: VectorIndex) -> None:
        self._database = database
        self._vectors = vectors

    async def find(self, query: str, k: int, now: datetime) -> list[Recollection]:
        """Return up to `k` memories for `query`, best first (see `scoring` for the formula)."""
        words = scoring.query_words(query)
        if not words or k < 1:
            return []
        embedded = await self._vectors.embed([query])
        vector = embedded[0] if embedded and await self._vectors.ready() else None
        found = await self._database.read(lambda c: self._candidates(c, words, vector))
        return sorted((_hit(one, words, now) for one in found), key=lambda hit: (-hit.score, hit.id))[:k]

    def _candidates(self, connection: apsw.Connection, words: list[str], vector: bytes | None) -> list[Candidate]:
        """Return (memory, BM25 over the best BM25, cosine, said by the one named) for what words or meaning find."""
        speakers = {name.lower() for (name,) in fetch(connection, "select distinct speaker from memories") if name}
        named = [word for word in words if word in speakers]
        sought = [word for word in words if word not in named] or words
        rank = "bm25(memories_fts, 1.0, 0.2, 0.0, 0.5)"
        found = fetch(
            connection,
            f"""select rowid, -{rank} from memories_fts where memories_fts match ?
            order by {rank} limit {WORD_CANDIDATES}""",
            (scoring.match_expression(sought),),
        )
        best = max((value for _, value in found), default=0.0)
        by_words = {rowid: value / best if best > 0 else 0.0 for rowid, value in found}
        by_meaning = dict(self._vectors.nearest(connection, vector, VECTOR_CANDIDATES)) if vector else {}
        return [
            (
                memory,
                by_words.get(memory.rowid, 0.0),
                by_meaning.get(memory.rowid, 0.0),
                memory.speaker.lower() in named,
            )
            for memory in fetch_memories(connection, by_words.keys() | by_meaning.keys())
            if memory.superseded_by is None
        ]


def _hit(candidate: Candidate, words: list[str], now: datetime) -> Recollection:
    memory, by_words, by_meaning, by_speaker = candidate
    # Prefixes stand in for the stemmer of the index: this decides what is shown, not what is found.
    held = [word[: scoring.STEM_CHARS] for word in scoring.query_words(memory.text)]
    matched = [word for word in words if by_words and word[: scoring.STEM_CHARS] in held]
    signals = scoring.Signals(
        words=by_words,
        meaning=by_meaning,
        coverage=len(matched) / len(words),
        speaker=by_speaker,
        importance=memory.importance,
        age_days=scoring.age_days(memory.created_at, now),
    )
    return as_recollection(
        memory, scoring.score(signals), scoring.relevance(signals), scoring.explain(signals, matched)
    )
