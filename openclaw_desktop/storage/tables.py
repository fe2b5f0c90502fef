"""A file of TOML tables, one for each thing that the user added under a name: they may write in it as well.

Owns reading it, and changing it so that comments and what is not ours stay. Must not know what a table means, nor what
the things are called. Any thread; a few milliseconds of disk.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tomlkit

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.storage.atomic import write_atomically


class TableFile:
    """The file. `broken` makes the error for one that can't be understood, of its path and the reason."""

    def __init__(self, path: Path, broken: Callable[[Path, str], UserError]) -> None:
        self.path = path
        self._broken = broken

    def text(self) -> str:
        """Return what stands in it, "" where there is none; raises UserError."""
        try:
            return self.path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise self._broken(self.path, str(error)) from error

    def tables(self, text: str) -> dict[str, Any]:
        """Return what `text` says, by its names; raises UserError."""
        try:
            return tomllib.loads(text)
        except ValueError as error:
            raise self._broken(self.path, str(error)) from error

    def document(self) -> tomlkit.TOMLDocument:
        """Return it with its comments, to be changed; raises UserError."""
        text = self.text()
        # It may have been broken since it was read first.
        self.tables(text)
        return tomlkit.parse(text)

    def write(self, text: str) -> None:
        """Put `text` in its place, whole or not at all; raises UserError."""
        write_atomically(self.path, text.encode())
