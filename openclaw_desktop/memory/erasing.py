"""Erasing memories: shown first, then nothing of them left in any file, and a receipt without a word of them.

Owns the order of an erasure and what is left to do after a kill: the rows go in one transaction that sets a mark; then
the log is cut, what was made of them elsewhere goes, the file and its copies are written anew; then the mark goes. Must
not know which tables hold what (`erased_rows`) nor how far it reaches (`reach`). Loop; SQL runs on the database's
threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import apsw

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.memory.erased_rows import ASKED, erase_rows, redact_requests, replay_erasures
from openclaw_desktop.memory.erasures import end_erasure, erased_ids, mark_erasure, note_erased_ids, unfinished
from openclaw_desktop.memory.mentions import Mention, find_mentions
from openclaw_desktop.memory.reach import find_alone, find_reach, rows_of
from openclaw_desktop.memory.records import StoredMemory
from openclaw_desktop.memory.rows import fetch_memories
from openclaw_desktop.storage.backup import list_backups, list_copies, note_erased, noted_erasures, rewrite_backups
from openclaw_desktop.storage.copy_folders import is_there
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.recovery import files_aside

log = logging.getLogger(__name__)
T = TypeVar("T")

# To try takes as long as to erase: of a thousand half a second, for which what is said has to wait.
MOST_TRIED = 200
# Writing so much anew takes a second or two on a slow machine; more keeps nobody waiting who did not ask by hand.
AT_ONCE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Erasure:
    """The receipt: no word of what was erased. `asked`: how many of the asked ids there were; `counts`: by kind.

    `pending`: a sentence on what is not done yet, "" where all is.
    """

    id: str
    erased_at: str
    asked: int
    counts: dict[str, int] = field(default_factory=dict)
    pending: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What an erasure would take: `asked` itself and its sources, what was `said_with` it and `derived` from that.

    `mentions`: what speaks of it and stays. `counts`: by kind, what the receipt would count but copies; empty of very
    many, or where the file can't be tried. `read_again`: memories that stay, while facts made of them go. `copies`: how
    many backups are searched. `unknown`: ids that there are none of. `removed`: how many memories go from the history
    of changes, which alone still holds them.
    """

    asked: tuple[StoredMemory, ...]
    said_with: tuple[StoredMemory, ...]
    derived: tuple[StoredMemory, ...]
    mentions: tuple[Mention, ...]
    counts: dict[str, int]
    read_again: int
    copies: int
    unknown: tuple[str, ...]
    removed: int = 0


class Erasing:
    """Erases from one file, and from its copies in the folders `backups`."""

    def __init__(self, database: Database, clock: Clock, backups: tuple[Path, ...] = ()) -> None:
        self.backups = backups
        self._database = database
        self._clock = clock
        self._derived: list[Callable[[], Awaitable[None]]] = []
        self._one_at_a_time = asyncio.Lock()
        # Held only while rows go, not while large files are written anew: a turn that ends meanwhile waits for this.
        self._rows_go = asyncio.Lock()
        self.count = 0

    def when_erased(self, erase_derived: Callable[[], Awaitable[None]]) -> None:
        """Have `erase_derived` called after memories were erased: by whoever keeps something made of them."""
        self._derived.append(erase_derived)

    async def preview(self, ids: Sequence[str]) -> Preview:
        """Return what `erase` would take with it, and what it would leave though it speaks of the same."""
        seen = await self._database.read(lambda connection: self._preview(connection, ids))
        if len(seen.asked) + len(seen.said_with) + len(seen.derived) > MOST_TRIED:
            return seen
        try:
            return replace(seen, counts=await self._database.write(lambda c: self._try(c, ids)))
        except UserError:  # another program holds the file, or a part of it is damaged: the list is known
            return seen

    def _try(self, connection: apsw.Connection, ids: Sequence[str]) -> dict[str, int]:
        """Return what erasing counts, which is taken back at once: nothing else knows every table that it reaches."""
        connection.execute("savepoint looked_at")
        try:
            counts = erase_rows(connection, find_reach(connection, ids), self._moment())
        finally:
            connection.execute("rollback to looked_at").fetchall()
            connection.execute("release looked_at").fetchall()
        return {kind: count for kind, count in sorted(counts.items()) if count}

    async def count_along(self, ids: Sequence[str]) -> int:
        """Return how many other memories `erase` would take with `ids`."""
        reach = await self._database.read(lambda connection: find_reach(connection, ids))
        return len(set(reach.memory_ids) - set(ids))

    def _preview(self, connection: apsw.Connection, ids: Sequence[str]) -> Preview:
        reach = find_reach(connection, ids)
        known = {*(id_ for (id_,) in rows_of(connection, ids, "m.id")), *reach.turns, *reach.gone}
        return Preview(
            _memories(connection, reach.asked),
            _memories(connection, reach.said_with),
            _memories(connection, reach.derived),
            find_mentions(connection, reach),
            {},
            len(reach.remaining),
            sum(len(list_backups(folder)) for folder in self.backups if self._is_there(folder)),
            tuple(id_ for id_ in dict.fromkeys(ids) if id_ not in known),
            len(reach.gone),
        )

    async def erase(self, ids: Sequence[str], asked_in: str | None = None, patient: bool = False) -> Erasure:
        """Erase memories and turns, and all that was made of them, from every file; return the receipt.

        `asked_in`: the turn that asks for it, whose question is redacted with it. `patient`: somebody waits for it to
        be done, however large the files are; else large ones are left to `finish`. After it no file holds a byte of
        what was erased, unless the receipt names what is pending. Raises UserError where nothing could be erased.
        """
        if not await self._database.read(lambda connection: find_reach(connection, ids)):
            return Erasure(new_id("era"), self._moment(), 0)
        async with self._one_at_a_time:
            # Before, so that what cannot be erased stops all of it, and after, for what was made meanwhile.
            await self._erase_derived()
            try:
                marks, asked, counts, mark = await self._let_rows_go(lambda c: self._erase(c, ids, asked_in), count=1)
                await self._database.erase_traces()
            finally:
                await self._erase_derived()
            pending = await self._write_anew(marks, counts, patient)
            if not pending:
                await end_erasure(self._database, mark)
        pending = " ".join(filter(None, (pending, *self._out_of_reach())))
        log.info("erased: %s", dict(counts))
        return Erasure(new_id("era"), self._moment(), asked, {k: n for k, n in sorted(counts.items()) if n}, pending)

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Let no erasure take rows meanwhile, and wait for one that does: what is written inside can't miss it."""
        async with self._rows_go:
            yield

    async def _let_rows_go(self, erase: Callable[[apsw.Connection], T], count: int) -> T:
        """Run `erase` and count it, to the end also where who asked is gone: the writer does not stop then either."""

        async def work() -> T:
            async with self._rows_go:
                gone = await self._database.write(erase)
                self.count += count
            return gone

        working = asyncio.ensure_future(work())
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait([working])
            raise

    async def let_go(self, ids: Sequence[str]) -> int:
        """Erase memories that have come to their end, each alone; what was learnt from a turn stays."""

        def erase(connection: apsw.Connection) -> tuple[int, int]:
            reach = find_alone(connection, ids)
            erase_rows(connection, reach, self._moment(), reopens=False)
            return len(reach.asked), mark_erasure(connection)

        async with self._one_at_a_time:
            await self._erase_derived()
            count, mark = await self._let_rows_go(erase, count=0)
            await self._database.erase_traces()
            await self._erase_derived()
            if not await self._write_file_anew(patient=False):
                await end_erasure(self._database, mark)
        return count

    async def finish(self, patient: bool = False) -> bool:
        """Finish what a kill cut short, what was too large to wait for, and what a folder that was away has missed.

        What fails is tried next time.

        At the start, before anything is answered, without patience: then large files stay to be written anew.
        """
        try:
            marks = await unfinished(self._database)
            if not marks and await self._is_missed():
                marks = (await self._database.write(mark_erasure),)
            if not marks:
                return True
            log.warning("an erasure was cut short, or missed by a folder of copies; it is finished now")
            async with self._one_at_a_time:
                await self._database.erase_traces()
                await self._erase_derived()
                pending = await self._write_anew(await erased_ids(self._database), Counter(), patient)
                for mark in marks if not pending else ():
                    await end_erasure(self._database, mark)
            return not pending
        except (UserError, OSError) as error:
            log.error("an erasure that was cut short could not be finished: %s", error)
            return False

    def _erase(
        self, connection: apsw.Connection, ids: Sequence[str], asked_in: str | None
    ) -> tuple[tuple[str, ...], int, Counter[str], int]:
        reach = find_reach(connection, ids)
        asked = len(rows_of(connection, set(ids), "m.id")) + len(set(ids) & {*reach.turns, *reach.gone})
        counts = erase_rows(connection, reach, self._moment())
        marks = reach.marks
        if asked_in is not None:
            # A copy made between the request and this holds the request.
            redact_requests(connection, [asked_in])
            marks = (*marks, ASKED + asked_in)
        note_erased_ids(connection, marks, self._moment())
        return marks, asked, counts, mark_erasure(connection)

    async def _write_anew(self, marks: Sequence[str], counts: Counter[str], patient: bool) -> str:
        """Write the file and its copies without what was erased; return a sentence where that is not done."""
        return await self._write_file_anew(patient) or await self._write_copies_anew(marks, counts, patient)

    async def _write_file_anew(self, patient: bool) -> str:
        """VACUUM: pieces of erased rows may be left in pages where rows were moved about."""
        if not patient and self._database.path.stat().st_size > AT_ONCE_BYTES:
            return tr("The file is written anew when the machine is idle; until then traces may be left in it.")
        try:
            await self._database.maintain(lambda connection: connection.execute("vacuum").fetchall())
            await self._database.erase_traces()
        except UserError as error:
            return tr("It is erased, but traces may be left until there is room: {reason}", reason=error)
        return ""

    async def _write_copies_anew(self, marks: Sequence[str], counts: Counter[str], patient: bool) -> str:
        folders = [folder for folder in self.backups if self._is_there(folder)]  # `_is_missed` tells of the others
        if not folders or not marks:
            return ""
        try:
            if not patient and await asyncio.to_thread(_sum_bytes, folders) > AT_ONCE_BYTES:
                return tr("The backups are written anew when the machine is idle; until then they still hold it.")
            # Where backups are made, so that none is begun before the erasure and done after this.
            counts["copies"] = await self._database.beside(lambda _: self._rewrite_copies(folders, marks))
        except (UserError, OSError) as error:
            return str(error)
        return ""

    def _rewrite_copies(self, folders: Sequence[Path], marks: Sequence[str]) -> int:
        count = 0
        problem: Exception | None = None
        for folder in folders:  # one that can't be written keeps no other from it
            try:
                for half in folder.glob("openclaw-*.partial*"):
                    half.unlink(missing_ok=True)  # of a backup that was cut short
                note_erased(folder, marks)
                count += rewrite_backups(folder, self._database.key, lambda c: replay_erasures(c, marks))
            except (UserError, OSError) as error:
                # Where there is no copy nothing is left to do: it may be where a disk belongs that is not plugged in.
                problem = error if list_backups(folder) else problem
        if problem is not None:
            raise problem
        return count

    async def _is_missed(self) -> bool:
        """Return whether copies are in reach that miss an erasure: their folder was away when it was done."""
        there = [folder for folder in self.backups if self._is_there(folder)]
        folders = [folder for folder in there if await asyncio.to_thread(list_backups, folder)]
        erased = set(await erased_ids(self._database)) if folders else set()
        return any([erased - await asyncio.to_thread(noted_erasures, folder) for folder in folders])

    def _out_of_reach(self) -> Iterator[str]:
        """Tell what may still hold what was erased, and what becomes of it."""
        if away := [visible(str(folder)) for folder in self.backups if not self._is_there(folder)]:
            yield tr(
                "Backups in {folders} could not be reached; it goes from them once that folder is back.",
                folders=", ".join(away),
            )
        if aside := [visible(str(file)) for file in files_aside(self._database.path)]:
            yield tr(
                "A damaged file that was kept aside may still hold it: {files}. "
                "To remove it: openclaw-agent backup discard",
                files=", ".join(aside),
            )

    def _is_there(self, folder: Path) -> bool:
        return is_there(folder, self._database.path.parent)

    async def _erase_derived(self) -> None:
        for erase_derived in self._derived:
            await erase_derived()

    def _moment(self) -> str:
        return self._clock.now().isoformat(timespec="seconds")


def _sum_bytes(folders: Sequence[Path]) -> int:
    return sum(copy.size_bytes for folder in folders for copy in list_copies(folder))


def _memories(connection: apsw.Connection, ids: Sequence[str]) -> tuple[StoredMemory, ...]:
    rowids = [int(rowid) for (rowid,) in rows_of(connection, ids, "m.rowid")]
    return tuple(sorted(fetch_memories(connection, rowids), key=lambda memory: memory.rowid))
