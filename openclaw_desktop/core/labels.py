"""The label that every message, tool result, file and memory carries.

Owns the type alone; the rules (what joins to what, who may act under it) are `security`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Integrity = Literal["user", "system", "untrusted"]
Confidentiality = Literal["public", "private", "secret"]


@dataclass(frozen=True, slots=True)
class Label:
    """Where text came from: how far it is trusted, who may see it, and the ids of its origins, sorted."""

    integrity: Integrity
    confidentiality: Confidentiality
    origins: tuple[str, ...] = ()


SYSTEM = Label("system", "public")
USER = Label("user", "private", ("user",))
