"""The vectors of the one file: kept for each memory, and the nearest found.

Owns which engine a question is embedded by, and when what is missing is made. Must not know words, scores or what a
memory is. Loop; SQL runs on the database's threads, numpy in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import apsw

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import Embed
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.memory.vectors import filling, lists
from openclaw_desktop.memory.vectors.filling import Lacking, embedded_text, remove_vectors
from openclaw_desktop.memory.vectors.int8 import Vector
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.cores import keep_off_last_of_two

if TYPE_CHECKING:
    from openclaw_desktop.memory.vectors.codes import CodeSearch
    from openclaw_desktop.memory.vectors.resident import Stored
    from openclaw_desktop.memory.vectors.shaping import Shaping

__all__ = ["VectorIndex", "embedded_text", "remove_vectors"]

log = logging.getLogger(__name__)

# How many texts are embedded at a time: more by an engine that takes microseconds a text.
INSTANT_BATCH, HEAVY_BATCH, FILLED_AT_ONCE = 256, 2, 32
# How long new memories wait for their vectors while one question follows the other, and then each batch of them.
FOLLOWS_WITHIN_S = 1.0
# A search looks at so many of the newest memories without vectors, and spends at most so long on them.
NEWEST = 256
CATCH_UP_S = 0.05


@dataclass(frozen=True, slots=True)
class Active:
    """An engine whose vectors every memory gets, and its number in the file."""

    embed: Embed
    id: int
    # Two that look for what lacks a vector at the same time would make the same ones.
    making: asyncio.Lock = field(default_factory=asyncio.Lock, compare=False)

    @property
    def instant(self) -> bool:
        """True where a text takes microseconds, so that it is embedded before it is kept."""
        return bool(getattr(self.embed, "instant", True))

    @property
    def batch(self) -> int:
        """How many texts it is given at a time."""
        return INSTANT_BATCH if self.instant else HEAVY_BATCH


class VectorIndex:
    """The vectors made by the best of some engines; without any there are none, and words alone find."""

    def __init__(self, database: Database, embed: Embed | Sequence[Embed] | None) -> None:
        """`embed`: the wanted engine, or several, the wanted one first: the others serve until it is ready."""
        self._database = database
        engines = () if embed is None else embed if isinstance(embed, Sequence) else (embed,)
        self._engines: tuple[Embed, ...] = tuple(engines)
        self._active: tuple[Active, ...] = ()
        self._serving: Active | None = None
        self._filled: set[int] = set()
        self._behind = self._promoted = False
        self._shaping: Shaping | None = None
        self._codes: CodeSearch | None = None
        self._tasks = TaskSet()
        self._following: asyncio.Task[None] | None = None

    @property
    def engines(self) -> tuple[Embed, ...]:
        """What makes vectors, the preferred engine first; () where words alone are searched."""
        return self._engines

    async def open(self) -> bool:
        """Settle which engines are at work, once; False where there is none (an endpoint that never answered)."""
        if self._serving is None and self._engines and self._engines[0].dimension:
            await self._settle()
            if not all(active.instant for active in self._active):
                await self._database.read(lambda _: keep_off_last_of_two())  # a process is at work beside it
            if await self._database.rows("select 1 from vector_lists limit 1"):
                self._tasks.start(self._load_codes(), "searching by codes")
        return self._serving is not None

    async def close(self) -> None:
        """End what runs in the background; it goes on from there with the next start."""
        await self._tasks.stop()

    async def give_back(self) -> None:
        """Let go of the engines that are not at work just now, and of what searches keep: memory is short."""
        if self._codes is not None:
            self._codes.give_back()
        for engine in self._engines:
            if (drop := getattr(engine, "give_back", None)) is not None:
                await drop()

    async def load_within(self, limit_s: float) -> None:
        """Wait so long for the engine that answers questions to be loaded; else words alone find."""
        with contextlib.suppress(UserError):
            await self.open()
        if self._serving is not None and (load := getattr(self._serving.embed, "load_within", None)) is not None:
            await load(limit_s)

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """Return the vectors of questions, by the engine that serves; nothing where none works or is loaded yet."""
        try:
            opened = await self.open()
            serving = self._serving
            if not self._engines or not texts or (serving is not None and not _is_loaded(serving.embed)):
                return []
            made = await self._make(serving.embed if serving else self._engines[0], texts)
            if made and not opened:
                await self.open()
                serving = self._serving
        except UserError as error:  # a full disk keeps nobody from reading
            log.warning("searched by words alone: %s", error)
            return []
        return [Vector.of(vector, serving.id) for vector in made] if serving else []

    async def embed_otherwise(self, texts: Sequence[str]) -> list[bytes]:
        """Return the vectors of `texts` by a quick engine of this machine beside the one that serves; else nothing.

        They are kept nowhere: another engine errs elsewhere, so that it is asked about what the first has found.
        """
        serving = self._serving.embed if self._serving else None
        for embed in self._engines if serving is not None else ():
            here = not getattr(embed, "leaves_machine", True)
            if here and embed is not serving and getattr(embed, "instant", True):
                return await self._make(embed, texts)
        return []

    async def embed_new(self, texts: Sequence[str]) -> list[list[Vector]]:
        """Return the vectors of each text that is about to be kept.

        Those of an engine that takes its time come only with several texts; for one they follow after (`follow`).
        """
        if not self._engines or not texts:
            return []
        made: list[list[Vector]] = [[] for _ in texts]
        if not await self.open() and (first := await self._make(self._engines[0], texts)) and await self.open():
            assert self._serving is not None
            return [[Vector.of(vector, self._serving.id)] for vector in first]
        for active in self._active:
            if active.instant or len(texts) > 1:
                for vectors, vector in zip(made, await self._make(active.embed, texts), strict=False):
                    vectors.append(Vector.of(vector, active.id))
        self._behind |= len(made[0]) < len(self._active)
        return made

    def add(self, connection: apsw.Connection, pairs: Sequence[tuple[int, Sequence[Vector]]]) -> None:
        """Keep the vectors of new memories, in the transaction that inserts them."""
        at_once, find = len(pairs) <= lists.ASSIGNED_AT_ONCE, self._find_lists
        for rowid, vectors in pairs:
            for vector in vectors:
                lists.insert_vector(connection, rowid, vector, lists.list_for(connection, vector, at_once, find))
        filling.unqueue(connection, [rowid for rowid, _ in pairs], self._active_ids)

    def follow(self) -> None:
        """Make, in the background, what new memories still lack; call it after the commit."""
        waits = bool(self._active) and self._serving != self._active[0]
        if (self._behind or waits) and (self._following is None or self._following.done()):
            self._following = self._tasks.start(self._follow(), "vectors of new memories")

    async def ready(self) -> bool:
        """Make what few memories lack, by instant engines; the rest follows. False where there is no engine."""
        try:
            if not await self.open():
                return False
            await self._catch_up_newest(time.monotonic() + CATCH_UP_S)
        except UserError as error:
            log.warning("searched by words alone: %s", error)
            return False
        return True

    def complete(self, connection: apsw.Connection) -> bool:
        """Return whether `ready` would find nothing to make before a search."""
        if self._serving is None or any(one.instant and one.id not in self._filled for one in self._active):
            return False
        instant = [one for one in self._active if one.instant]
        if not instant or not filling.any_queued(connection):
            return True
        return not any(filling.queued(connection, one.id, 1, NEWEST) for one in instant)

    def nearest(self, connection: apsw.Connection, vector: bytes, k: int) -> list[tuple[int, float]]:
        """Return (rowid, cosine) of the `k` nearest, nearest first; `vector` is one of `embed`."""
        assert isinstance(vector, Vector)
        found = (self._codes or lists).nearest(connection, vector, k)
        if vector and (earlier := filling.nearest_in_legacy(connection, vector, k)):
            found = sorted({**dict(earlier), **dict(found)}.items(), key=lambda one: -one[1])[:k]
        return found

    def cosines(self, connection: apsw.Connection, vector: bytes, rowids: Iterable[int]) -> dict[int, float]:
        """Return the cosine of each of `rowids` that has a vector; `vector` is one of `embed`."""
        assert isinstance(vector, Vector)
        return lists.cosines(connection, vector, rowids)

    def read(self, connection: apsw.Connection, rowids: Iterable[int]) -> Stored | None:
        """Return the vectors of `rowids` by the engine that answers questions, to compare with one that comes later.

        None where nothing is there to compare them with: `cosines` does.
        """
        if self._codes is None or self._serving is None:
            return None
        return self._codes.read(connection, self._serving.id, rowids)

    async def work(self, budget_s: float) -> bool:
        """Do background work for about `budget_s`, in steps of some 100 ms; True where there is more.

        Catches up, embeds anew for another engine, drops what no engine needs, and keeps the lists in shape. All of it
        goes on after a kill where it was. Raises UserError where the file can't be written.
        """
        ends_s = time.monotonic() + budget_s
        await self._database.waiting.give_way()
        while await self._step():
            await self._database.waiting.give_way()
            if time.monotonic() >= ends_s:
                return True
        return False

    async def _step(self) -> bool:
        if await self._database.write(filling.take_over_legacy):
            return True
        if await self.open():
            for active in self._active:
                if await self._embed_queued(active, None) or await self._fill(active):
                    return True
            if not self._promoted:
                await self._settle()
        if await self._database.write(filling.drop_retired):
            return True
        if self._shaping is None:
            # numpy costs 14 MB that an agent must not hold before there is something to count with it.
            from openclaw_desktop.memory.vectors.shaping import Shaping

            self._shaping = Shaping(self._database, await self._load_codes())
        return await self._shaping.step()

    async def _load_codes(self) -> CodeSearch:
        """Search by codes from now on. To load numpy takes longer than the first search without it."""
        if self._codes is None:
            codes = await asyncio.to_thread(importlib.import_module, "openclaw_desktop.memory.vectors.codes")
            self._codes = self._codes or codes.CodeSearch()
        return self._codes

    @property
    def _find_lists(self) -> lists.FindLists | None:
        return self._codes.nearest_lists if self._codes else None

    @property
    def _active_ids(self) -> list[int]:
        return [active.id for active in self._active]

    async def _settle(self) -> None:
        self._active, self._serving, self._promoted = await self._database.write(self._choose)

    def _choose(self, connection: apsw.Connection) -> tuple[tuple[Active, ...], Active, bool]:
        """Say which engines' vectors are kept, which of them answers questions, and whether that is the wanted one."""
        wanted = Active(self._engines[0], _register(connection, self._engines[0]))
        if filling.promote(connection, wanted.id):
            filling.retire_others(connection, wanted.id)
            return (wanted,), wanted, True
        known = {(row.name, row.version, row.dimension): row for row in lists.read_engines(connection)}
        others = [embed for embed in self._engines[1:] if embed.dimension]
        serving = (
            embed for embed in others
            if (row := known.get((embed.engine, embed.version, embed.dimension))) and row.state in ("filled", "serving")
        )  # fmt: skip
        instant = (
            embed for embed in others
            if getattr(embed, "instant", True)
            and (not wanted.instant or (embed.engine, embed.version, embed.dimension) in known)
        )  # fmt: skip
        if (meanwhile := next(serving, None) or next(instant, None)) is None:
            return (wanted,), wanted, False
        other = Active(meanwhile, _register(connection, meanwhile))
        filling.promote(connection, other.id)
        return (wanted, other), other, False

    async def _make(self, embed: Embed, texts: Sequence[str]) -> list[bytes]:
        """Return the vectors of texts; nothing where the engine fails, or gives others than it should."""
        try:
            made = await embed(texts)
        except (UserError, OSError, MemoryError) as error:
            log.warning("no vectors: %s", error)
            return []
        if made and [len(vector) for vector in made] != [4 * embed.dimension] * len(texts):
            log.warning("no vectors, searched by words alone: %s gives too many or others than it should", embed.engine)
            return []
        return made

    async def _catch_up_newest(self, ends_s: float) -> None:
        """Make what instant engines can in that time; leave the rest to the background."""
        newest = await self._database.read(
            lambda c: {active: filling.queued(c, active.id, 1, NEWEST) for active in self._active}
        )
        for active in (one for one, lacking in newest.items() if lacking and one.instant):
            while await self._embed_queued(active, NEWEST):
                if time.monotonic() >= ends_s:
                    break
        unfilled = [active for active in self._active if active.instant and active.id not in self._filled]
        for active in unfilled:
            while time.monotonic() < ends_s and await self._fill(active):
                pass
        if unfilled or any(newest.values()):
            self._behind = True
            self.follow()

    async def _follow(self) -> None:
        """Give new memories what they lack, until none lacks anything or an engine fails."""
        self._behind = False
        if not await self.open():
            return
        for active in self._active:
            # A question's vector is made by the same engine, and what was said a moment ago is found by its words.
            await self._database.waiting.give_way(FOLLOWS_WITHIN_S)
            while await self._embed_queued(active, None):
                await self._database.waiting.give_way(FOLLOWS_WITHIN_S)
            while active.instant and await self._fill(active):
                pass
        if not self._promoted:
            await self._settle()

    async def _state(self, active: Active) -> str:
        rows = await self._database.rows("select state from vector_engines where id = ?", (active.id,))
        return str(rows[0][0]) if rows else "retired"

    async def _embed_queued(self, active: Active, newest: int | None) -> bool:
        """Embed one batch of the queue; False where there was nothing to do, or the engine failed."""
        async with active.making:
            lacking = await self._database.read(lambda c: filling.queued(c, active.id, active.batch, newest))
            kept = await self._embed_lacking(active, lacking)
        if kept:
            await self._hand_over(active)
        return kept

    async def _fill(self, active: Active) -> bool:
        """Embed one batch of the memories from before the engine came; False where there was nothing to do."""
        async with active.making:
            if active.id in self._filled or await self._state(active) != "filling":
                self._filled.add(active.id)
                return False
            batch = active.batch if active.instant else FILLED_AT_ONCE
            lacking = await self._database.read(lambda c: filling.unlooked_at(c, active.id, batch))
            if lacking:
                if not await self._embed_lacking(active, lacking):
                    return False
                await self._database.write(lambda c: lists.set_engine(c, active.id, filled_to=lacking[-1].rowid))
                return True
            await self._database.write(lambda c: lists.set_engine(c, active.id, state="filled"))
        await self._hand_over(active)
        return True

    async def _hand_over(self, active: Active) -> None:
        if await self._state(active) == "filled":
            await self._settle()

    async def _embed_lacking(self, active: Active, lacking: list[Lacking]) -> bool:
        if not lacking:
            return False
        vectors = await self._make(active.embed, [embedded_text(one.before, one.text) for one in lacking])
        if not vectors:
            return False
        made = [(one, Vector.of(vector, active.id)) for one, vector in zip(lacking, vectors, strict=True)]
        at_once = len(made) <= lists.ASSIGNED_AT_ONCE
        find = self._find_lists
        await self._database.write(lambda c: filling.keep(c, made, self._active_ids, at_once=at_once, find=find))
        return True


def _register(connection: apsw.Connection, embed: Embed) -> int:
    return filling.register(connection, embed.engine, embed.version, embed.dimension).id


def _is_loaded(embed: Embed) -> bool:
    """Return whether the engine answers at once; one that does not begins to load."""
    load = getattr(embed, "load_soon", None)
    return load is None or bool(load())
