"""Memories as a prompt is shown them.

Owns these words. Must not know how memories are found. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.protocols import Memory
from openclaw_desktop.core.tokens import clip

MEMORY_TOKENS = 150
ENDED = ", which is no longer true"


def memory_lines(memories: Sequence[Memory]) -> str:
    """Return memories as lines of a prompt: when, by whom, and the text, cut to what a prompt can spare."""
    return "\n".join(
        f"- on {memory.created_at[:10]} {_teller(memory.label)}{ENDED if memory.ended else ''}: "
        f'"{clip(memory.text, MEMORY_TOKENS)}"'
        for memory in memories
    )


def _teller(label: Label) -> str:
    return "a text that the user did not write said" if label.integrity == "untrusted" else "the user said"
