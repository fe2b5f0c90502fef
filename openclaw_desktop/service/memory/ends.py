"""Both ends of the memory commands: in the agent's process, and over its socket.

Owns the way of each command to where it is done. Must not know how. Loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from openclaw_desktop.service.memory.api import (
    ErasurePreview,
    ErasureView,
    ExportForm,
    ExportView,
    FeedbackView,
    ImportForm,
    ImportPreview,
    ImportView,
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
from openclaw_desktop.service.wire import encode

if TYPE_CHECKING:  # a front end that attaches has no use for it
    from openclaw_desktop.service.memory.desk import MemoryDesk

T = TypeVar("T")

MEMORY_COMMANDS = (
    "memory_stats", "list_memories", "show_memory", "edit_memory", "memory_runs", "show_memory_run",
    "undo_memory_run", "preview_forget", "forget", "export_memories", "preview_import", "import_memories",
    "give_feedback", "tidy_memories",
)  # fmt: skip


class LocalMemory(ABC):
    """`MemoryCommands` of the agent's own process."""

    @property
    @abstractmethod
    def memory_desk(self) -> MemoryDesk:
        """Who does them."""

    async def memory_stats(self) -> MemoryStats:
        """Say what is kept."""
        return await self.memory_desk.memory_stats()

    async def list_memories(self, query: MemoryQuery) -> MemoryPage:
        """Return memories."""
        return await self.memory_desk.list_memories(query)

    async def show_memory(self, memory_id: str) -> MemoryDetail:
        """Return one memory."""
        return await self.memory_desk.show_memory(memory_id)

    async def edit_memory(self, memory_id: str, edit: MemoryEdit) -> RunView:
        """Change a memory."""
        return await self.memory_desk.edit_memory(memory_id, edit)

    async def memory_runs(self, limit: int = 20) -> tuple[RunView, ...]:
        """Return the last runs."""
        return await self.memory_desk.memory_runs(limit)

    async def show_memory_run(self, run_id: int) -> RunDetail:
        """Return one run."""
        return await self.memory_desk.show_memory_run(run_id)

    async def undo_memory_run(self, run_id: int | None = None) -> RunView:
        """Take a run back."""
        return await self.memory_desk.undo_memory_run(run_id)

    async def preview_forget(self, ids: tuple[str, ...]) -> ErasurePreview:
        """Return what `forget` would erase."""
        return await self.memory_desk.preview_forget(ids)

    async def forget(self, ids: tuple[str, ...]) -> ErasureView:
        """Erase memories."""
        return await self.memory_desk.forget(ids)

    async def export_memories(self, path: str, form: ExportForm = "json", overwrite: bool = False) -> ExportView:
        """Write all memories out."""
        return await self.memory_desk.export_memories(path, form, overwrite)

    async def preview_import(self, path: str, form: ImportForm = "auto", mine: bool = False) -> ImportPreview:
        """Say what an import would bring."""
        return await self.memory_desk.preview_import(path, form, mine)

    async def import_memories(self, path: str, form: ImportForm = "auto", mine: bool = False) -> ImportView:
        """Import as one run."""
        return await self.memory_desk.import_memories(path, form, mine)

    async def give_feedback(
        self, turn_id: str | None = None, mark: Mark | None = None, note: str | None = None
    ) -> FeedbackView:
        """Keep what the user thinks of an answer."""
        return await self.memory_desk.give_feedback(turn_id, mark, note)

    async def tidy_memories(self, confirmed: bool = False) -> TidyView:
        """Let memories age."""
        return await self.memory_desk.tidy_memories(confirmed)


class _Call(Protocol):
    async def __call__(self, method: str, kind: type[T], **params: Any) -> T: ...


class RemoteMemory:
    """`MemoryCommands` of a running agent."""

    _call: _Call

    async def memory_stats(self) -> MemoryStats:
        """Say what is kept."""
        return await self._call("memory_stats", MemoryStats)

    async def list_memories(self, query: MemoryQuery) -> MemoryPage:
        """Return memories."""
        return await self._call("list_memories", MemoryPage, query=encode(query))

    async def show_memory(self, memory_id: str) -> MemoryDetail:
        """Return one memory."""
        return await self._call("show_memory", MemoryDetail, memory_id=memory_id)

    async def edit_memory(self, memory_id: str, edit: MemoryEdit) -> RunView:
        """Change a memory."""
        return await self._call("edit_memory", RunView, memory_id=memory_id, edit=encode(edit))

    async def memory_runs(self, limit: int = 20) -> tuple[RunView, ...]:
        """Return the last runs."""
        return await self._call("memory_runs", tuple[RunView, ...], limit=limit)

    async def show_memory_run(self, run_id: int) -> RunDetail:
        """Return one run."""
        return await self._call("show_memory_run", RunDetail, run_id=run_id)

    async def undo_memory_run(self, run_id: int | None = None) -> RunView:
        """Take a run back."""
        return await self._call("undo_memory_run", RunView, run_id=run_id)

    async def preview_forget(self, ids: tuple[str, ...]) -> ErasurePreview:
        """Return what `forget` would erase."""
        return await self._call("preview_forget", ErasurePreview, ids=ids)

    async def forget(self, ids: tuple[str, ...]) -> ErasureView:
        """Erase memories."""
        return await self._call("forget", ErasureView, ids=ids)

    async def export_memories(self, path: str, form: ExportForm = "json", overwrite: bool = False) -> ExportView:
        """Write all memories out."""
        return await self._call("export_memories", ExportView, path=path, form=form, overwrite=overwrite)

    async def preview_import(self, path: str, form: ImportForm = "auto", mine: bool = False) -> ImportPreview:
        """Say what an import would bring."""
        return await self._call("preview_import", ImportPreview, path=path, form=form, mine=mine)

    async def import_memories(self, path: str, form: ImportForm = "auto", mine: bool = False) -> ImportView:
        """Import as one run."""
        return await self._call("import_memories", ImportView, path=path, form=form, mine=mine)

    async def give_feedback(
        self, turn_id: str | None = None, mark: Mark | None = None, note: str | None = None
    ) -> FeedbackView:
        """Keep what the user thinks of an answer."""
        return await self._call("give_feedback", FeedbackView, turn_id=turn_id, mark=mark, note=note)

    async def tidy_memories(self, confirmed: bool = False) -> TidyView:
        """Let memories age."""
        return await self._call("tidy_memories", TidyView, confirmed=confirmed)
