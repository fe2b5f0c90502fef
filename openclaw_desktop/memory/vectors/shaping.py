"""Keeping the lists of vectors in shape while they grow: made, filled, split, made anew, and compared with the truth.

Owns what is done next and what of it is held in memory. Every step is one transaction of some 100 ms at most: what a
kill cuts short is begun anew from the file, which always answers (docs/adr/0019). Loop; SQL on the writer's thread,
whose page cache no search needs; numpy in a thread.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import random

import apsw

from openclaw_desktop.memory.vectors import codes, lists, training
from openclaw_desktop.memory.vectors.codes import CodeSearch
from openclaw_desktop.memory.vectors.int8 import Vector, cosine_of, quantise
from openclaw_desktop.memory.vectors.lists import EngineRow
from openclaw_desktop.storage.database import Database, fetch

log = logging.getLogger(__name__)

# Below so many vectors an exact search takes 3 ms.
TRAINED_FROM = 4_000
GROWTH = 4
# Four times the usual square root: of real texts, the same share of vectors read then holds 4 % more of the nearest.
LISTS_PER_ROOT, FEWEST_LISTS, MOST_LISTS = 4, 16, 4_096
SAMPLED_PER_LIST, MOST_SAMPLED, SAMPLED_AT_ONCE = 20, 40_000, 2_000
ROUNDS = 8
# New lists that find so much less than the old ones are not used.
WORSE = 0.02
# A list is split from so many times the usual size on.
OVERFULL = 3
MOVED_AT_ONCE, CODED_AT_ONCE = 1_000, 64
# A search through the lists has to find so much of what an exact one finds. The bar is 0.95 for questions, which find
# 2 to 3 % less than what is made of stored vectors.
WANTED_RECALL = 0.985
DRAWN_ASIDE = 0.5
CHECKED, CHECKED_K, CHECKED_AT_ONCE, PASSED_AT_ONCE = 48, 10, 4, 4_000
# fmt: off
PROBES = (
    8, 12, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1_024,
    1_280, 1_536, 2_048, 3_072, 4_096,
)
# fmt: on


class Training:
    """Centroids in the making: a sample that grows, then rounds of k-means."""

    def __init__(self, engine: EngineRow, count: int, highest: int) -> None:
        self.engine_id, self.count, self._highest = engine.id, count, highest
        self.lists = max(FEWEST_LISTS, min(MOST_LISTS, round(LISTS_PER_ROOT * math.sqrt(count))))
        self.wanted = min(count, SAMPLED_PER_LIST * self.lists, MOST_SAMPLED)
        self._tries = 0
        self._chance = random.Random(count)  # noqa: S311 - nothing secret
        self.vectors: dict[int, bytes] = {}
        self.sample: training.Floats | None = None
        self.centroids: training.Floats | None = None
        self.rounds = 0

    @property
    def sampled(self) -> bool:
        """True once the sample is large enough, or the file has no more."""
        return len(self.vectors) >= self.wanted or self._tries * SAMPLED_AT_ONCE > 8 * self._highest + self.wanted

    def draw(self, connection: apsw.Connection) -> None:
        """Take some more vectors by chance."""
        self._tries += 1
        rowids = [self._chance.randint(1, self._highest) for _ in range(SAMPLED_AT_ONCE)]
        sql = f"""select v.memory_rowid, v.vector from json_each(?) j cross join vectors v {lists.BY_MEMORY}
            on v.memory_rowid = j.value and v.engine_id = ? where +v.list >= 0"""
        for rowid, vector in fetch(connection, sql, (json.dumps(sorted(set(rowids))), self.engine_id)):
            self.vectors[int(rowid)] = bytes(vector)

    def improve(self) -> None:
        """Do one round; in a thread."""
        if self.sample is None:
            self.sample = training.as_matrix(list(self.vectors.values()))
            self.vectors.clear()
            self.lists = min(self.lists, len(self.sample))
        if self.centroids is None:
            self.centroids = training.begin(self.sample, self.lists, self.count)
        self.centroids = training.improve(self.sample, self.centroids)
        self.rounds += 1


class Check:
    """A comparison in progress: the truth for some questions first, then what the lists find of it."""

    def __init__(self, engine: EngineRow, asked: list[Vector]) -> None:
        self.engine_id = engine.id
        self.asked = asked
        self.place: tuple[int, int] | None = (lists.UNLISTED, -1)
        self.exact = training.ExactSearch(asked, CHECKED_K)
        self.probes = engine.probes
        self.lowest_good: int | None = None
        self.shares: list[float] = []
        self.changes = (engine.generation, engine.unverified)


class Shaping:
    """Does one step at a time, for whichever engine needs it."""

    def __init__(self, database: Database, search: CodeSearch) -> None:
        """`search`: what the lists have to find enough through."""
        self._database = database
        self._search = search
        self._training: Training | None = None
        self._check: Check | None = None

    async def step(self) -> bool:
        """Do the next step; False where all lists are in shape."""
        for engine in await self._database.maintain(lists.read_engines):
            if engine.layout == 1 and engine.state != "retired" and await self._shape(engine):
                return True
        return False

    async def _shape(self, engine: EngineRow) -> bool:
        if engine.generation:
            if await self._move_some(engine):
                return True
            if await self._split_one(engine):
                return True
        count = await self._database.maintain(lambda c: lists.count_vectors(c, engine.id))
        if count >= max(TRAINED_FROM, GROWTH * engine.trained_rows):
            await self._train(engine, count)
            return True
        if await self._code_some(engine):
            return True
        if engine.unverified:
            await self._verify(engine)
            return True
        return False

    async def _train(self, engine: EngineRow, count: int) -> None:
        if self._training is None or self._training.engine_id != engine.id:
            sql = "select coalesce(max(memory_rowid), 1) from vectors"
            highest = await self._database.maintain(lambda c: int(fetch(c, sql)[0][0]))
            self._training = Training(engine, count, highest)
        current = self._training
        if not current.sampled:
            await self._database.maintain(current.draw)
        elif current.rounds < ROUNDS:
            await asyncio.to_thread(current.improve)
        else:
            self._training = None
            await self._install(engine, current)

    async def _install(self, engine: EngineRow, new: Training) -> None:
        """Use new lists, unless they find less than the old ones at the same number of vectors read."""
        assert new.sample is not None
        assert new.centroids is not None
        sample, centroids = new.sample, new.centroids
        old = await self._database.maintain(lambda c: lists.read_lists(c, engine.id, engine.generation))
        probes = next(probes for probes in PROBES if probes >= min(32, new.lists // 4))
        if old:
            shared = engine.probes / len(old)
            probes = max(probes, next((p for p in PROBES if p >= shared * new.lists), PROBES[-1]))
            before = await asyncio.to_thread(
                training.recall_of, sample, training.as_matrix([one[2] for one in old]), engine.probes
            )
            after = await asyncio.to_thread(training.recall_of, sample, centroids, probes)
            if after < before - WORSE:
                log.info("new lists of vectors would find %.3f, the old ones find %.3f: kept", after, before)
                await self._database.write(lambda c: lists.set_engine(c, engine.id, trained_rows=new.count))
                return
        # Which of two equal ones is the nearer is the processor's rounding: what is alike would lie in both.
        stored = list(dict.fromkeys(quantise(row) for row in training.as_bytes(centroids)))

        def change(connection: apsw.Connection) -> None:
            generation = lists.newest_generation(connection, engine.id) + 1
            # While the first ones are filled, what is in none is what costs.
            lists.add_lists(connection, engine.id, generation, stored, coded=bool(old))
            lists.set_engine(
                connection, engine.id, generation=generation, trained_rows=new.count, probes=probes,
                unverified=engine.unverified + 1,
            )  # fmt: skip

        await self._database.write(change)

    async def _move_some(self, engine: EngineRow) -> bool:
        """Put some vectors outside of lists, or of a list of an older generation, into their new list."""

        def find(connection: apsw.Connection) -> tuple[int | None, list[tuple[int, bytes]]]:
            if found := lists.read_list(connection, engine.id, lists.UNLISTED, MOVED_AT_ONCE):
                return lists.UNLISTED, found
            sql = "select list from vector_lists where engine_id = ? and generation < ? order by generation limit 1"
            old = fetch(connection, sql, (engine.id, engine.generation))
            return (old[0][0], lists.read_list(connection, engine.id, old[0][0], MOVED_AT_ONCE)) if old else (None, [])

        source, rows = await self._database.maintain(find)
        if source is None:
            return False
        centroids = await self._database.maintain(lambda c: lists.read_lists(c, engine.id, engine.generation))
        targets = await asyncio.to_thread(_targets, [vector for _, vector in rows], centroids)
        moves = [(rowid, source, target) for (rowid, _), target in zip(rows, targets, strict=True)]

        def change(connection: apsw.Connection) -> None:
            lists.move(connection, engine.id, moves)
            lists.grow(connection, engine.id, engine.generation, targets)
            if source != lists.UNLISTED:
                lists.drop_if_empty(connection, engine.id, source)

        await self._database.write(change)
        return True

    async def _split_one(self, engine: EngineRow) -> bool:
        """Split a list that has become too large; one that can't be told apart is left alone until it doubles."""
        found = await self._database.maintain(lambda c: lists.fullest(c, engine.id, engine.generation))
        if found is None:
            return False
        number, size, usual = found
        if size < OVERFULL * max(usual, math.sqrt(TRAINED_FROM)):
            return False
        rows = await self._database.maintain(lambda c: lists.read_list(c, engine.id, number, 4 * MOVED_AT_ONCE))
        vectors = [vector for _, vector in rows]
        pair = await asyncio.to_thread(_split, vectors, number) if len(rows) > size // 2 else None
        if pair is None:
            # It holds fewer than was noted, or what can't be told apart: its size is noted anew, or taken as usual.
            noted = len(rows) if len(rows) < size // 2 else 0
            await self._database.write(lambda c: lists.set_size(c, engine.id, engine.generation, number, noted))
            return True

        def change(connection: apsw.Connection) -> None:
            halves = lists.add_lists(connection, engine.id, engine.generation, pair[0], coded=True)
            targets = [halves[place] for place in pair[1]]
            lists.move(connection, engine.id, [(row[0], number, to) for row, to in zip(rows, targets, strict=True)])
            lists.grow(connection, engine.id, engine.generation, targets)
            lists.set_size(connection, engine.id, engine.generation, number, size - len(rows))
            lists.drop_if_empty(connection, engine.id, number)
            lists.set_engine(connection, engine.id, unverified=engine.unverified + 1)

        await self._database.write(change)
        return True

    async def _code_some(self, engine: EngineRow) -> bool:
        """Make the codes of some lists that have lost theirs, or never had any."""
        lacking = await self._database.maintain(lambda c: codes.find_uncoded(c, engine.id, CODED_AT_ONCE))
        if lacking:
            await self._database.write(lambda c: codes.code_lists(c, engine.id, lacking))
        return bool(lacking)

    async def _verify(self, engine: EngineRow) -> None:
        """Compare with an exact search, and read as many lists as it takes to find what is wanted of it."""
        check = self._check
        if check is None or check.engine_id != engine.id or check.changes != (engine.generation, engine.unverified):
            asked = await self._database.maintain(lambda c: _questions(c, engine.id))
            check = self._check = Check(engine, asked)
        if (place := check.place) is not None:
            rows, check.place = await self._database.maintain(
                lambda c: lists.read_on(c, engine.id, place, PASSED_AT_ONCE)
            )
            if rows:
                await asyncio.to_thread(check.exact.pass_by, rows)
            return
        if len(check.shares) < len(check.asked):
            await self._database.maintain(lambda c: _look(c, check, self._search))
            return
        recall = sum(check.shares) / len(check.shares) if check.shares else 1.0
        if recall >= WANTED_RECALL:
            check.lowest_good = check.probes
        fewer = [probes for probes in PROBES if probes < check.probes]
        more = [probes for probes in PROBES if probes > check.probes]
        if recall >= WANTED_RECALL and fewer and check.probes <= engine.probes:
            check.probes, check.shares = fewer[-1], []
        elif recall < WANTED_RECALL and check.lowest_good is None and more:
            check.probes, check.shares = more[0], []
        else:
            probes = check.lowest_good or check.probes
            log.info("%s: %d lists are read, %.3f of an exact search is found", engine.name, probes, recall)
            self._check = None
            await self._database.write(lambda c: lists.set_engine(c, engine.id, unverified=0, probes=probes))


def _targets(vectors: list[bytes], centroids: list[tuple[int, int, bytes]]) -> list[int]:
    if not vectors:
        return []
    places = training.assign(training.as_matrix(vectors), training.as_matrix([one[2] for one in centroids]))
    return [centroids[place][0] for place in places]


def _split(vectors: list[bytes], seed: int) -> tuple[list[bytes], list[int]] | None:
    rows = training.as_matrix(vectors)
    pair = training.split(rows, seed)
    stored = [] if pair is None else [quantise(row) for row in training.as_bytes(pair)]
    if pair is None or stored[0] == stored[1]:
        return None
    return stored, [int(place) for place in training.assign(rows, pair)]


def _questions(connection: apsw.Connection, engine_id: int) -> list[Vector]:
    """Return questions: vectors by chance, each drawn towards another, as a question lies beside what answers it."""
    highest = fetch(connection, "select coalesce(max(memory_rowid), 1) from vectors")[0][0]
    chance = random.Random(highest)  # noqa: S311 - nothing secret
    found: list[bytes] = []
    for _ in range(40 * CHECKED):
        sql = f"""select list, vector from vectors {lists.BY_MEMORY}
            where memory_rowid >= ? and engine_id = ? order by memory_rowid limit 1"""
        for number, vector in fetch(connection, sql, (chance.randint(1, highest), engine_id)):
            if number >= lists.UNLISTED and len(found) < 2 * CHECKED:
                found.append(bytes(vector))
    if not found:
        return []
    rows = training.as_matrix(found)
    mixed = training.normalised(rows[: len(rows) // 2] + DRAWN_ASIDE * rows[len(rows) - len(rows) // 2 :])
    return [Vector.of(row, engine_id) for row in training.as_bytes(mixed)]


def _look(connection: apsw.Connection, check: Check, search: CodeSearch) -> None:
    """Search for some of the questions and note which share of the truth that finds."""
    farthest = check.exact.farthest()
    for place in range(len(check.shares), min(len(check.shares) + CHECKED_AT_ONCE, len(check.asked))):
        question = check.asked[place]
        bound = cosine_of(farthest[place], len(question)) - 1e-5
        found = search.nearest(connection, question, CHECKED_K, check.probes)
        check.shares.append(sum(cosine >= bound for _, cosine in found) / CHECKED_K)
