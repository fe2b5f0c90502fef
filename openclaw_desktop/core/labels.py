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

    @property
    def foreign_origins(self) -> tuple[str, ...]:
        """Where text that the user did not write came from; () where none of it is untrusted."""
        return tuple(origin for origin in self.origins if origin != "user") if self.integrity == "untrusted" else ()


SYSTEM = Label("system", "public")
USER = Label("user", "private", ("user",))
