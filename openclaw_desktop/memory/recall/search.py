"""Finding memories: candidates by words, meaning and date, scored and ordered.

Owns the course of a search. Must not know how vectors are kept, nor what asks. Loop; SQL and scoring run on the
reader's thread, the embedding engine meanwhile on its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import TypeVar

import apsw

from openclaw_desktop.memory.recall import pool as pools
from openclaw_desktop.memory.recall import scoring, signals
from openclaw_desktop.memory.recall.candidates import find_by_date, known_speakers
from openclaw_desktop.memory.recall.corrections import newest_first, put_in_question, put_right
from openclaw_desktop.memory.recall.counts import TermCounts
from openclaw_desktop.memory.recall.crowds import thin_out
from openclaw_desktop.memory.recall.hits import Hit
from openclaw_desktop.memory.recall.likeness import COMPARED, compared_text, cosines_of
from openclaw_desktop.memory.recall.pool import NO_COLUMNS, Pool
from openclaw_desktop.memory.recall.query import Query, name_words, read_query
from openclaw_desktop.memory.recall.reasons import Evidence, explain
from openclaw_desktop.memory.recall.repeats import without_repeats
from openclaw_desktop.memory.recall.scoring import WEIGHTS, Weights
from openclaw_desktop.memory.recall.standing import last_day
from openclaw_desktop.memory.recall.times import Span, seconds_of
from openclaw_desktop.memory.recall.words import WORD, stemmer
from openclaw_desktop.memory.records import Recollection, StoredMemory, as_recollection
from openclaw_desktop.memory.rows import fetch_memories
from openclaw_desktop.memory.vectors.index import VectorIndex
from openclaw_desktop.storage.database import Database, fetch

log = logging.getLogger(__name__)
T = TypeVar("T")

# So many of the nearest vectors for each hit that is wanted, no fewer and no more than these.
VECTORS_PER_HIT, FEWEST_BY_VECTORS, VECTOR_CANDIDATES = 4, 40, 64
# Several answers lie further apart: a question for them has as many candidates as one for so many hits.
SEVERAL = 20
# An event that is not found more surely than this tells no time.
EVENT_RELEVANCE = 0.5
# What was said in the time that is asked for answers a question that names nothing else.
TIME_COVERAGE = 0.5


class Search:
    """Searches the memories of one file."""

    def __init__(self, database: Database, vectors: VectorIndex, weights: Weights = WEIGHTS) -> None:
        self._database = database
        self._vectors = vectors
        self._counts = TermCounts(database)
        # Names by which somebody who spoke was known when they were asked about last.
        self._speakers: frozenset[str] = frozenset()
        self.weights = weights

    async def find(self, text: str, k: int, now: datetime, facts: int = 0) -> list[Recollection]:
        """Return up to `k` memories for the question `text`, best first (see `scoring` for the formula).

        What became a fact, at once or word for word, is found as that fact alone, and not as the words of its turn too,
        nor as an answer that repeats it. `facts`: so many medium-term facts follow that stand below those.
        """
        if k < 1 or WORD.search(text) is None:
            return []
        now = now if now.tzinfo else now.astimezone()
        query, vectors, pool = await self._gather(text, now, k)

        def look(connection: apsw.Connection, hits: list[Hit]) -> tuple[list[Hit], dict[int, StoredMemory]]:
            best = without_repeats(connection, hits, k)
            best += _medium_facts(connection, hits, best, facts) if facts else []
            return best, _look_closer(connection, best, query, pool)

        best, stored = await self._rank(query, pool, vectors, now, look)
        await self._counts.keep_current()
        return [
            as_recollection(
                memory,
                hit.score,
                scoring.relevance(hit.coverage, hit.signals.cosine),
                explain(_evidence(hit, query, memory, now.tzinfo)),
                hit.ended is not None,
            )
            for hit in best
            if (memory := stored.get(hit.memory.rowid)) is not None
        ]

    async def weigh(self, text: str, now: datetime, k: int, follow: bool = True) -> tuple[Query, list[Hit]]:
        """Return the question as it was read, and all candidates for `k` hits, best first."""
        query, vectors, pool = await self._gather(text, now, k, follow)
        return query, await self._rank(query, pool, vectors, now, lambda _, hits: hits)

    async def _gather(self, text: str, now: datetime, k: int, follow: bool = True) -> tuple[Query, list[bytes], Pool]:
        """Return the question as it was read, the vectors of its parts, and what its words find for `k` hits."""
        names = name_words(text)
        speakers = self._speakers.intersection(names)
        while True:
            query = read_query(text, now, speakers)
            if follow and query.anchor is not None:
                # The event stays among the words: "How did it feel after the accident?" is asked of the accident too.
                query = replace(query, span=await self._time_of(query, now))
            find = self._find_by_words(query, k, now, names, speakers)
            vectors, (pool, speaking) = await asyncio.gather(self._embed(query), self._database.read(find))
            if pool is not None:
                break
            # It was read with others than speak by now: they were not asked for first, for that costs two wakings.
            self._speakers, speakers = self._speakers.difference(names) | speaking, speaking
        if vectors and not pool.vectors_complete:
            vectors, pool.vectors = (vectors if await self._vectors.ready() else []), None
        return query, vectors, pool

    def _find_by_words(
        self, query: Query, k: int, now: datetime, names: list[str], speakers: frozenset[str]
    ) -> Callable[[apsw.Connection], tuple[Pool | None, frozenset[str]]]:
        """Return what finds the candidates, and who of `names` speaks; no candidates where that is not `speakers`."""

        def find(connection: apsw.Connection) -> tuple[Pool | None, frozenset[str]]:
            speaking = known_speakers(connection, names) if names else frozenset()
            if speaking != speakers:
                return None, speaking
            pool = pools.find(connection, query, max(k, SEVERAL) if query.many else k)
            if query.span is not None:
                pool.add(connection, find_by_date(connection, *query.span.seconds()))
            # The engine is at work meanwhile: what its vector is compared with is at hand when it comes.
            signals.begin(pool, query, now.timestamp())
            with contextlib.suppress(apsw.Error):  # what can't be read of the vectors keeps no words from being found
                pool.keep_vectors(self._vectors.read(connection, pool.memories))
                pool.vectors_complete = self._vectors.complete(connection)
            return pool, speaking

        return find

    async def _embed(self, query: Query) -> list[bytes]:
        """Return the vector of each part; none where an engine fails, or the question means nothing."""
        meanings = [part.meaning for part in query.parts]
        if not all(meanings):
            return []
        try:
            return await self._vectors.embed(meanings)
        except Exception as error:  # whatever an engine raises: words find without it
            log.warning("searched by words alone: %r", error)
            return []

    async def _time_of(self, query: Query, now: datetime) -> Span | None:
        """Return the range that an event of the question means, where the event is remembered."""
        assert query.anchor is not None
        found, vectors, pool = await self._gather(query.anchor.event, now, 1, follow=False)

        def look(connection: apsw.Connection, hits: list[Hit]) -> list[Hit]:
            _look_closer(connection, hits[:1], found, pool)
            return hits[:1]

        best = await self._rank(found, pool, vectors, now, look)
        if not best or best[0].coverage < EVENT_RELEVANCE:
            return None
        event = best[0].memory
        when = seconds_of(event.valid_from)
        return query.anchor.span(datetime.fromtimestamp(event.created_s if when is None else when, now.tzinfo))

    async def _rank(
        self,
        query: Query,
        pool: Pool,
        vectors: list[bytes],
        now: datetime,
        look: Callable[[apsw.Connection, list[Hit]], T],
    ) -> T:
        """Return what `look` makes of all candidates, best first; it runs on the reader's thread."""

        def score(connection: apsw.Connection) -> list[Hit]:
            return self._score(connection, query, pool, vectors, now)

        def order(connection: apsw.Connection, hits: list[Hit]) -> T:
            return look(connection, self._order(connection, query, pool, hits, now))

        if not (query.many and vectors):
            return await self._database.read(lambda connection: order(connection, score(connection)))
        hits = await self._database.read(score)
        await self._compare(query, hits)
        return await self._database.read(lambda connection: order(connection, hits))

    def _score(
        self, connection: apsw.Connection, query: Query, pool: Pool, vectors: list[bytes], now: datetime
    ) -> list[Hit]:
        """Return all candidates with what each is worth by itself."""
        try:
            nearest = self._measure_meaning(connection, pool, vectors)
        except apsw.Error as error:  # what can't be read of the vectors keeps no words from being found
            log.warning("searched by words alone: %s", error)
            nearest = []
        signals.begin(pool, query, now.timestamp())
        hits = list(pool.hits.values())
        signals.finish(hits, pool, nearest)
        weights = self.weights.values()
        for hit in hits:
            hit.score = scoring.weighted(hit.signals, weights)
        return hits

    async def _compare(self, query: Query, hits: list[Hit]) -> None:
        """Ask a second engine about the best of `hits`, where there is one."""
        best = _sorted(hits)[:COMPARED]
        texts = [query.parts[0].meaning, *(hit.memory.text for hit in best)]
        try:
            vectors = await self._vectors.embed_otherwise([compared_text(text) for text in texts])
        except Exception as error:  # whatever an engine raises: it was an opinion more
            log.warning("searched without a second opinion: %r", error)
            return
        if vectors:
            scoring.add_likeness([hit.signals for hit in best], cosines_of(vectors[0], vectors[1:]))
            for hit in best:
                hit.score = scoring.score(hit.signals, self.weights)

    def _order(
        self, connection: apsw.Connection, query: Query, pool: Pool, hits: list[Hit], now: datetime
    ) -> list[Hit]:
        """Return the scored candidates, best first, by what they are worth beside one another."""
        now_s = now.timestamp()
        hits = put_in_question(connection, put_right(connection, hits, now_s), pool.columns, now_s)
        newest_first(hits, pool.columns)
        if query.many:
            thin_out(hits, self.weights.crowd)
        return _take_turns(_sorted(hits), len(query.parts) - 1)

    def _measure_meaning(self, connection: apsw.Connection, pool: Pool, vectors: list[bytes]) -> list[dict[int, float]]:
        """Return the cosines of all candidates with each of `vectors`; the nearest become candidates."""
        wanted = min(max(VECTORS_PER_HIT * pool.k, FEWEST_BY_VECTORS), VECTOR_CANDIDATES)
        nearest = [dict(self._vectors.nearest(connection, vector, wanted)) for vector in vectors]
        pool.add(connection, {rowid for one in nearest for rowid in one})
        for vector, cosines in zip(vectors, nearest, strict=True):
            known = pool.known_cosines(vector)
            unknown = [rowid for rowid in pool.memories if rowid not in cosines and rowid not in known]
            cosines.update(self._vectors.cosines(connection, vector, unknown) if unknown else {})
            for rowid, cosine in known.items():
                if cosine is not None:
                    cosines[rowid] = cosine
        return nearest


def _sorted(hits: list[Hit]) -> list[Hit]:
    return sorted(hits, key=lambda hit: (-hit.score, hit.memory.rowid))


def _medium_facts(connection: apsw.Connection, hits: list[Hit], best: list[Hit], limit: int) -> list[Hit]:
    """Return the first `limit` of `hits` that are medium-term facts and not among the best."""
    found = {hit.memory.rowid for hit in best}
    others = [hit for hit in hits if hit.memory.kind == "fact" and hit.memory.rowid not in found]
    sql = """select j.value from json_each(?) j cross join memories m on m.rowid = j.value where m.tier = 'medium'"""
    medium = {rowid for (rowid,) in fetch(connection, sql, (json.dumps([hit.memory.rowid for hit in others]),))}
    return [hit for hit in others if hit.memory.rowid in medium][:limit]


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


def _look_closer(connection: apsw.Connection, hits: Iterable[Hit], query: Query, pool: Pool) -> dict[int, StoredMemory]:
    """Set `matched` and `coverage` of `hits`, and return all that is stored of them, by rowid."""
    stem = stemmer(connection)
    sought = {word: stems[0] for word in query.words if (stems := stem(word))}
    known = pool.sought.issuperset(sought.values())
    # What took the place of a candidate was not read as one itself.
    pool.add(connection, [hit.memory.rowid for hit in hits])
    for hit in hits:
        text, beside, _ = pool.columns.get(hit.memory.rowid, NO_COLUMNS)
        held = set(text if known else stem(hit.memory.text))
        hit.matched = tuple(word for word, stemmed in sought.items() if stemmed in held)
        if hit.memory.kind == "fact":
            # "I moved to Lisbon" says where I live: a fact answers what it is asked by too.
            held.update(beside if known else stem(hit.memory.neighbours))
        fits = {word for word, stemmed in sought.items() if stemmed in held}
        if hit.signals.speaker:
            fits.update(query.names.intersection(query.words))
        if query.words:
            hit.coverage = len(fits) / len(query.words)
        else:
            hit.coverage = TIME_COVERAGE * hit.signals.in_time
    return {memory.rowid: memory for memory in fetch_memories(connection, [hit.memory.rowid for hit in hits])}


def _evidence(hit: Hit, query: Query, memory: StoredMemory, zone: tzinfo | None) -> Evidence:
    return Evidence(
        hit.signals,
        hit.matched,
        hit.memory.speaker,
        query.span.phrase if query.span else "",
        ended=hit.ended is not None,
        until=last_day(hit.ended, zone) if hit.ended else None,
        corrects=hit.corrects,
        questioned=hit.questioned,
        newer=hit.newer,
        trusted=memory.label.integrity != "untrusted",
    )
