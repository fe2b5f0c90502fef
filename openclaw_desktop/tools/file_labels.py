"""Whose text a file's text is.

Owns the rule: what the agent wrote keeps the label that it was written with, by its hash and wherever it lies; what
lies in a folder that the user marked as written by them is theirs; all else is untrusted. Must not open a file. Loop.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from openclaw_desktop.core.labels import Confidentiality, Label
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.security.scopes import covers_path
from openclaw_desktop.tools.change_functions import is_temporary

OWN = "file:own"


class Written(Protocol):
    """Which label a text has that the agent wrote."""

    async def note(self, path: str, sha256_hex: str, label: Label) -> None:
        """Note the label of a file's text."""
        ...

    async def foretell(self, path: str, sha256_hex: str, label: Label) -> bool:
        """Note it before it is written; return True where worse is known of that text there."""
        ...

    async def label_of(self, path: str, sha256_hex: str) -> Label | None:
        """Return the label of that text; None where the agent wrote no such."""
        ...


class Granted(Protocol):
    """The standing permissions."""

    async def active(self) -> frozenset[Grant]:
        """Return the grants."""
        ...


class FileLabels:
    """The rule over what is kept."""

    def __init__(self, written: Written, grants: Granted) -> None:
        self._written = written
        self._grants = grants

    async def label_of(self, path: Path, sha256: str | None) -> Label:
        """Return the label of a file's text; `sha256` None: of something that has no hash, such as a folder."""
        origin = f"file:{path}"
        if sha256 is not None and (known := await self._written.label_of(str(path), sha256)) is not None:
            return Label(known.integrity, _private(known), tuple(sorted({*known.origins, origin})))
        if await self.is_own(path):
            return Label("user", "private", (origin,))
        return Label("untrusted", "private", (origin,))

    async def is_own(self, path: Path) -> bool:
        """True where `path` lies in a folder that the user marked as written by them, and is no text half written."""
        if is_temporary(path.name):
            return False
        grants = await self._grants.active()
        return any(grant.capability == OWN and covers_path(grant.scope, str(path)) for grant in grants)

    async def note(self, path: Path, sha256: str, label: Label) -> None:
        """Note the label of a text that the agent wrote, or brought there."""
        await self._written.note(str(path), sha256, label)

    async def foretell(self, path: Path, sha256: str, label: Label) -> bool:
        """Note it before the text is there, so that nothing may come between; True where `note` has to follow."""
        return await self._written.foretell(str(path), sha256, label)


def _private(label: Label) -> Confidentiality:
    return "secret" if label.confidentiality == "secret" else "private"
