"""A candidate of a search with what speaks for it.

Owns that value. Must not know how it is found, scored or shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from openclaw_desktop.memory.recall.candidates import Candidate
from openclaw_desktop.memory.recall.scoring import Signals

# A fact that fits the question so much less than the turn it came from is not what the question is about.
SAME_MATTER = 0.6


@dataclass(slots=True)
class Hit:
    """A candidate with what speaks for it.

    `newer`: it says of itself that something changed, since another hit was told of the same.
    `ended`: the memory by which it is known that it holds no more: itself, or a fact that was made of it. `hidden`: and
    the question does not ask for what was. `corrects`: it took the place of a fact that the question is about.
    `questioned`: it stays, for it is pinned or tells more, and was said otherwise since.
    `part`: which of the question's alternatives it fits best. `matched`: the words of the question that stand in it,
    and `coverage`, their share, are known of the best alone.
    """

    memory: Candidate
    signals: Signals
    hidden: bool = False
    corrects: bool = False
    questioned: bool = False
    newer: bool = False
    ended: Candidate | None = None
    part: int = 0
    score: float = 0.0
    coverage: float = 0.0
    matched: tuple[str, ...] = ()

    def stands_for(self, turn: Hit) -> bool:
        """Return whether what the question asks of `turn` is what this fact, which came from it, says."""
        return self.signals.strength >= SAME_MATTER * turn.signals.strength
