"""How much the machine can spare, and whether somebody is at it.

Owns the levels and the event of their change. Must not know how they are found, nor what follows of them. Standard
library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

# From "full" (mains) down to "critical" (about to run out).
PowerLevel = Literal["full", "saver", "low", "critical"]
Presence = Literal["active", "idle", "away"]

# What share of the cores the model may take.
WORKER_SHARE: Mapping[PowerLevel, float] = MappingProxyType({"full": 1.0, "saver": 0.5, "low": 0.25, "critical": 0.25})


@dataclass(frozen=True, slots=True)
class LevelChanged:
    """The level or the presence is another now; `sentence` says so to people."""

    power: PowerLevel
    presence: Presence
    sentence: str


@dataclass(frozen=True, slots=True)
class Woke:
    """The machine was asleep for about `slept_s` seconds: what waits for a moment looks at the clock anew."""

    slept_s: float
