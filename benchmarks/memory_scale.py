"""Recall as the memory grows: 10,000 and 100,000 turns in an encrypted file; `memory_million` has the million.

The whole of `recall`, all scores included, on the corpus of `memory_corpus`, with questions that also pass through
MiniLM's worker where its file is here (its time is part of each recall; its vector is replaced by the corpus's own),
and so do the turns that are written while recall is measured beside them.
There the made-up words of a matter are words that MiniLM knows, or it would have 17 pieces to read in place of a real
question's 11 (LoCoMo's have 10.9).
The built file is kept in the system's temporary folder for the next run; what is measured is a copy, since it is
written to and consolidated.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from unittest import mock

import apsw

from benchmarks import memory_bulk
from benchmarks.memory_corpus import Corpus
from benchmarks.memory_engine import Engine, opened
from benchmarks.memory_kept import kept_mb
from benchmarks.results import INFORMATION, MET, MISSED, Options, Row, at_most, in_words, percentile
from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.protocols import Urgency
from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.memory.consolidation.consolidator import Consolidator
from openclaw_desktop.memory.consolidation.reading import count_unread
from openclaw_desktop.memory.recall import candidates
from openclaw_desktop.memory.recall.query import read_query
from openclaw_desktop.memory.vectors import lists
from openclaw_desktop.memory.vectors.int8 import Vector
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.migrations import schema_files

FEW = 10_000
# A question that asks for several things, of one that does not.
FOR_SEVERAL = "which matters are there: {}"
BARS_MS = {10_000: 10, 100_000: 25, 1_000_000: 80}
BATCH, QUESTIONS, COMPARED, WRITTEN_PER_S = 2_000, 200, 40, 50
# So many recalls at a time with nothing beside them, then beside the writing.
AT_A_TIME = 25
_WAITING = "select count(*) from vector_queue"
# Above this the file is made in one go (`memory_bulk`).
MOST_ONE_BY_ONE = 100_000
FOLDER = Path(tempfile.gettempdir()) / "openclaw-benchmarks"


def measure(options: Options) -> list[Row]:
    """Return the figures of both sizes; of the smaller alone where it has to be quick."""
    sizes = (10_000,) if options.quick else (10_000, 100_000)
    return [row for size in sizes for row in asyncio.run(measure_size(size, options))]


async def measure_size(size: int, options: Options) -> list[Row]:
    """Build a file of `size` memories, unless it is there, and measure it."""
    engine = Engine(options.model_folders)
    await engine.warm()
    path, built = await _built(size, engine)
    copy = path.with_suffix(".measured")
    try:
        shutil.copyfile(path, copy)
        kept = await _compare_kept(copy, size, engine, options)
        return built + await _measure(copy, size, engine, QUESTIONS // (4 if options.quick else 1)) + kept
    finally:
        for left in FOLDER.glob(copy.name + "*"):
            left.unlink()
        await engine.close()


async def _built(size: int, engine: Engine) -> tuple[Path, list[Row]]:
    schema = hashlib.sha256(b"".join(file.read_bytes() for file in schema_files())).hexdigest()[:8]
    path = FOLDER / f"memory-{size}-{schema}.db"
    if path.exists():
        return path, []
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    building = path.with_suffix(".building")
    for left in FOLDER.glob(building.name + "*"):
        left.unlink()
    turns, cpu_s, started_s = Corpus().turns(size), time.process_time(), time.perf_counter()
    async with opened(building, engine) as (memory, database):
        if size > MOST_ONE_BY_ONE:
            await memory_bulk.fill(database, engine, turns)
        else:
            while batch := list(itertools.islice(turns, BATCH)):
                await memory.remember_many(batch)
        kept_s, listed_from_s = time.perf_counter() - started_s, time.perf_counter()
        while await memory.vectors.work(5):
            pass
        listed_s = time.perf_counter() - listed_from_s
    building.rename(path)
    where = f"{size:,} memories, encrypted"
    return path, [
        Row(f"remember in batches of {BATCH:,}: {where}", "", f"{size / kept_s:,.0f} a second", INFORMATION, size),
        Row(f"putting vectors into lists: {where}", "", f"{listed_s:.0f} s", INFORMATION, 1),
        Row(f"building: {where}", "", f"{time.process_time() - cpu_s:.0f} s of CPU", INFORMATION, 1),
        Row(f"file size: {where}", "", f"{path.stat().st_size / 1e6:,.0f} MB", INFORMATION, 1),
    ]


async def _compare_kept(path: Path, size: int, engine: Engine, options: Options) -> list[Row]:
    """Return what is kept in memory of this file, and what more memories cost than a file of few."""
    kept = kept_mb(path, options.model_folders)
    rows = [Row(f"memory kept, engines apart: {size:,} memories, encrypted", "", f"{kept:.0f} MB", INFORMATION, 1)]
    if size > FEW:
        few, _ = await _built(FEW, engine)
        each = (kept - kept_mb(few, options.model_folders)) / ((size - FEW) / 100_000)
        what = f"of it for each 100,000 more than {FEW:,}: {size:,} memories, encrypted"
        rows.append(Row(what, "<= 20 MB", f"{each:.1f} MB", at_most([each], 20), 1))
    return rows


async def _measure(path: Path, size: int, engine: Engine, samples: int) -> list[Row]:
    corpus, bar = Corpus(), BARS_MS[size]
    where = f"{size:,} memories, encrypted"
    questions = corpus.questions(samples + 1)
    several = [FOR_SEVERAL.format(one) for one in questions]
    now = datetime.now().astimezone()
    await engine.draw([part.meaning for one in (*questions, *several) for part in read_query(one, now, ()).parts])
    await engine.draw(questions[1 : COMPARED + 1])
    commit_turns, written = (list(itertools.islice(corpus.turns(1_000_000, seed), 1_000)) for seed in (29, 23))
    engine.draw_words(turn.text for turn in (*commit_turns, *written))
    opened_s = time.perf_counter()
    async with opened(path, engine) as (memory, database):
        assert await memory.recall(questions[0])
        cold_ms = 1000 * (time.perf_counter() - opened_s)
        for question in questions[1:21]:
            await memory.recall(question)
        engine.questions_ms.clear()
        quiet = [await _time(memory, question) for question in questions[1:]]
        embedding = list(engine.questions_ms)
        for_several = [await _time(memory, question) for question in several[1:]]
        whole = await _compare_whole(memory, questions[1 : COMPARED + 1])
        vectors_ms, vectors_cpu_ms, found = await _compare(memory, database, engine, questions[1 : COMPARED + 1])
        commits = [await _time_remember(memory, turn) for turn in commit_turns[:samples]]
        engine.instant = engine.minilm is None
        unwritten, busy, beside = await _while_written(memory, database, written, questions[1:])
    ratio = percentile(busy, 0.95) / percentile(unwritten, 0.95)
    rows = [
        Row(f"recall ten: {where}", f"p95 <= {bar} ms", in_words(quiet, "ms", 1), at_most(quiet, bar), len(quiet)),
        Row(f"recall ten, asked for several things: {where}", "", in_words(for_several, "ms", 1), INFORMATION,
            len(for_several)),
        Row(f"vectors alone, fifty: {where}", "", f"{in_words(vectors_ms, 'ms', 1)}; of it "
            f"{in_words(vectors_cpu_ms, 'ms of CPU', 1)}", INFORMATION, len(vectors_ms)),
        Row(f"vectors' recall@10 of exact: {where}", ">= 0.95", f"{found:.3f}",
            MET if found >= 0.95 else MISSED, COMPARED),
        Row(f"recall@10 of one that reads everything: {where}", ">= 0.95", f"{whole.with_budget:.3f}",
            MET if whole.with_budget >= 0.95 else MISSED, COMPARED),
        Row(f"the same without the postings budget: {where}", ">= 0.95",
            f"{whole.without_budget:.3f}, {in_words(whole.without_budget_ms, 'ms', 1)}",
            MET if whole.without_budget >= 0.95 else MISSED, COMPARED),
        Row(f"recall while {WRITTEN_PER_S} a second are written, lists kept, turns read: {where}", "p95 <= 2 x",
            f"{ratio:.2f} x ({in_words(busy, 'ms', 1)}; in between {in_words(unwritten, 'ms', 1)}; {beside})",
            MET if ratio <= 2 else MISSED, len(busy)),
        Row(f"remember one, committed: {where}", "p95 <= 5 ms", in_words(commits, "ms", 1), at_most(commits, 5),
            samples),
        Row(f"cold open to first recall: {where}", "<= 150 ms" if size == 100_000 else "", f"{cold_ms:.0f} ms",
            at_most([cold_ms], 150) if size == 100_000 else INFORMATION, 1),
    ]  # fmt: skip
    if embedding:
        rows.append(
            Row(
                f"of a recall, the question's vector by MiniLM: {where}",
                "",
                in_words(embedding, "ms", 1),
                INFORMATION,
                len(embedding),
            )
        )
    return rows


async def _compare(
    memory: MemoryStore, database: Database, engine: Engine, questions: Sequence[str]
) -> tuple[list[float], list[float], float]:
    """Return how long the vectors' part takes for fifty, its CPU, and which share of the true ten nearest it finds."""
    times: list[float] = []
    computed: list[float] = []
    shares = []
    for vector in await memory.vectors.embed(questions):
        assert isinstance(vector, Vector)

        def search(connection: apsw.Connection, vector: Vector = vector) -> list[tuple[int, float]]:
            started_s, cpu_s = time.perf_counter(), time.thread_time()
            nearest = memory.vectors.nearest(connection, vector, 50)
            times.append(1000 * (time.perf_counter() - started_s))
            computed.append(1000 * (time.thread_time() - cpu_s))
            return nearest

        found = await database.read(search)
        exact = await database.maintain(lambda c, v=vector: lists.nearest_exactly(c, v, 10))  # type: ignore[misc]
        shares.append(len({row for row, _ in found[:10]} & {row for row, _ in exact}) / len(exact))
    return times, computed, sum(shares) / len(shares)


@dataclass(frozen=True, slots=True)
class _Whole:
    """Which share of the ten hits is found of a recall that follows every word and reads every vector."""

    with_budget: float
    without_budget: float
    without_budget_ms: list[float]


async def _compare_whole(memory: MemoryStore, questions: Sequence[str]) -> _Whole:
    async def hits(question: str) -> set[str]:
        return {hit.id for hit in await memory.recall(question, 10)}

    as_shipped = [await hits(question) for question in questions]
    with mock.patch.object(candidates, "POSTINGS_BUDGET", 10**9):
        unbudgeted_ms = [await _time(memory, question) for question in questions]
        unbudgeted = [await hits(question) for question in questions]
        with mock.patch.object(memory.vectors, "nearest", lists.nearest_exactly):
            everything = [await hits(question) for question in questions]

    def share(found: list[set[str]]) -> float:
        pairs = list(zip(found, everything, strict=True))
        return sum(len(one & whole) for one, whole in pairs) / sum(len(whole) for _, whole in pairs)

    return _Whole(share(as_shipped), share(unbudgeted), unbudgeted_ms)


class _Always:
    def may_run(self, kind: str, urgency: Urgency) -> bool:
        return True


async def _while_written(
    memory: MemoryStore, database: Database, turns: Sequence[NewMemory], questions: Sequence[str]
) -> tuple[list[float], list[float], str]:
    """Return how long each recall took with nothing beside it and beside the writing, and what was done there.

    A few of the one, then the same of the other, and so on: the machine is faster and slower from minute to minute.
    """
    quiet: list[float] = []
    busy: list[float] = []
    written = made = read = 0
    await _consolidate_once()
    consolidator = Consolidator(database, _Always(), SystemClock())
    coming = itertools.cycle(turns)
    for place in range(0, len(questions), AT_A_TIME):
        some = questions[place : place + AT_A_TIME]
        quiet += [await _time(memory, question) for question in some]
        unread, ((waiting,),) = await database.read(count_unread), await database.rows(_WAITING)
        said: list[NewMemory] = []
        async with _written(memory, consolidator, coming, said):
            busy += [await _time(memory, question) for question in some]
            still, ((later,),) = await database.read(count_unread), await database.rows(_WAITING)
            by_user = sum(turn.speaker == "user" for turn in said)
            written, made, read = (
                written + len(said),
                made + waiting + len(said) - later,
                read + unread + by_user - still,
            )
        while await memory.vectors.work(5):
            pass
    return quiet, busy, f"{written} written, {made} with vectors, {read} read"


@contextlib.asynccontextmanager
async def _written(
    memory: MemoryStore, consolidator: Consolidator, turns: Iterator[NewMemory], said: list[NewMemory]
) -> AsyncIterator[None]:
    """Meanwhile have `turns` written, lists kept and what was said read; `said` takes what was written."""
    writes: list[asyncio.Task[str]] = []

    async def write() -> None:
        for turn in turns:
            said.append(turn)
            writes.append(asyncio.create_task(memory.remember(turn)))
            await asyncio.sleep(1 / WRITTEN_PER_S)

    async def keep_lists() -> None:
        while True:
            await memory.vectors.work(0.05)
            await asyncio.sleep(0.05)

    async def consolidate() -> None:
        while True:
            await consolidator.run("asked")
            await asyncio.sleep(0.05)

    work = [asyncio.create_task(one()) for one in (write, keep_lists, consolidate)]
    try:
        yield
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, *writes, return_exceptions=True)


async def _consolidate_once() -> None:
    """Consolidate a few turns elsewhere: the first in a process compile expressions, for a quarter of a second."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        database = await Database.open(Path(folder) / "memory.db")
        await MemoryStore(database, None).remember_many(list(Corpus().turns(40, seed=31)))
        await Consolidator(database, _Always(), SystemClock()).run("asked")
        await database.close()


async def _time(memory: MemoryStore, question: str) -> float:
    started_s = time.perf_counter()
    await memory.recall(question, 10)
    return 1000 * (time.perf_counter() - started_s)


async def _time_remember(memory: MemoryStore, turn: NewMemory) -> float:
    started_s = time.perf_counter()
    await memory.remember(turn)
    return 1000 * (time.perf_counter() - started_s)
