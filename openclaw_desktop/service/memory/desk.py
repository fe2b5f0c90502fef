"""Memory by hand: the commands of `MemoryCommands` over the memories of one file.

Owns the way of each command to the piece that does it. Must not know any front end, nor how a memory is found, changed
or erased. Loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, without_controls
from openclaw_desktop.memory import browsing, editing, feedback, history
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.memory.transfer import exporting, importing
from openclaw_desktop.service.memory import views
from openclaw_desktop.service.memory.api import (
    ErasurePreview,
    ErasureView,
    ExportForm,
    ExportView,
    FeedbackView,
    ImportForm,
    ImportPreview,
    ImportView,
    LimitView,
    Mark,
    MemoryDetail,
    MemoryEdit,
    MemoryPage,
    MemoryQuery,
    MemoryStats,
    RunDetail,
    RunView,
    TidyView,
)
from openclaw_desktop.service.memory.care import MemoryCare
from openclaw_desktop.service.user_text import user_text
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.settings import MemorySettings

_MARKS: dict[Mark, int] = {"up": 1, "down": -1, "none": 0}


@dataclass(frozen=True, slots=True)
class MemoryDesk:
    """`MemoryCommands` in the agent's process. `size_bytes`: what the file takes; `own_folders`: exports stay out."""

    database: Database
    memories: MemoryStore
    care: MemoryCare
    clock: Clock
    settings: MemorySettings
    size_bytes: Callable[[], int]
    own_folders: tuple[Path, ...] = ()

    async def memory_stats(self) -> MemoryStats:
        """Count what is kept."""
        counts = await self.database.read(lambda connection: browsing.count(connection, self.clock.now()))
        facts = sum(kinds.get("fact", 0) for kinds in counts.by_tier.values())
        size_bytes = self.size_bytes()
        short = sum(counts.by_tier["short"].values())
        limits = [LimitView("short-term memories", short, self.settings.short_term_turns, "memories")]
        if self.settings.limit_mb is not None:
            limits.append(LimitView("file", size_bytes // 1_000_000, self.settings.limit_mb, "MB"))
        if self.settings.keep_turns_mb is not None:
            limits.append(LimitView("file before turns go", size_bytes // 1_000_000, self.settings.keep_turns_mb, "MB"))
        if self.settings.keep_turns_days is not None:
            await self.care.look()
            if (oldest_days := self.care.oldest_days()) is not None:
                limits.append(LimitView("age of turns", int(oldest_days), self.settings.keep_turns_days, "days"))
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
        shown = views.fitting([views.memory_view(memory) for memory in found], least=1)
        end = offset + len(shown)
        return MemoryPage(shown, total, end if end < total else None)

    async def show_memory(self, memory_id: str) -> MemoryDetail:
        """Return one memory and what belongs to it."""
        memory = await self.memories.find_by_id(_searchable(memory_id))
        if memory is None:
            raise editing.unknown_memory(memory_id)
        linked = await self.database.read(lambda connection: browsing.linked(connection, memory.rowid))
        changes = await history.changes_of(self.database, memory.id)
        return views.memory_detail(memory, *linked, changes, self.clock.now())

    async def edit_memory(self, memory_id: str, edit: MemoryEdit) -> RunView:
        """Change a memory by hand."""
        columns = {
            name: value
            for name in ("text", "importance", "valid_from", "valid_to", "expires_at", "pinned")
            if (value := getattr(edit, name)) is not None
        }
        if "text" in columns:
            columns["text"] = without_controls(columns["text"]).strip() and user_text(columns["text"])
        if not columns or columns.get("text") == "":
            raise UserError(
                "nothing_to_change", tr("There is nothing to change."), tr("Give a text or a value."), ExitCode.USAGE
            )
        run = await self.database.write(lambda c: editing.edit(c, _searchable(memory_id), columns, self.clock.now()))
        if run is None:
            raise UserError("nothing_changed", tr("It is like that already; nothing was changed."))
        self.memories.vectors.follow()
        return views.run_view(await history.find_run(self.database, run))

    async def memory_runs(self, limit: int = 20) -> tuple[RunView, ...]:
        """Return the last runs."""
        return views.fitting(
            [views.run_view(run) for run in await history.list_runs(self.database, max(1, min(limit, 1000)))]
        )

    async def show_memory_run(self, run_id: int) -> RunDetail:
        """Return one run with its changes."""
        return views.run_detail(*await history.show_run(self.database, run_id))

    async def undo_memory_run(self, run_id: int | None = None) -> RunView:
        """Take a run back."""
        run = await (history.last_run(self.database) if run_id is None else history.find_run(self.database, run_id))
        if run is None:
            raise UserError("nothing_to_undo", tr("There is nothing to take back."))
        if run.kind == "import" and run.finished_at is None:
            raise UserError(
                "run_unfinished",
                tr("Run {run} can't be taken back: it is still importing.", run=run.id),
                tr("Wait until it is done, then try again."),
            )
        await history.undo_run(self.database, run.id, self.clock.now())
        await self.database.erase_traces()
        self.memories.vectors.follow()
        return views.run_view(await history.find_run(self.database, run.id))

    async def preview_forget(self, ids: tuple[str, ...]) -> ErasurePreview:
        """Return what `forget` would erase."""
        return views.erasure_preview(await self.memories.erasing.preview(ids))

    async def forget(self, ids: tuple[str, ...]) -> ErasureView:
        """Erase memories; somebody waits for it to be done."""
        return views.receipt(await self.memories.erasing.erase(ids, patient=True))

    async def export_memories(self, path: str, form: ExportForm = "json", overwrite: bool = False) -> ExportView:
        """Write all memories to a file or folder."""
        done = await exporting.export(self.database, Path(path), form, overwrite, self.clock.now(), self.own_folders)
        return ExportView(
            str(done.path), form, done.memories, done.files, done.size_bytes, done.left_out, done.withheld, done.removed
        )

    async def preview_import(self, path: str, form: ImportForm = "auto", mine: bool = False) -> ImportPreview:
        """Say what an import would bring."""
        seen = await importing.preview(self.database, Path(path), form, mine, self.clock.now())
        first = tuple(views.clipped(text, views.BESIDE_CHARS) for text in seen.first)
        return ImportPreview(
            path, seen.form, seen.total, seen.new, seen.known, seen.erased, dict(seen.kinds), dict(seen.labels),
            seen.oldest, seen.newest, first, tuple(seen.notes),
        )  # fmt: skip

    async def import_memories(self, path: str, form: ImportForm = "auto", mine: bool = False) -> ImportView:
        """Import as one run."""
        done = await importing.run(self.database, Path(path), form, mine, self.clock.now())
        self.memories.vectors.follow()
        return ImportView(done.run_id, done.new, done.known, done.erased)

    async def give_feedback(
        self, turn_id: str | None = None, mark: Mark | None = None, note: str | None = None
    ) -> FeedbackView:
        """Keep what the user thinks of an answer; without a mark or a note, say what they thought before."""
        asked = _searchable(turn_id) if turn_id is not None else None
        if mark is None and note is None:
            found = await self.database.read(lambda c: feedback.find_feedback(c, asked))
        else:
            moment = self.clock.now().isoformat(timespec="seconds")
            value, words = (_MARKS[mark] if mark else None), (user_text(note) if note is not None else None)
            found = await self.database.write(lambda c: feedback.give_feedback(c, asked, moment, value, words))
        if found is None:
            raise UserError(
                "unknown_answer",
                tr("There is no such answer in memory."),
                tr("ask --json shows the turn_id of an answer; last is the last one."),
            )
        marks: dict[int, Mark] = {value: name for name, value in _MARKS.items()}
        answer = views.clipped(found.answer, views.BESIDE_CHARS)
        return FeedbackView(found.turn_id, answer, marks[found.mark], found.note)

    async def tidy_memories(self, confirmed: bool = False) -> TidyView:
        """Let memories age now."""
        aged = await self.care.tidy(confirmed)
        waiting = self.care.held_back
        return TidyView(aged.moved, aged.archived, len(aged.ending) - waiting, waiting)


def _searchable(word: str) -> str:
    """Return a word of a command line, where bytes that are no UTF-8 come as what no file of ours can hold."""
    return word.encode("utf-8", "replace").decode()
