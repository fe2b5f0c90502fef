"""What front ends are shown of memories: as much as fits one frame of the socket, and how much more there is.

Owns how much of an answer a front end gets at once, and the words for why a memory is believed. Must not know any
front end, nor how a memory is found. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.text import tr
from openclaw_desktop.memory import editing, history
from openclaw_desktop.memory.browsing import Linked
from openclaw_desktop.memory.erasing import Erasure, Preview
from openclaw_desktop.memory.records import Recollection, StoredMemory
from openclaw_desktop.service.memory.api import (
    ChangeView,
    ErasurePreview,
    ErasureView,
    GoingView,
    MemoryDetail,
    MemoryHit,
    MemoryView,
    MentionView,
    RunDetail,
    RunView,
)

# Of one text, where JSON may take six bytes a letter, and of all values of an answer with what stands around the texts:
# together below the megabyte of a frame.
TEXT_CHARS = 100_000
PAGE_BYTES = 700_000
# Of what stands beside one memory, each kind.
BESIDE_BYTES = 80_000
BESIDE_CHARS = 1_000
MOST_SHOWN = 100
MOST_NAMED = 20
ORIGIN_CHARS = 200

T = TypeVar("T")


def fitting(views: Sequence[T], room_bytes: int = PAGE_BYTES, least: int = 0) -> tuple[T, ...]:
    """Return the first of `views`, as many as there is room for; `least` of them whatever they take."""
    shown: list[T] = []
    for view in views:
        room_bytes -= len(msgspec.json.encode(view))
        if room_bytes < 0 and len(shown) >= least:
            break
        shown.append(view)
    return tuple(shown)


def memory_view(memory: StoredMemory, most_chars: int = TEXT_CHARS) -> MemoryView:
    """Return a memory with so much of its text."""
    text = clipped(memory.text, most_chars)
    return MemoryView(
        memory.id, text, memory.tier, memory.kind, memory.speaker, memory.source, memory.session_id, memory.turn_id,
        memory.created_at, memory.observed_at, memory.valid_from, memory.valid_to, memory.expires_at,
        memory.importance, memory.confidence, memory.pinned, memory.access_count, memory.last_access_at,
        _named(memory.label), memory.purpose, memory.superseded_by,
    )  # fmt: skip


def memory_hit(found: Recollection, most_chars: int = TEXT_CHARS) -> MemoryHit:
    """Return what was found, with so much of its text."""
    return MemoryHit(
        found.id, clipped(found.text, most_chars), found.tier, found.score, found.why, found.created_at, found.source,
        _named(found.label), found.purpose,
    )  # fmt: skip


def memory_hits(found: Sequence[Recollection]) -> tuple[MemoryHit, ...]:
    """Return all that was found, and only the beginning of each text where the whole of them is too much."""
    whole = tuple(memory_hit(hit) for hit in found)
    if len(fitting(whole, least=1)) == len(whole):
        return whole
    return fitting([memory_hit(hit, BESIDE_CHARS) for hit in found])


def memory_detail(
    memory: StoredMemory,
    sources: Linked,
    derived: Linked,
    supersedes: Linked,
    changes: Sequence[history.Change],
    now: datetime,
) -> MemoryDetail:
    """Return one memory with as much of what belongs to it as fits; of its changes the last."""
    made_of, made_of_it, replaced = (
        fitting([memory_view(one, BESIDE_CHARS) for one in linked.memories], BESIDE_BYTES)
        for linked in (sources, derived, supersedes)
    )
    last = fitting([change_view(change) for change in reversed(changes[-MOST_SHOWN:])], BESIDE_BYTES)
    more = {
        name: total - len(shown)
        for name, total, shown in (
            ("sources", sources.total, made_of),
            ("derived", derived.total, made_of_it),
            ("supersedes", supersedes.total, replaced),
            ("changes", len(changes), last),
        )
        if total > len(shown)
    }
    why = tuple(_why(memory, sources.total, len(changes), now))
    return MemoryDetail(memory_view(memory), why, made_of, made_of_it, replaced, tuple(reversed(last)), more)


def run_detail(run: history.Run, changes: Sequence[history.Change]) -> RunDetail:
    """Return a run with its first changes."""
    shown = fitting([change_view(change) for change in changes[:MOST_SHOWN]])
    return RunDetail(run_view(run), shown, len(changes) - len(shown))


def run_view(run: history.Run) -> RunView:
    """Return one run."""
    return RunView(run.id, run.kind, run.started_at, run.finished_at, run.undone_at, run.note, run.changes)


def change_view(change: history.Change) -> ChangeView:
    """Return one change with the beginnings of its texts."""
    return ChangeView(change.run_id, change.memory_id, change.action, _short(change.before), _short(change.after))


def erasure_preview(seen: Preview) -> ErasurePreview:
    """Return what an erasure would take and leave, as much as fits, and the ids of all that speaks of it."""
    parts = (
        (seen.asked, tr("asked for, or what that was made of")),
        (seen.said_with, tr("said in the same turn")),
        (seen.derived, tr("made of it")),
    )
    going = [
        GoingView(memory.id, memory.kind, clipped(memory.text, BESIDE_CHARS), memory.created_at, why)
        for memories, why in parts
        for memory in memories[:MOST_SHOWN]
    ]
    total = sum(len(memories) for memories, _ in parts)
    shown = fitting(going[:MOST_SHOWN], PAGE_BYTES // 2)
    mentions = [
        MentionView(
            mention.id, clipped(mention.text, BESIDE_CHARS), mention.created_at, mention.speaker,
            ", ".join(mention.why) or tr("another version of it"),
        )
        for mention in seen.mentions
    ]  # fmt: skip
    return ErasurePreview(
        shown,
        {"memories": total, "removed": seen.removed, **seen.counts},
        fitting(mentions[:MOST_SHOWN], PAGE_BYTES // 2),
        seen.read_again,
        seen.copies,
        seen.unknown,
        total - len(shown),
        tuple(mention.id for mention in mentions),
    )


def receipt(erasure: Erasure) -> ErasureView:
    """Return the receipt of an erasure."""
    return ErasureView(erasure.id, erasure.erased_at, erasure.asked, erasure.counts, erasure.pending)


def clipped(text: str, most_chars: int) -> str:
    """Return the beginning of a text, with a mark where that is not all."""
    return text if len(text) <= most_chars else text[:most_chars].rstrip() + " […]"


def _short(columns: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if columns is None else {name: _shortened(value) for name, value in columns.items()}


def _shortened(value: Any) -> Any:
    if isinstance(value, list):  # of ids
        return list(_first_of(value))
    return clipped(value, BESIDE_CHARS) if isinstance(value, str) else value


def _named(label: Label) -> Label:
    return replace(label, origins=_first_of([clipped(origin, ORIGIN_CHARS) for origin in label.origins]))


def _first_of(names: Sequence[str]) -> tuple[str, ...]:
    more = len(names) - MOST_NAMED
    return (*names[:MOST_NAMED], tr("and {count} more", count=more)) if more > 0 else tuple(names)


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
        origins = ", ".join(_named(memory.label).origins) or tr("not known")
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
