"""Taking a secret out of what a server sent back.

Owns the forms that a value may come back in. Must not know where it came from. Pure.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

# A shorter one would blot out half of every page, and guards nothing.
SHORTEST_CHARS = 4


class Blotter:
    """Replaces values by `[secret:name]`. `values`: name to value, and to other texts that were made with it."""

    def __init__(self, values: Mapping[str, tuple[str, ...]]) -> None:
        marks: dict[bytes, bytes] = {}
        for name, texts in values.items():
            for text in texts:
                if len(text) >= SHORTEST_CHARS:
                    marks |= dict.fromkeys(_forms(text), f"[secret:{name}]".encode())
        # The longest first: a value may be part of another form of itself.
        self._marks = sorted(marks.items(), key=lambda pair: (-len(pair[0]), pair[0]))
        self._starts = {form[:2] for form in marks}

    @property
    def longest_bytes(self) -> int:
        """How long the longest form is: so much more must be read for one at the end to be seen whole."""
        return len(self._marks[0][0]) if self._marks else 0

    def clean(self, data: bytes) -> bytes:
        """Return `data` without any of them."""
        for form, mark in self._marks:
            data = data.replace(form, mark)
        return data

    def held_bytes(self, data: bytes) -> int:
        """Return how many bytes at the end of `data` may be the beginning of one: they must wait for what follows."""
        longest = min(len(data), self.longest_bytes - 1)
        for at in range(len(data) - longest, len(data)) if longest > 0 else ():
            # Nearly every place is none of theirs by its two first bytes: the loop must not wait for a search.
            if data[at : at + 2] in self._starts or at == len(data) - 1:
                tail = data[at:]
                if any(form.startswith(tail) for form, _ in self._marks):
                    return len(tail)
        return 0

    def clean_text(self, text: str) -> str:
        """Return `text` without any of them."""
        return (
            self.clean(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass") if self._marks else text
        )


def _forms(text: str) -> set[bytes]:
    data = text.encode()
    plain = {
        text,
        quote(text),
        quote(text, safe=""),
        quote_plus(text),
        json.dumps(text)[1:-1],
        html.escape(text),
        html.escape(text, quote=False),
        data.hex(),
        data.hex().upper(),
        text[::-1],
        *_base64_forms(data),
    }
    return {form.encode(code) for form in plain for code in ("utf-8", "utf-16-le", "utf-16-be")}


def _base64_forms(data: bytes) -> set[str]:
    """Return how base64 shows `data` at each of the three places where it may begin in a longer text."""
    forms = set()
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(bytes(shift) + data).decode().rstrip("=")
            # The first and last letters are shared with the neighbours.
            inner = text[(shift * 8 + 5) // 6 : len(text) if (shift + len(data)) % 3 == 0 else -1]
            if len(inner) >= SHORTEST_CHARS:
                forms.add(inner)
    return forms
