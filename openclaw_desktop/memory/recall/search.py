"""Finding memories: candidates by words, meaning and date, scored and ordered.

Owns the course of a search. Must not know how vectors are kept, nor what asks. Loop; SQL and scoring run on the
reader's thread, the embedding engine meanwhile on its own.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

import apsw

from openclaw_desktop.memory.recall import scoring
from openclaw_desktop.memory.recall.candidates import (
    Candidate,
    Found,
    find_by_date,
    find_by_words,
    known_speakers,
    read_candidates,
)
from openclaw_desktop.memory.recall.counts import TermCounts
from openclaw_desktop.memory.recall.query import Query, name_words, read_query
from openclaw_desktop.memory.recall.reasons import Evidence, explain
from openclaw_desktop.memory.recall.scoring import WEIGHTS, Signals, Weights
from openclaw_desktop.memory.recall.standing import held_until, in_time, standing_of
from openclaw_desktop.memory.recall.times import Span, seconds_of
from openclaw_desktop.memory.recall.words import WORD, Stem, stemmer
from openclaw_desktop.memory.records import Recollection, StoredMemory, as_recollection
from openclaw_desktop.memory.rows import fetch_memories
from openclaw_desktop.memory.vectors.index import VectorIndex
from openclaw_desktop.storage.database import Database

VECTOR_CANDIDATES = 64
# An event that is not found more surely than this tells no time.
EVENT_RELEVANCE = 0.5
# What was said in the time that is asked for answers a question that names nothing else.
TIME_COVERAGE = 0.5


@dataclass(slots=True)
class Hit:
    """A candidate with what speaks for it. `ended`: "replaced" or "ended" where it holds no more, else None.

    `part`: which of the question's alternatives it fits best.

    `matched`: the words of the question that stand in it, and `coverage`, their share, are known of the best alone.
    """

    memory: Candidate
    signals: Signals
    ended: str | None
    part: int = 0
    score: float = 0.0
    coverage: float = 0.0
    matched: tuple[str, ...] = ()


class Search:
    """Searches the memories of one file."""

    def __init__(self, database: Database, vectors: VectorIndex, weights: Weights = WEIGHTS) -> None:
        self._database = database
        self._vectors = vectors
        self._counts = TermCounts(database)
        self.weights = weights

    async def find(self, text: str, k: int, now: datetime) -> list[Recollection]:
        """Return up to `k` memories for the question `text`, best first (see `scoring` for the formula)."""
        if k < 1 or WORD.search(text) is None:
            return []
        now = now if now.tzinfo else now.astimezone()
        query, hits = await self.weigh(text, now)
        best = hits[:k]
        stored = await self._database.read(lambda c: _look_closer(c, best, query))
        return [
            as_recollection(
                stored[hit.memory.rowid],
                hit.score,
                scoring.relevance(hit.coverage, hit.signals.meaning),
                explain(_evidence(hit, query)),
            )
            for hit in best
            if hit.memory.rowid in stored
        ]

    async def weigh(self, text: str, now: datetime, follow: bool = True) -> tuple[Query, list[Hit]]:
        """Return the question as it was read, and all candidates, best first."""
        names = name_words(text)
        speakers = await self._database.read(lambda c: known_speakers(c, names))
        query = read_query(text, now, speakers)
        if follow and query.anchor is not None:
            # The event stays among the words: "How did it feel after the accident?" is asked of the accident too.
            query = replace(query, span=await self._time_of(query, now))
        vectors, found = await asyncio.gather(self._embed(query), self._database.read(lambda c: _find(c, query)))
        hits = await self._database.read(lambda c: self._score(c, query, found, vectors, now))
        await self._counts.keep_current()
        return query, hits

    async def _embed(self, query: Query) -> list[bytes]:
        vectors = await self._vectors.embed([part.meaning for part in query.parts])
        return vectors if vectors and await self._vectors.ready() else []

    async def _time_of(self, query: Query, now: datetime) -> Span | None:
        """Return the range that an event of the question means, where the event is remembered."""
        assert query.anchor is not None
        found, hits = await self.weigh(query.anchor.event, now, follow=False)
        if not hits:
            return None
        await self._database.read(lambda c: _look_closer(c, hits[:1], found))
        if hits[0].coverage < EVENT_RELEVANCE:
            return None
        event = hits[0].memory
        when = seconds_of(event.valid_from)
        return query.anchor.span(datetime.fromtimestamp(event.created_s if when is None else when, now.tzinfo))

    def _score(
        self, connection: apsw.Connection, query: Query, found: list[Found], vectors: list[bytes], now: datetime
    ) -> list[Hit]:
        nearest = [dict(self._vectors.nearest(connection, vector, VECTOR_CANDIDATES)) for vector in vectors]
        rowids = {rowid for one in found for rowid in one.rowids} | {rowid for one in nearest for rowid in one}
        if query.span is not None:
            rowids.update(find_by_date(connection, *query.span.seconds()))
        for vector, cosines in zip(vectors, nearest, strict=True):
            cosines.update(
                self._vectors.cosines(connection, vector, [rowid for rowid in rowids if rowid not in cosines])
            )
        now_s = now.timestamp()
        hits = []
        for memory in read_candidates(connection, rowids):
            ended = standing_of(memory, query, now_s)
            if ended != "out":
                hits.append(Hit(memory, Signals(), ended or None))
        self._set_signals(hits, query, found, nearest, stemmer(connection), now_s)
        return _take_turns(sorted(hits, key=lambda hit: (-hit.score, hit.memory.rowid)), len(query.parts) - 1)

    def _set_signals(
        self,
        hits: list[Hit],
        query: Query,
        found: list[Found],
        nearest: list[dict[int, float]],
        stem: Stem,
        now_s: float,
    ) -> None:
        dates = {memory: stem(memory) for memory in {hit.memory.date_words for hit in hits}}
        texts = [(stem(h.memory.text), stem(h.memory.neighbours), dates[h.memory.date_words]) for h in hits]
        by_part = [scoring.bm25(texts, one.weights) for one in found]
        for place, hit in enumerate(hits):
            memory, signals = hit.memory, hit.signals
            signals.words = by_part[0][place]
            cosines = [near.get(memory.rowid, 0.0) for near in nearest] or [0.0] * len(by_part)
            meaning = max(cosines)
            if len(by_part) > 1:
                fits = [values[place] + cosine for values, cosine in zip(by_part[1:], cosines[1:], strict=True)]
                hit.part = fits.index(max(fits))
                signals.words = (by_part[0][place] + max(values[place] for values in by_part[1:])) / 2
            signals.meaning = min(1.0, max(0.0, meaning))
            if query.names:
                spoken_by = memory.speaker.lower()
                signals.speaker = float(spoken_by in query.names or spoken_by.split(" ")[0] in query.names)
            if memory.kind == "turn":
                signals.asks = float(memory.text.rstrip().endswith("?"))
                signals.substance = scoring.substance(len(texts[place][0]))
            signals.many = query.many
            if query.span is not None:
                signals.in_time = in_time(memory, query.span)
            signals.past = float(hit.ended is not None)
            signals.importance = memory.importance
            signals.recency = scoring.recency((now_s - memory.created_s) / 86_400)
            signals.pinned = float(memory.pinned)
        scoring.add_surroundings([(hit.memory, hit.signals) for hit in hits])
        for hit in hits:
            hit.score = scoring.score(hit.signals, self.weights)


def _find(connection: apsw.Connection, query: Query) -> list[Found]:
    stem = stemmer(connection)
    return [find_by_words(connection, part.words, stem) for part in query.parts]


def _take_turns(hits: list[Hit], parts: int) -> list[Hit]:
    """Return `hits` so that the best of each of several questions come first, then the second of each, and so on."""
    if parts < 2:
        return hits
    places = [0] * parts
    order: list[tuple[int, int]] = []
    for hit in hits:
        order.append((places[hit.part], len(order)))
        places[hit.part] += 1
    return [hits[place] for _, place in sorted(order)]


def _look_closer(connection: apsw.Connection, hits: list[Hit], query: Query) -> dict[int, StoredMemory]:
    """Set `matched` and `coverage` of `hits`, and return all that is stored of them, by rowid."""
    stem = stemmer(connection)
    sought = {word: stems[0] for word in query.words if (stems := stem(word))}
    for hit in hits:
        held = set(stem(hit.memory.text))
        hit.matched = tuple(word for word, stemmed in sought.items() if stemmed in held)
        named = (query.names & set(query.words)) - set(hit.matched) if hit.signals.speaker else ()
        if query.words:
            hit.coverage = (len(hit.matched) + len(named)) / len(query.words)
        else:
            hit.coverage = TIME_COVERAGE * hit.signals.in_time
    return {memory.rowid: memory for memory in fetch_memories(connection, [hit.memory.rowid for hit in hits])}


def _evidence(hit: Hit, query: Query) -> Evidence:
    until = held_until(hit.memory) if hit.ended else None
    return Evidence(
        hit.signals, hit.matched, hit.memory.speaker, query.span.phrase if query.span else "", hit.ended, until
    )
