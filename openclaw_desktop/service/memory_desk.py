"""Memory by hand: the commands of `MemoryCommands` over the memories of one file.

Owns how much of an answer a front end gets at once, and the words for why a memory is believed. Must not know any
front end, nor how a memory is found, changed or erased. Loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw
import msgspec

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, without_controls
from openclaw_desktop.memory import browsing, editing, history
from openclaw_desktop.memory.erasing import Erasure, Preview
from openclaw_desktop.memory.records import StoredMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.memory.transfer import exporting, importing
from openclaw_desktop.service.memory_api import (
    ChangeView,
    ErasurePreview,
    ErasureView,
    ExportForm,
    ExportView,
    GoingView,
    ImportForm,
    ImportPreview,
    ImportView,
    LimitView,
    MemoryDetail,
    MemoryEdit,
    MemoryPage,
    MemoryQuery,
    MemoryStats,
    MemoryView,
    MentionView,
    RunDetail,
    RunView,
    TidyView,
)
from openclaw_desktop.service.memory_care import MemoryCare
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.settings import MemorySettings

# What fits one frame of the socket, whatever its letters: of one text, where JSON may take six bytes a letter, and of a
# page with all that stands around the texts.
TEXT_CHARS = 100_000
PAGE_BYTES = 700_000
BESIDE_CHARS = 1_000
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class MemoryDesk:
    """`MemoryCommands` in the agent's process. `size_bytes`: what the file takes."""

    database: Database
    memories: MemoryStore
    care: MemoryCare
    clock: Clock
    settings: MemorySettings
    size_bytes: Callable[[], int]

    async def memory_stats(self) -> MemoryStats:
        """Count what is kept."""
        counts = await self.database.read(lambda connection: browsing.count(connection, self.clock.now()))
        facts = sum(kinds.get("fact", 0) for kinds in counts.by_tier.values())
        size_bytes = self.size_bytes()
        short = sum(counts.by_tier["short"].values())
        limits = [LimitView("short-term memories", short, self.settings.short_term_turns, "memories")]
        if self.settings.limit_mb is not None:
            limits.append(LimitView("file", size_bytes // 1_000_000, self.settings.limit_mb, "MB"))
        if self.settings.keep_turns_days is not None and counts.oldest is not None:
            age = (self.clock.now() - editing.parse_moment(counts.oldest, self.clock.now())).days
            limits.append(LimitView("age of turns", max(0, age), self.settings.keep_turns_days, "days"))
        return MemoryStats(
            counts.by_tier, counts.total, size_bytes, self.database.encrypted, counts.oldest, counts.newest,
            round(facts / counts.total, 4) if counts.total else 0.0, counts.superseded, counts.expired, counts.pinned,
            counts.untrusted, counts.erased, counts.unfinished, tuple(limits),
        )  # fmt: skip

    async def list_memories(self, query: MemoryQuery) -> MemoryPage:
        """Return memories, newest first."""
        now = self.clock.now()
        since_s = int(editing.parse_moment(query.since, now).timestamp()) if query.since else None
        contains = _searchable(query.contains) if query.contains is not None else None
        wanted = browsing.Filter(query.tier, query.kind, since_s, contains, query.everything)
        limit, offset = max(1, min(query.limit, 1000)), max(0, query.offset)
        found, total = await self.database.read(lambda c: browsing.find(c, wanted, limit, offset, now))
        shown: list[MemoryView] = []
        room = PAGE_BYTES
        for memory in found:
            view = _view(memory, TEXT_CHARS)
            room -= len(msgspec.json.encode(view))
            if room < 0 and shown:
                break
            shown.append(view)
        end = offset + len(shown)
        return MemoryPage(tuple(shown), total, end if end < total else None)

    async def show_memory(self, memory_id: str) -> MemoryDetail:
        """Return one memory and what belongs to it."""
        memory = await self.memories.find_by_id(_searchable(memory_id))
        if memory is None:
            raise editing.unknown_memory(memory_id)
        sources = await self._beside(browsing.sources, memory.rowid)
        changes = await history.changes_of(self.database, memory_id)
        why = tuple(_why(memory, len(sources), len(changes), self.clock.now()))
        return MemoryDetail(
            _view(memory, TEXT_CHARS),
            why,
            sources,
            await self._beside(browsing.derived, memory.rowid),
            await self._beside(browsing.supersedes, memory.rowid),
            tuple(_change(change) for change in changes[-MOST_SHOWN:]),
        )

    async def edit_memory(self, memory_id: str, edit: MemoryEdit) -> RunView:
        """Change a memory by hand."""
        columns = {
            name: value
            for name in ("text", "importance", "valid_from", "valid_to", "expires_at", "pinned")
            if (value := getattr(edit, name)) is not None
        }
        if "text" in columns:
            columns["text"] = without_controls(columns["text"]).strip()
        if not columns or columns.get("text") == "":
            raise UserError(
                "nothing_to_change", tr("There is nothing to change."), tr("Give a text or a value."), ExitCode.USAGE
            )
        run = await self.database.write(lambda c: editing.edit(c, _searchable(memory_id), columns, self.clock.now()))
        if run is None:
            raise UserError("nothing_changed", tr("It is like that already; nothing was changed."))
        self.memories.vectors.follow()
        return await self._run(run)

    async def memory_runs(self, limit: int = 20) -> tuple[RunView, ...]:
        """Return the last runs."""
        return tuple(_run(run) for run in await history.list_runs(self.database, max(1, min(limit, 1000))))

    async def show_memory_run(self, run_id: int) -> RunDetail:
        """Return one run with its changes."""
        run, changes = await history.show_run(self.database, run_id)
        return RunDetail(
            _run(run), tuple(_change(change) for change in changes[:MOST_SHOWN]), max(0, len(changes) - MOST_SHOWN)
        )

    async def undo_memory_run(self, run_id: int | None = None) -> RunView:
        """Take a run back."""
        if run_id is None:
            if (last := await history.last_run(self.database)) is None:
                raise UserError("nothing_to_undo", tr("There is nothing to take back."))
            run_id = last.id
        await history.undo_run(self.database, run_id, self.clock.now())
        await self.database.erase_traces()
        self.memories.vectors.follow()
        return await self._run(run_id)

    async def preview_forget(self, ids: tuple[str, ...]) -> ErasurePreview:
        """Return what `forget` would erase."""
        return _preview(await self.memories.erasing.preview(ids))

    async def forget(self, ids: tuple[str, ...]) -> ErasureView:
        """Erase memories; somebody waits for it to be done."""
        return _receipt(await self.memories.erasing.erase(ids, patient=True))

    async def export_memories(self, path: str, form: ExportForm = "json", overwrite: bool = False) -> ExportView:
        """Write all memories to a file or folder."""
        done = await exporting.export(self.database, Path(path), form, overwrite, self.clock.now())
        return ExportView(str(done.path), form, done.memories, done.files, done.size_bytes)

    async def preview_import(self, path: str, form: ImportForm = "auto", mine: bool = False) -> ImportPreview:
        """Say what an import would bring."""
        seen = await importing.preview(self.database, Path(path), form, mine, self.clock.now())
        return ImportPreview(
            path, seen.form, seen.total, seen.new, seen.known, seen.erased, dict(seen.kinds), dict(seen.labels),
            seen.oldest, seen.newest, tuple(_clipped(text, BESIDE_CHARS) for text in seen.first), tuple(seen.notes),
        )  # fmt: skip

    async def import_memories(self, path: str, form: ImportForm = "auto", mine: bool = False) -> ImportView:
        """Import as one run."""
        done = await importing.run(self.database, Path(path), form, mine, self.clock.now())
        self.memories.vectors.follow()
        return ImportView(done.run_id, done.new, done.known, done.erased)

    async def tidy_memories(self, confirmed: bool = False) -> TidyView:
        """Let memories age now."""
        aged = await self.care.tidy(confirmed)
        waits = aged.too_many and not confirmed
        return TidyView(aged.moved, aged.archived, 0 if waits else len(aged.ending), len(aged.ending) if waits else 0)

    async def _beside(
        self, look: Callable[[apsw.Connection, int], list[StoredMemory]], rowid: int
    ) -> tuple[MemoryView, ...]:
        found = await self.database.read(lambda connection: look(connection, rowid))
        return tuple(_view(memory, BESIDE_CHARS) for memory in found)

    async def _run(self, run_id: int) -> RunView:
        return _run((await history.show_run(self.database, run_id))[0])


def _view(memory: StoredMemory, most_chars: int) -> MemoryView:
    text = _clipped(memory.text, most_chars)
    return MemoryView(
        memory.id, text, memory.tier, memory.kind, memory.speaker, memory.source, memory.session_id, memory.turn_id,
        memory.created_at, memory.observed_at, memory.valid_from, memory.valid_to, memory.expires_at,
        memory.importance, memory.confidence, memory.pinned, memory.access_count, memory.last_access_at, memory.label,
        memory.purpose, memory.superseded_by,
    )  # fmt: skip


def _searchable(word: str) -> str:
    """Return a word of a command line, where bytes that are no UTF-8 come as what no file of ours can hold."""
    return word.encode("utf-8", "replace").decode()


def _why(memory: StoredMemory, sources: int, changes: int, now: datetime) -> list[str]:
    day = memory.created_at[:10]
    if sources and memory.kind != "turn":
        sentences = [tr("Learnt from {count} memories, the last of {day}.", count=sources, day=day)]
    elif memory.source.startswith("import:"):
        sentences = [tr("Imported ({source}); it is of {day}.", source=memory.source.removeprefix("import:"), day=day)]
    elif memory.speaker == "assistant":
        sentences = [tr("The agent said it on {day}.", day=day)]
    elif memory.kind == "turn":
        sentences = [tr("You said it on {day}.", day=day)]
    else:
        sentences = [tr("You asked on {day} for it to be kept.", day=day)]
    if memory.label.integrity == "untrusted":
        origins = ", ".join(memory.label.origins) or tr("not known")
        sentences.append(tr("It is not trusted: you did not write what it comes from ({origins}).", origins=origins))
    if memory.confidence < 1.0:
        sentences.append(tr("How sure: {percent} %.", percent=round(100 * memory.confidence)))
    if changes:
        sentences.append(tr("It was changed {count} times since.", count=changes))
    if memory.superseded_by is not None:
        sentences.append(tr("It no longer holds: {id} took its place.", id=memory.superseded_by))
    elif memory.valid_to is not None and editing.parse_moment(memory.valid_to, now) <= now:
        sentences.append(tr("It held until {day}.", day=memory.valid_to[:10]))
    if memory.pinned:
        sentences.append(tr("You pinned it."))
    return sentences


def _preview(seen: Preview) -> ErasurePreview:
    parts = (
        (seen.asked, tr("asked for, or what that was made of")),
        (seen.said_with, tr("said in the same turn")),
        (seen.derived, tr("made of it")),
    )
    going = [
        GoingView(memory.id, memory.kind, _clipped(memory.text, BESIDE_CHARS), memory.created_at, why)
        for memories, why in parts
        for memory in memories
    ]
    counts = {"memories": len(going), "messages": seen.messages}
    mentions = tuple(
        MentionView(
            mention.id, _clipped(mention.text, BESIDE_CHARS), mention.created_at, mention.speaker,
            ", ".join(mention.why) or tr("another version of it"),
        )
        for mention in seen.mentions
    )  # fmt: skip
    more = max(0, len(going) - MOST_SHOWN)
    return ErasurePreview(tuple(going[:MOST_SHOWN]), counts, mentions, seen.read_again, seen.copies, seen.unknown, more)


def _receipt(erasure: Erasure) -> ErasureView:
    return ErasureView(erasure.id, erasure.erased_at, erasure.asked, erasure.counts, erasure.pending)


def _run(run: history.Run) -> RunView:
    return RunView(run.id, run.kind, run.started_at, run.finished_at, run.undone_at, run.note, run.changes)


def _change(change: history.Change) -> ChangeView:
    return ChangeView(change.run_id, change.memory_id, change.action, _short(change.before), _short(change.after))


def _short(columns: dict[str, Any] | None) -> dict[str, Any] | None:
    if columns is None:
        return None
    return {name: _clipped(value, BESIDE_CHARS) if isinstance(value, str) else value for name, value in columns.items()}


def _clipped(text: str, most_chars: int) -> str:
    return text if len(text) <= most_chars else text[:most_chars].rstrip() + " […]"
