"""Graphics processors: the protocol of those who look for one, and what they hand over.

Owns the types. Must not know what a model needs, nor whether llama.cpp can use a card.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

GpuKind = Literal["metal", "cuda", "vulkan"]
# A driver that hangs must not take the agent with it.
ASK_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card: the interface that reaches it, its name, and its memory in bytes (None: it does not say)."""

    kind: GpuKind
    name: str
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class GpuFinding:
    """The cards that programs can reach, and in a sentence each why others cannot be."""

    gpus: tuple[Gpu, ...] = ()
    reasons: tuple[str, ...] = ()


class GpuHandler(Protocol):
    """Looks for cards by one interface."""

    def find(self) -> GpuFinding:
        """Return what there is; never raises. May wait for a driver up to ASK_LIMIT_S."""
        ...
