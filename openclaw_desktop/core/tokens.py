"""How much of a prompt a text takes, without a model at hand.

Owns the estimate. It errs on the large side: what it lets through fits.
"""

from __future__ import annotations

ASCII_CHARS_PER_TOKEN = 3


def estimate_tokens(text: str) -> int:
    """Return at least how many tokens `text` has in the models used here: 3 ASCII characters, or 1 other, a token."""
    other = sum(1 for character in text if ord(character) > 127)
    return (len(text) - other) // ASCII_CHARS_PER_TOKEN + other + 1


def clip(text: str, tokens: int) -> str:
    """Return the longest start of `text` within `tokens`, with an ellipsis where it was cut."""
    if estimate_tokens(text) <= tokens:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if estimate_tokens(text[:middle]) <= tokens else (low, middle - 1)
    return text[:low] + "…"
