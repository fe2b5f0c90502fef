"""A second opinion on what a memory means, for questions whose answers say none of their words.

Owns what a second engine is shown of a memory: its own words that tell something, where the first was shown the turn
before it too. Must not know how hits are found or weighed. Pure.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from operator import mul

from openclaw_desktop.memory.recall.words import STOP_WORDS, WORD

# So many of the best hits are compared, by the words among so many characters of each.
COMPARED = 50
COMPARED_CHARS = 1_000


def compared_text(text: str) -> str:
    """Return the words of `text` that tell something, as the second engine is shown them."""
    words = WORD.findall(text[:COMPARED_CHARS].lower())
    return " ".join(word for word in words if word not in STOP_WORDS)


def cosines_of(question: bytes, texts: Sequence[bytes]) -> list[float]:
    """Return the cosine of each text's vector with the question's; all are normalised, float32."""
    asked = array("f", question)
    return [sum(map(mul, array("f", text), asked)) for text in texts]
