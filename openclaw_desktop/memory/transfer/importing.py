"""Reading memories in: looked at first, then kept as one run that can be taken back.

Owns what is new, and how far it is trusted: text that others wrote never becomes the user's, and the user's only on
their word. Must not know formats (`reading`, `whole`). Loop; files are read in threads.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

import apsw
import msgspec

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.memory import history, rows
from openclaw_desktop.memory.consolidation.reading import claim_unread
from openclaw_desktop.memory.records import NewMemory
from openclaw_desktop.memory.transfer.files import told_as_unreadable
from openclaw_desktop.memory.transfer.reading import Imported, LeftOut, SourceKind, detect, not_read, read
from openclaw_desktop.memory.transfer.table import insert_whole
from openclaw_desktop.memory.transfer.whole import WholeMemory, read_whole
from openclaw_desktop.storage.database import Database, fetch

log = logging.getLogger(__name__)

Form = Literal["auto", "openclaw", "chatgpt", "claude", "jsonl"]

FIRST_SHOWN = 5
TURN_IMPORTANCE = {"user": 0.3, "assistant": 0.1}
TRUSTED_FACT, OTHER_FACT = 0.7, 0.5
_BATCH, _CLAIMED_AT_ONCE = 500, 200
_UNFINISHED = """select id from memory_runs where kind = 'import' and finished_at is null and undone_at is null
    order by id desc"""
_ACTION = "imported"


@dataclass(slots=True)
class Tally:
    """What an import brings, or brought. `known`: there already; `erased`: was erased here once, and stays so."""

    form: SourceKind
    total: int = 0
    known: int = 0
    erased: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    oldest: str | None = None
    newest: str | None = None
    first: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    run_id: int | None = None

    @property
    def new(self) -> int:
        """How many were not there."""
        return self.total - self.known - self.erased

    def add(self, text: str, kind: str, integrity: str, created_at: str | None) -> None:
        """Count one that is new."""
        self.kinds[kind] += 1
        self.labels[integrity] += 1
        if len(self.first) < FIRST_SHOWN:
            self.first.append(text)
        if created_at is not None:
            self.oldest = min(self.oldest or created_at, created_at)
            self.newest = max(self.newest or created_at, created_at)


async def preview(database: Database, path: Path, form: Form, mine: bool, now: datetime) -> Tally:
    """Read all of `path` and return what importing it would bring; changes nothing. Raises UserError."""

    @told_as_unreadable(path)
    def look(connection: apsw.Connection) -> Tally:
        kind = detect(path) if form == "auto" else form
        sieve, left = _Sieve(Tally(kind), now, connection), LeftOut()
        if kind == "jsonl":
            for memory in sieve.whole(read_whole(path), path.name, mine):
                sieve.tally.add(memory.text, memory.kind, memory.integrity, memory.created_at)
        else:
            for entry in sieve.entries(read(path, kind, left)):
                label = _label(entry, kind, mine)
                sieve.tally.add(entry.text, entry.kind, label.integrity, entry.created_at)
        sieve.tally.notes += _notes(path, kind, mine, left)
        return sieve.tally

    return await database.beside(look)


async def run(database: Database, path: Path, form: Form, mine: bool, now: datetime) -> Tally:
    """Import `path` as one run, or nothing of it; raises UserError. `mine`: what is marked as the user's is theirs."""
    seen = await preview(database, path, form, mine, now)
    if not seen.new:
        return seen
    if seen.form == "jsonl":
        return await _run_whole(database, path, mine, now)
    note = tr("import of {name}", name=visible(path.name))
    run_id = await database.write(lambda connection: history.begin_run(connection, "import", now, note))
    sieve, turns = _Sieve(Tally(seen.form, run_id=run_id), now), _Turns()
    try:
        source = iter(read(path, seen.form))
        while batch := await asyncio.to_thread(_next_of, source, path):
            ids = await database.write(partial(_keep, batch=batch, sieve=sieve, turns=turns, mine=mine, now=now))
            await _claim(database, ids)
        await database.write(lambda connection: history.finish_run(connection, run_id, now))
    except BaseException:
        await _withdraw(database, run_id, now)
        raise
    return sieve.tally


async def _run_whole(database: Database, path: Path, mine: bool, now: datetime) -> Tally:
    """Import an export of our own in one transaction: its memories are linked with one another."""
    ids: list[str] = []

    @told_as_unreadable(path)
    def keep(connection: apsw.Connection) -> Tally:
        run_id = history.begin_run(connection, "import", now, tr("import of {name}", name=visible(path.name)))
        sieve = _Sieve(Tally("jsonl", run_id=run_id), now, connection)
        added = insert_whole(connection, sieve.whole(read_whole(path), path.name, mine), now)
        for memory_id in added:
            history.note_change(connection, run_id, memory_id, _ACTION, None, {})
        ids.extend(added)
        history.finish_run(connection, run_id, now)
        return sieve.tally

    tally = await database.write(keep)
    await _claim(database, ids)
    return tally


async def _claim(database: Database, ids: Sequence[str]) -> None:
    """Keep what the facts that came claim, a few at a time: from now on what is said against one ends it."""
    for first in range(0, len(ids), _CLAIMED_AT_ONCE):
        await database.write(partial(claim_unread, ids=ids[first : first + _CLAIMED_AT_ONCE]))


def _next_of(source: Iterator[Imported], path: Path) -> list[Imported]:
    with told_as_unreadable(path):
        return list(islice(source, _BATCH))


async def end_cut_short(database: Database, now: datetime) -> None:
    """Take back what a kill left of imports, at the start, when none can be going on; what fails is tried next time."""

    def end(connection: apsw.Connection) -> int:
        runs = fetch(connection, _UNFINISHED)
        for (run_id,) in runs:
            history.end_cut_short(connection, int(run_id), now)
        return len(runs)

    try:
        if await database.rows(_UNFINISHED):
            log.warning("%d imports were cut short; memory runs says what became of them", await database.write(end))
            await database.erase_traces()
    except UserError as error:
        log.error("an import that was cut short could not be taken back: %s", error)


async def _withdraw(database: Database, run_id: int, now: datetime) -> None:
    def withdraw(connection: apsw.Connection) -> None:
        if history.end_cut_short(connection, run_id, now):
            connection.execute("delete from memory_runs where id = ?", (run_id,))

    await database.write(withdraw)


class _Turns:
    """Gives what was asked and answered together one turn, as it has where it was said here."""

    def __init__(self) -> None:
        self._session: str | None = None
        self._turn = ""

    def of(self, entry: Imported) -> str:
        """Return the turn of the next entry."""
        if entry.speaker != "assistant" or entry.session != self._session or not self._turn:
            self._turn = new_id("turn")
        self._session = entry.session
        return self._turn


def _keep(
    connection: apsw.Connection, *, batch: Sequence[Imported], sieve: _Sieve, turns: _Turns, mine: bool, now: datetime
) -> list[str]:
    sieve.connection, tally = connection, sieve.tally
    memories = [_memory(entry, tally.form, turns, mine) for entry in sieve.entries(iter(batch))]
    sessions = {memory.session_id for memory in memories if memory.session_id is not None}
    last = {session: rows.last_turn(connection, session) for session in sessions}
    texts = {session: turn[1] for session, turn in last.items() if turn is not None}
    ids = [new_id("mem") for _ in memories]
    rows.insert(connection, rows.place(memories, ids, texts), now)
    assert tally.run_id is not None
    for memory_id, memory in zip(ids, memories, strict=True):
        history.note_change(connection, tally.run_id, memory_id, _ACTION, None, {})
        tally.add(memory.text, memory.kind, memory.label.integrity, memory.created_at)
    return ids


def _memory(entry: Imported, form: SourceKind, turns: _Turns, mine: bool) -> NewMemory:
    label = _label(entry, form, mine)
    trusted = label.integrity == "user"
    turn = entry.kind == "turn"
    fact_importance = TRUSTED_FACT if trusted else OTHER_FACT
    return NewMemory(
        entry.text, source=f"import:{entry.origin}", created_at=entry.created_at,
        session_id=f"import:{entry.session}" if entry.session else None, speaker=entry.speaker,
        importance=TURN_IMPORTANCE.get(entry.speaker, 0.3) if turn else fact_importance,
        turn_id=turns.of(entry) if turn else None, kind=entry.kind,
        tier="medium" if trusted and not turn else "long", label=label,
    )  # fmt: skip


def _label(entry: Imported, form: SourceKind, mine: bool) -> Label:
    """Return how far an entry is trusted: only what the user says is theirs, and marked so, is."""
    if mine and entry.by_user and entry.speaker != "assistant":
        return USER
    return Label("untrusted", "private", (f"import:{form}",))


def _lowered(memory: WholeMemory, name: str) -> WholeMemory:
    """Return a memory of a file that anyone may have written: it is not the user's until they say so."""
    origins = tuple(sorted({*memory.origins, f"import:{visible(name)}"} - {"user"}))
    tier: Literal["short", "long"] = "short" if memory.tier == "short" else "long"
    return msgspec.structs.replace(memory, integrity="untrusted", origins=origins, tier=tier, pinned=False)


class _Sieve:
    """Lets through what is new to the file, and counts the rest."""

    connection: apsw.Connection

    def __init__(self, tally: Tally, now: datetime, connection: apsw.Connection | None = None) -> None:
        """`connection`: where it looks; None: it is set before the first look."""
        self.tally = tally
        if connection is not None:
            self.connection = connection
        self._now = now
        self._seen: set[tuple[str, str | None, str]] = set()
        self._texts: set[int] | None = None

    def entries(self, entries: Iterator[Imported]) -> Iterator[Imported]:
        """Yield the entries that are not there yet."""
        for entry in entries:
            self.tally.total += 1
            key = (entry.text, entry.created_at, entry.speaker)
            if key in self._seen or self._is_there(entry):
                self.tally.known += 1
            else:
                self._seen.add(key)
                yield entry

    def whole(self, memories: Iterator[WholeMemory], name: str, mine: bool) -> Iterator[WholeMemory]:
        """Yield the memories that are not there yet, with the trust that they get."""
        added, erased = set[str](), set[str]()
        for memory in memories:
            self.tally.total += 1
            if erased.intersection(memory.sources) or self._was_erased(memory):
                erased.add(memory.id)
                self.tally.erased += 1
            elif memory.id in added or self._twins(memory) - added:
                self.tally.known += 1
            else:
                added.add(memory.id)
                yield memory if mine else _lowered(memory, name)

    def _was_erased(self, memory: WholeMemory) -> bool:
        """Tell whether it, its turn or what it was made of was erased here: elsewhere more may have been made of it."""
        ids = [memory.id, *memory.sources, *([memory.turn_id] if memory.turn_id else ())]
        sql = "select 1 from json_each(?) j cross join erased_memories e on e.memory_id = j.value limit 1"
        return bool(fetch(self.connection, sql, (json.dumps(ids),)))

    def _twins(self, memory: WholeMemory) -> set[str]:
        sql = """select id from memories where id = ?1
            union all select id from memories where created_s = ?2 and text = ?3 and speaker = ?4 and kind = ?5"""
        moment_s = rows.seconds_of(memory.created_at, self._now)
        values = (memory.id, moment_s, memory.text, memory.speaker, memory.kind)
        return {str(id_) for (id_,) in fetch(self.connection, sql, values)}

    def _is_there(self, entry: Imported) -> bool:
        if entry.created_at is None:
            if self._texts is None:
                self._texts = {hash(text) for (text,) in self.connection.execute("select text from memories")}
            return hash(entry.text) in self._texts
        sql = "select 1 from memories where created_s = ? and text = ? and speaker = ?"
        values = (rows.seconds_of(entry.created_at, self._now), entry.text, entry.speaker)
        return bool(fetch(self.connection, sql, values))


def _notes(path: Path, form: SourceKind, mine: bool, out: LeftOut) -> list[str]:
    notes = [sentence] if (sentence := out.sentence()) else []
    if form == "openclaw" and (left := not_read(path)):
        one = tr("{name} holds instructions and no memories: it is left out.", name=left[0])
        many = tr("{names} are instructions and no memories: they are left out.", names=", ".join(left))
        notes.append(one if len(left) == 1 else many)
    if not mine:
        notes.append(tr("All of it counts as not trusted. If you wrote what is marked as yours: --mine."))
    elif form in ("chatgpt", "claude"):
        notes.append(tr("What the assistant said there counts as not trusted."))
    return notes
