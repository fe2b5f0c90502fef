"""What a memory is, as plain values.

Owns the types that cross the package's face. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from openclaw_desktop.core.labels import USER, Label

# short: turns of late. medium: facts that are offered to every prompt they fit. long: everything else, searchable.
Tier = Literal["short", "medium", "long"]
Kind = Literal["turn", "fact", "summary"]


@dataclass(frozen=True, slots=True)
class NewMemory:
    """A text to keep.

    Times are ISO 8601. `created_at`: when it was said, now where None; `valid_from` and `valid_to`: while it holds;
    `expires_at`: from then on it is never found. `importance` and `confidence` lie between 0 and 1. `derived_from`:
    ids of the memories it was made of. Turns of one `session_id` are kept in the order they come in.
    """

    text: str
    source: str = ""
    created_at: str | None = None
    session_id: str | None = None
    speaker: str = ""
    importance: float = 0.5
    turn_id: str | None = None
    kind: Kind = "fact"
    tier: Tier = "long"
    label: Label = USER
    purpose: str = "assist"
    confidence: float = 1.0
    valid_from: str | None = None
    valid_to: str | None = None
    expires_at: str | None = None
    derived_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredMemory:
    """A memory as it is stored. `observed_at`: when it was stored; `superseded_by`: the id of what took its place.

    `rowid` is its place in the file, for those who join tables; it is no name for others to keep.
    """

    rowid: int
    id: str
    text: str
    tier: Tier
    kind: Kind
    speaker: str
    source: str
    session_id: str | None
    turn_id: str | None
    created_at: str
    created_s: int
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
class Recollection:
    """A memory that was found. `score` orders hits of one query; `relevance` (0-1) compares across queries.

    `why` says what made it a hit, in words for people. `ended`: it holds no more.
    """

    id: str
    text: str
    tier: Tier
    score: float
    created_at: str
    source: str
    why: str
    relevance: float
    kind: Kind
    speaker: str
    session_id: str | None
    importance: float
    label: Label
    purpose: str
    turn_id: str | None = None
    ended: bool = False


def as_recollection(
    memory: StoredMemory, score: float = 0.0, relevance: float = 0.0, why: str = "", ended: bool = False
) -> Recollection:
    """Return a stored memory as a hit."""
    return Recollection(
        memory.id, memory.text, memory.tier, round(score, 4), memory.created_at, memory.source, why,
        round(relevance, 4), memory.kind, memory.speaker, memory.session_id, memory.importance, memory.label,
        memory.purpose, memory.turn_id, ended,
    )  # fmt: skip
