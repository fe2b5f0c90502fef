"""The commands over memory as a whole: looked at, put right, taken back, erased, written out and read in.

Owns their values and their protocol, a part of `AgentService`. Must not know any front end, nor how a thing is done.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from openclaw_desktop.core.labels import Label
from openclaw_desktop.memory.records import Kind, Tier

# "none": neither, or taken back.
Mark = Literal["up", "down", "none"]
ExportForm = Literal["json", "markdown"]
ImportForm = Literal["auto", "openclaw", "chatgpt", "claude", "jsonl"]


@dataclass(frozen=True, slots=True)
class MemoryHit:
    """One memory, as `recall --json` prints it."""

    id: str
    text: str
    tier: str
    score: float
    why: str
    created_at: str
    source: str
    label: Label
    purpose: str


@dataclass(frozen=True, slots=True)
class RecallAnswer:
    """What `recall` found, best first."""

    query: str
    took_ms: float
    hits: tuple[MemoryHit, ...]


@dataclass(frozen=True, slots=True)
class MemoryView:
    """A memory with all that is stored of it. Times are ISO 8601; `superseded_by`: the id of what took its place."""

    id: str
    text: str
    tier: Tier
    kind: Kind
    speaker: str
    source: str
    session_id: str | None
    turn_id: str | None
    created_at: str
    observed_at: str
    valid_from: str | None
    valid_to: str | None
    expires_at: str | None
    importance: float
    confidence: float
    pinned: bool
    access_count: int
    last_access_at: str | None
    label: Label
    purpose: str
    superseded_by: str | None


@dataclass(frozen=True, slots=True)
class MemoryQuery:
    """What to list. `since`: an ISO date or time; `everything`: what is superseded or expired too."""

    tier: Tier | None = None
    kind: Kind | None = None
    since: str | None = None
    contains: str | None = None
    everything: bool = False
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class MemoryPage:
    """Memories, newest first. `total`: how many fit the query; `next_offset`: where to go on, None at the end."""

    memories: tuple[MemoryView, ...]
    total: int
    next_offset: int | None


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change of a memory. `before` None: it was added; `after` None: it was removed."""

    run_id: int
    memory_id: str
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class RunView:
    """What changed memories together: a consolidation, correction, edit or import. `undone_at`: when taken back."""

    id: int
    kind: str
    started_at: str
    finished_at: str | None
    undone_at: str | None
    note: str
    changes: int


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run and its changes in order; no more than a front end can show. `more`: how many were left out."""

    run: RunView
    changes: tuple[ChangeView, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class MemoryDetail:
    """A memory and what is known about it. `why`: why it is believed, as sentences.

    `more`: how many "sources", "derived", "supersedes" and "changes" were left out, where they are too many to show.
    """

    memory: MemoryView
    why: tuple[str, ...]
    sources: tuple[MemoryView, ...]
    derived: tuple[MemoryView, ...]
    supersedes: tuple[MemoryView, ...]
    changes: tuple[ChangeView, ...]
    more: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MemoryEdit:
    """What to change: None leaves a thing as it is, "" takes a time away. `text` is the user's own from then on."""

    text: str | None = None
    importance: float | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    expires_at: str | None = None
    pinned: bool | None = None


@dataclass(frozen=True, slots=True)
class LimitView:
    """One of the user's limits. `used` of `limit`, both in `unit`."""

    name: str
    used: int
    limit: int
    unit: str


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """What is kept. `count`: by tier and kind; `facts_share`: of all (0-1); `unfinished`: erasures to finish."""

    count: dict[str, dict[str, int]]
    total: int
    db_bytes: int
    encrypted: bool
    oldest: str | None
    newest: str | None
    facts_share: float
    superseded: int
    expired: int
    pinned: int
    untrusted: int
    erased: int
    unfinished: int
    limits: tuple[LimitView, ...]


@dataclass(frozen=True, slots=True)
class GoingView:
    """A memory that an erasure takes along, and why."""

    id: str
    kind: str
    text: str
    created_at: str
    why: str


@dataclass(frozen=True, slots=True)
class MentionView:
    """A text that stays though it speaks of the same; `id` is of a memory or a turn and can be erased by it."""

    id: str
    text: str
    created_at: str
    speaker: str
    why: str


@dataclass(frozen=True, slots=True)
class ErasurePreview:
    """What an erasure would take. `counts`: by kind, as in the receipt, and all `memories`.

    `copies`: backups that are searched; `unknown`: ids of nothing.
    `more`: how many of `going` were left out, because they are too many to show. `mention_ids`: of all mentions, those
    too that were left out.
    """

    going: tuple[GoingView, ...]
    counts: dict[str, int]
    mentions: tuple[MentionView, ...]
    read_again: int
    copies: int
    unknown: tuple[str, ...]
    more: int = 0
    mention_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ErasureView:
    """The receipt of an erasure, without a word of what it was. `pending`: what is not done yet, "" where all is."""

    id: str
    erased_at: str
    forgotten: int
    counts: dict[str, int] = field(default_factory=dict)
    pending: str = ""


@dataclass(frozen=True, slots=True)
class ExportView:
    """What was written where.

    `left_out`: memories that have no place in the form: summaries, what was replaced, and (`withheld` of these) facts
    that are not trusted, on which other programs would act. `removed`: files of an earlier export that went.
    """

    path: str
    form: ExportForm
    memories: int
    files: int
    size_bytes: int
    left_out: int = 0
    withheld: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What an import would bring. `new` of `total`; `known`: there already; `erased`: was erased here once.

    `labels`: how many get which integrity; `first`: the first new ones; `notes`: sentences on what is left out.
    """

    path: str
    form: ImportForm
    total: int
    new: int
    known: int
    erased: int
    kinds: dict[str, int]
    labels: dict[str, int]
    oldest: str | None
    newest: str | None
    first: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportView:
    """What an import brought; `run_id` takes it back (None: nothing was new)."""

    run_id: int | None
    added: int
    known: int
    erased: int


@dataclass(frozen=True, slots=True)
class TidyView:
    """What a look at the tiers did. `waiting`: ends that wait, because the clock may be wrong."""

    moved: int
    archived: int
    ended: int
    waiting: int


@dataclass(frozen=True, slots=True)
class FeedbackView:
    """What the user thinks of the answer of a turn. `note`: in their own words."""

    turn_id: str
    answer: str
    mark: Mark
    note: str


class MemoryCommands(Protocol):
    """Every command raises `UserError` with a sentence for people."""

    async def remember(self, text: str) -> MemoryHit:
        """Keep `text`, said by the user; returns after the commit."""
        ...

    async def recall(self, query: str, k: int = 10) -> RecallAnswer:
        """Find up to `k` memories, best first."""
        ...

    async def memory_stats(self) -> MemoryStats:
        """Say what is kept, and how near the user's limits are."""
        ...

    async def list_memories(self, query: MemoryQuery) -> MemoryPage:
        """Return memories, newest first, no more than one frame of the socket can hold."""
        ...

    async def show_memory(self, memory_id: str) -> MemoryDetail:
        """Return one memory with its sources, what became of it, and why it is believed."""
        ...

    async def edit_memory(self, memory_id: str, edit: MemoryEdit) -> RunView:
        """Change a memory by hand; returns the run that `undo_memory_run` takes back."""
        ...

    async def memory_runs(self, limit: int = 20) -> tuple[RunView, ...]:
        """Return what changed memories lately, newest first."""
        ...

    async def show_memory_run(self, run_id: int) -> RunDetail:
        """Return one run with its changes."""
        ...

    async def undo_memory_run(self, run_id: int | None = None) -> RunView:
        """Take a run back, the last one where None, and return it as it is then."""
        ...

    async def preview_forget(self, ids: tuple[str, ...]) -> ErasurePreview:
        """Return what `forget` would erase, and what would stay though it speaks of the same."""
        ...

    async def forget(self, ids: tuple[str, ...]) -> ErasureView:
        """Erase memories and turns with all that was made of them; returns when no trace is left."""
        ...

    async def export_memories(self, path: str, form: ExportForm = "json", overwrite: bool = False) -> ExportView:
        """Write all memories to the absolute `path`, for the user's eyes alone."""
        ...

    async def preview_import(self, path: str, form: ImportForm = "auto", mine: bool = False) -> ImportPreview:
        """Read what lies at the absolute `path` and say what importing it would bring; changes nothing."""
        ...

    async def import_memories(self, path: str, form: ImportForm = "auto", mine: bool = False) -> ImportView:
        """Import it as one run. `mine`: the user says that they wrote what is marked as theirs."""
        ...

    async def give_feedback(
        self, turn_id: str | None = None, mark: Mark | None = None, note: str | None = None
    ) -> FeedbackView:
        """Keep what the user thinks of a turn's answer, None: the last one; return what stands then."""
        ...

    async def tidy_memories(self, confirmed: bool = False) -> TidyView:
        """Let memories age now; `confirmed`: also where more than a fifth would end at once."""
        ...
