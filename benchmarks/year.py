"""A year simulated: what the file grows to, how fast it answers, what it still knows, and what it took for facts.

Through the product, on an encrypted file and a clock that is moved: each turn is kept as the agent keeps it, each night
consolidates, lets turns age and looks after the file. Owns the course of the year and its figures. One process.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.results import INFORMATION, MET, MISSED, SEED, Options, Row, percentile
from benchmarks.year_diary import FIRST_DAY, Diary, Fact, Turn
from benchmarks.year_file import KeptYear, describe_misses
from benchmarks.year_judge import GOOD, Source, judge
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import Answer
from openclaw_desktop.core.protocols import Urgency
from openclaw_desktop.memory import MemoryStore, Recollection
from openclaw_desktop.memory.consolidation.consolidator import Consolidator
from openclaw_desktop.memory.consolidation.facts import DERIVED
from openclaw_desktop.memory.sessions import SessionStore, SpokenMessage
from openclaw_desktop.memory.tiers import TierLimits
from openclaw_desktop.memory.vectors.engines import Engines, built_in
from openclaw_desktop.service.memory.care import MemoryCare
from openclaw_desktop.service.stores import TurnStores
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.upkeep import Upkeep

DAYS, QUICK_DAYS, TURNS_A_DAY, FACTS_A_YEAR = 365, 28, 200, 500
QUARTERS = 4
TIMED = 100
TOP = 10
FLAT_TIMES, GROWTH_TIMES, FOUND_SHARE, JUNK_SHARE = 1.5, 1.1, 0.95, 0.05
KEPT_DAYS = 90
PASTED = Label("untrusted", "private", ("paste",))
READ = Label("untrusted", "private", ("file",))


@dataclass(slots=True)
class Look:
    """What one question found: the ranks, from 0, of the value that it asks for and of the one before; None: not.

    `cpu_ms`: without the time that others on the machine took.
    """

    fact: Fact
    rank: int | None
    earlier: int | None
    ms: float
    cpu_ms: float


@dataclass(slots=True)
class Figures:
    """What the year came to. `sizes` and `timed`: by quarter; `judged`: text and verdict of each derived fact."""

    turns: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    timed: list[list[Look]] = field(default_factory=list)
    during: list[Look] = field(default_factory=list)
    end: list[Look] = field(default_factory=list)
    tiers: Counter[str] = field(default_factory=Counter)
    judged: list[tuple[str, str]] = field(default_factory=list)
    kept_apart: int = 0
    size_kept: int = 0
    kept_days: int = 0
    cpu_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))


class DiaryClock:
    """A clock that stands where it was put."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """Return the diary's moment."""
        return self.moment

    def monotonic_s(self) -> float:
        """Return the diary's moment in seconds."""
        return self.moment.timestamp()


class Always:
    """A permit for a machine that nobody sits at."""

    def may_run(self, kind: str, urgency: Urgency) -> bool:
        """Return True."""
        return True


class Year:
    """One diary lived through with one file."""

    def __init__(
        self, database: Database, memories: MemoryStore, clock: DiaryClock, diary: Diary, key: bytes = b""
    ) -> None:
        self._database, self._memories, self._clock, self._diary = database, memories, clock, diary
        self._key = key
        self._sessions = SessionStore(database, clock)
        self._stores = TurnStores(self._sessions, memories)
        self._consolidator = Consolidator(database, Always(), clock)
        self._care = MemoryCare(database, TierLimits(), clock, memories.erasing.let_go)
        self._upkeep = Upkeep(database, lambda: True, clock)
        self._turns: dict[str, Turn] = {}
        self._told: dict[Fact, str] = {}
        self.figures = Figures()

    async def live(self, keep: Path | None = None) -> Figures:
        """Live all days and return the figures; `keep`: the folder that the file goes to as the last day leaves it."""
        days = self._diary.days
        quarters = [round(days * number / QUARTERS) for number in range(1, QUARTERS + 1)]
        for day in range(days):
            await self._live_day(day)
            await self._night()
            if day + 1 in quarters:
                await self._take_stock(quarters[0])
        if keep is not None:
            self._leave(keep)
        await self.ask_all()
        await self._judge_all()
        await self._let_old_turns_go()
        return self.figures

    def _leave(self, folder: Path) -> None:
        KeptYear(
            self._key.hex(), self._diary.days, self._diary.seed, self._clock.moment.isoformat(),
            [self._told[fact] for fact in self._diary.facts], len(self._diary.current()),
        ).write(folder, self._database.path)  # fmt: skip

    def go_back_to(self, kept: KeptYear) -> None:
        """Stand at the end of a year that was kept."""
        self._clock.moment = datetime.fromisoformat(kept.moment)
        self._told = dict(zip(self._diary.facts, kept.told, strict=True))

    async def ask_all(self) -> list[Look]:
        """Ask for each planted fact that holds, and return what was found."""
        self.figures.end = [await self._ask(fact, fact.asks[-1]) for fact in self._diary.current()]
        return self.figures.end

    async def _live_day(self, day: int) -> None:
        morning = FIRST_DAY + timedelta(days=day, hours=7)
        sessions = self._diary.sessions(day)
        pace = timedelta(hours=15) / sum(map(len, sessions))
        self._clock.moment = morning
        for turns in sessions:
            session_id = await self._sessions.begin()
            for turn in turns:
                answer, used = turn.answer, tuple[str, ...]()
                if turn.asked is not None:
                    answer, used = await self._answer(turn.asked, turn.text)
                with self._count_cpu("turns"):
                    await self._keep(session_id, turn, answer, used)
                self._clock.moment += pace

    async def _keep(self, session_id: str, turn: Turn, answer: str, used: tuple[str, ...]) -> None:
        turn_id = new_id("turn")
        self._turns[turn_id] = turn
        if turn.fact is not None:
            self._told[turn.fact] = turn_id
        if turn.pasted:
            await self._sessions.add_message(session_id, SpokenMessage(turn_id, "user", turn.text, PASTED))
        else:
            await self._stores.keep_question(session_id, turn_id, turn.text)
        label = READ if turn.tainted else USER
        await self._stores.keep_answer(session_id, Answer(turn_id, session_id, answer, None, label, memories_used=used))

    async def _answer(self, fact: Fact, question: str) -> tuple[str, tuple[str, ...]]:
        """Return the answer to a question of the diary, made of what was found, and the memories that it used."""
        look, hits = await self._look(fact, question)
        self.figures.during.append(look)
        if look.rank is None:
            return "I don't know that.", ()
        return f"You told me: {hits[look.rank].text}", (hits[look.rank].id,)

    async def _night(self) -> None:
        self._clock.moment = self._clock.moment.replace(hour=3, minute=0) + timedelta(days=1)
        with self._count_cpu("consolidation"):
            await self._consolidator.run("background")
        with self._count_cpu("upkeep"):
            await self._care.tidy()
            while await self._memories.vectors.work(60.0):
                pass
            await self._upkeep.run()
            await self._database.checkpoint()

    async def _take_stock(self, first_quarter: int) -> None:
        """Note how large the file is, and how long the same questions take as in every quarter."""
        figures = self.figures
        figures.turns.append(len(self._turns))
        figures.sizes.append(self._size())
        facts = self._diary.current(first_quarter - 1)[:TIMED]
        with self._count_cpu("questions"):
            for fact in facts[:5]:
                await self._memories.recall(fact.asks[-1], TOP)
            figures.timed.append([await self._ask(fact, fact.asks[-1]) for fact in facts])

    async def _ask(self, fact: Fact, question: str) -> Look:
        return (await self._look(fact, question))[0]

    async def _look(self, fact: Fact, question: str) -> tuple[Look, list[Recollection]]:
        started_s, begun_s = time.perf_counter(), time.process_time()
        hits = await self._memories.recall(question, TOP)
        ms, cpu_ms = 1000 * (time.perf_counter() - started_s), 1000 * (time.process_time() - begun_s)
        told_in = await self._told_in(hits)
        rank = self._rank(hits, told_in, fact)
        earlier = self._rank(hits, told_in, fact.replaces) if fact.replaces else None
        return Look(fact, rank, earlier, ms, cpu_ms), hits

    def _rank(self, hits: Sequence[Recollection], told_in: dict[str, set[str]], fact: Fact) -> int | None:
        """Return the place of the first hit that was told by the user with the fact, or made of that, and has it."""
        turn_id, value = self._told.get(fact), fact.value.lower()
        ranks = (n for n, hit in enumerate(hits) if turn_id in told_in[hit.id] and value in hit.text.lower())
        return next(ranks, None)

    async def _told_in(self, hits: Sequence[Recollection]) -> dict[str, set[str]]:
        """Return the turns that each hit is, or was made of; none for what the agent said."""
        sources = await self._database.rows(
            """select m.id, s.turn_id from memories m join memory_sources l on l.memory_rowid = m.rowid
            join memories s on s.rowid = l.source_rowid
            where m.id in (select value from json_each(?)) and s.speaker = 'user'""",
            (json.dumps([hit.id for hit in hits]),),
        )
        told: dict[str, set[str]] = {hit.id: {str(hit.turn_id)} if hit.speaker == "user" else set() for hit in hits}
        for memory_id, turn_id in sources:
            if turn_id:
                told[memory_id].add(turn_id)
        return told

    async def _judge_all(self) -> None:
        rows = await self._database.rows(
            """select m.id, m.text, m.tier, m.integrity, json_group_array(json_array(s.turn_id, s.speaker))
            from memories m left join memory_sources l on l.memory_rowid = m.rowid
            left join memories s on s.rowid = l.source_rowid where m.kind = 'fact' and m.source = ? group by m.rowid""",
            (DERIVED,),
        )
        for _, text, tier, integrity, sources in rows:
            known = [Source(self._turns.get(turn), speaker == "user") for turn, speaker in json.loads(sources)]
            trusted = integrity != "untrusted"
            verdict = judge(text, known, trusted)
            if not trusted:
                self.figures.kept_apart += 1
                continue
            self.figures.tiers[tier] += 1
            self.figures.judged.append((text, verdict))

    async def _let_old_turns_go(self) -> None:
        """Set the limit that a user may set, and see what the file comes down to."""
        self.figures.kept_days = min(KEPT_DAYS, self._diary.days // QUARTERS)
        limits = TierLimits(keep_turns_days=self.figures.kept_days)
        self._clock.moment += timedelta(days=1)
        with self._count_cpu("letting go"):
            await MemoryCare(self._database, limits, self._clock, self._memories.erasing.let_go).tidy(confirmed=True)
            await self._upkeep.run()
            await self._database.checkpoint()
        self.figures.size_kept = self._size()

    def _size(self) -> int:
        path = self._database.path
        files = (path, path.with_name(path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    @contextmanager
    def _count_cpu(self, what: str) -> Iterator[None]:
        begun_s = time.process_time()
        yield
        self.figures.cpu_s[what] += time.process_time() - begun_s


async def simulate(folder: Path, diary: Diary, engines: Engines, keep: Path | None = None) -> Figures:
    """Live a diary in a new encrypted file in `folder`; `engines` are closed after it."""
    begun_s = _cpu_of_children_s()
    async with open_year(folder, diary, engines, secrets.token_bytes(32)) as year:
        figures = await year.live(keep)
    figures.cpu_s["embedding process"] = _cpu_of_children_s() - begun_s
    return figures


async def ask_again(folder: Path, kept: KeptYear, diary: Diary, engines: Engines) -> list[Look]:
    """Ask for what a year in `folder` holds, without living it; `engines` are closed after it."""
    async with open_year(folder, diary, engines, bytes.fromhex(kept.key)) as year:
        year.go_back_to(kept)
        return await year.ask_all()


@asynccontextmanager
async def open_year(folder: Path, diary: Diary, engines: Engines, key: bytes) -> AsyncIterator[Year]:
    """Open the encrypted file of a diary in `folder`, or make it."""
    database = await Database.open(folder / "year.db", key=key)
    clock = DiaryClock(FIRST_DAY)
    memories = MemoryStore(database, engines, clock)
    try:
        yield Year(database, memories, clock, diary, key)
    finally:
        await memories.vectors.close()
        await engines.close()
        await database.close()


def measure(options: Options) -> list[Row]:
    """Live through the year and return its figures, with the engine that the product would use here, or as asked.

    Where a folder is asked for, the year's file stays there; where it lies there already, recall alone is measured.
    """
    engines = built_in(options.model_folders, options.engine)
    kept = KeptYear.read(options.folder) if options.folder else None
    days = kept.days if kept else options.days or (QUICK_DAYS if options.quick else DAYS)
    seed = kept.seed if kept else options.seed
    planted = kept.planted if kept else options.planted or max(1, round(FACTS_A_YEAR * days / DAYS))
    diary = Diary(days, TURNS_A_DAY, planted, seed)
    named = ("a year" if days == DAYS else f"{days} days") + f" with {engines[0].engine}"
    named += f", {planted} facts" if options.planted else ""
    named += f" (seed {seed})" if seed != SEED else ""
    if kept and options.folder:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            kept.put_into(Path(folder), options.folder)
            looks = asyncio.run(ask_again(Path(folder), kept, diary, engines))
        rows = list(_found_rows(looks, f"{named}, a kept file"))
    else:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            figures = asyncio.run(simulate(Path(folder), diary, engines, options.folder))
        looks, rows = figures.end, list(_rows(figures, named))
    if options.folder:
        describe_misses(options.folder, [(look.fact, look.rank, look.earlier) for look in looks])
    return rows


def _cpu_of_children_s() -> float:
    """Return what children that have ended took; an embedding engine may be one."""
    times = os.times()
    return times.children_user + times.children_system


def _rows(figures: Figures, named: str) -> Iterator[Row]:
    turns = figures.turns[-1]
    yield _size_row(figures, f"{named} simulated ({turns:,} turns)")
    yield Row(
        f"{named} simulated: the file when turns of {figures.kept_days} days are kept",
        "", f"{figures.size_kept / 1e6:.1f} MB, {figures.size_kept / figures.sizes[0]:.2f} times the first quarter's",
        INFORMATION, 1,
    )  # fmt: skip
    yield _latency_row(figures, named)
    yield from _found_rows(figures.end, named)
    asked = figures.during
    if asked:
        later = sum(look.rank is not None for look in asked) / len(asked)
        yield Row(f"{named} simulated: asked for some days later, top 10", "", f"{later:.1%}", INFORMATION, len(asked))
    yield from _fact_rows(figures, named)


def _found_rows(looks: Sequence[Look], named: str) -> Iterator[Row]:
    share = sum(look.rank is not None for look in looks) / len(looks)
    first = sum(look.rank is not None and look.rank < 5 for look in looks) / len(looks)
    yield Row(
        f"{named} simulated: planted facts found in the top 10", ">= 95 %",
        f"{share:.1%} (in the top 5: {first:.1%})", MET if share >= FOUND_SHARE else MISSED, len(looks),
    )  # fmt: skip
    if corrected := [look for look in looks if look.fact.replaces is not None]:
        new = sum(_is_above(look) for look in corrected) / len(corrected)
        what = f"{named} simulated: what was put right stands above what it was"
        yield Row(what, "", f"{new:.0%}", INFORMATION, len(corrected))


def _size_row(figures: Figures, what: str) -> Row:
    sizes = " · ".join(f"{size / 1e6:.1f}" for size in figures.sizes)
    a_turn = [
        (size - before) / (turns - earlier)
        for size, before, turns, earlier in zip(
            figures.sizes, [0, *figures.sizes], figures.turns, [0, *figures.turns], strict=False
        )
    ]
    seen = f"{sizes} MB; {a_turn[1]:,.0f} bytes a turn in the 2nd, {a_turn[3]:,.0f} in the 4th"
    verdict = MET if a_turn[3] <= GROWTH_TIMES * a_turn[1] else MISSED
    return Row(
        f"{what}: the file by quarter", f"4th quarter's growth <= {GROWTH_TIMES} times the 2nd's", seen, verdict, 1
    )


def _latency_row(figures: Figures, named: str) -> Row:
    cpu_ms = [statistics.median(look.cpu_ms for look in looks) for looks in figures.timed]
    medians = [statistics.median(look.ms for look in looks) for looks in figures.timed]
    worst = [percentile([look.ms for look in looks], 0.95) for looks in figures.timed]
    ratio = cpu_ms[3] / cpu_ms[1]
    seen = (
        f"{ratio:.2f}; CPU {_by_quarter(cpu_ms)}, median {_by_quarter(medians)}, p95 {_by_quarter(worst)} ms by quarter"
    )
    verdict = MET if ratio <= FLAT_TIMES else MISSED
    bar = f"median CPU of the 4th quarter <= {FLAT_TIMES} times the 2nd's"
    return Row(f"{named} simulated: recall of the same questions", bar, seen, verdict, len(figures.timed[0]))


def _fact_rows(figures: Figures, named: str) -> Iterator[Row]:
    verdicts = Counter(verdict for _, verdict in figures.judged)
    total = verdicts.total()
    tiers = f"{figures.tiers['medium']} medium, {figures.tiers['long']} long"
    made = f"{tiers}, {figures.kept_apart} of untrusted text, labelled so"
    yield Row(f"{named} simulated: facts derived", "", made, INFORMATION, total + figures.kept_apart)
    junk = (total - verdicts[GOOD]) / total if total else 0.0
    sorts = ", ".join(f"{count} {sort}" for sort, count in verdicts.most_common() if sort != GOOD) or "none"
    verdict = INFORMATION if not total else MET if junk <= JUNK_SHARE else MISSED
    yield Row(f"{named} simulated: junk among derived facts", "<= 5 %", f"{junk:.1%} ({sorts})", verdict, total)
    raised = verdicts["untrusted made trusted"]
    yield Row(f"{named} simulated: untrusted made trusted", "0", str(raised), MISSED if raised else MET, total)
    seconds = ", ".join(f"{what} {cpu_s:,.0f}" for what, cpu_s in figures.cpu_s.items())
    yield Row(f"{named} simulated: CPU seconds", "", seconds, INFORMATION, 1)


def _by_quarter(values: Sequence[float]) -> str:
    return " · ".join(f"{value:.1f}" for value in values)


def _is_above(look: Look) -> bool:
    return look.rank is not None and (look.earlier is None or look.rank < look.earlier)
