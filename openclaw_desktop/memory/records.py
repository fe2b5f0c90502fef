"""What a memory is, as plain values.

Owns the types that cross the package's face. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from openclaw_desktop.core.labels import USER, Label

Tier = Literal["short", "medium", "long"]
Kind = Literal["fact", "turn"]


@dataclass(frozen=True, slots=True)
class NewMemory:
    """A text to keep. `created_at` is ISO 8601, now where None; `importance` is between 0 and 1."""

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


@dataclass(frozen=True, slots=True)
class Recollection:
    """A memory that was found. `score` orders hits of one query; `relevance` (0-1) compares across queries."""

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
