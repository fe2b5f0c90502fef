"""A .desktop file in ~/.config/autostart (Linux). Source: the desktop entry and autostart specifications.

Owns the file and its quoting. Must not know what it starts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.system.autostart.entry_file import check_words, remove_entry, write_entry

NAME = "openclaw-desktop.desktop"
_UNESCAPE = re.compile(r"\\(.)")


class XdgAutostart:
    """`LaunchEntry` in that folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    @property
    def place(self) -> str:
        """The file."""
        return str(self._path)

    def installed(self) -> bool:
        """Return whether it is there and not switched off by the desktop."""
        return self._path.is_file() and "\nHidden=true" not in self._path.read_text(encoding="utf-8", errors="replace")

    def program(self) -> str:
        """Return what TryExec says."""
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        found = re.search(r"^TryExec=(.*)$", text, re.MULTILINE)
        return _UNESCAPE.sub(r"\1", found[1]) if found else ""

    def install(self, command: Sequence[str]) -> bool:
        """Write the file."""
        return write_entry(self._path, desktop_text(command).encode())

    def remove(self) -> bool:
        """Delete it."""
        return remove_entry(self._path)


def desktop_text(command: Sequence[str]) -> str:
    """Return the file that starts `command`."""
    check_words(list(command))
    values = {
        "@COMMAND@": " ".join(_quoted(word) for word in command),
        "@PROGRAM@": _string(command[0]),
        "@ICON@": _string(str(resource_path("icons", "openclaw-idle-256.png"))),
    }
    text = resource_path("launch", NAME).read_text(encoding="utf-8")
    return re.sub("@[A-Z]+@", lambda found: values[found[0]], text)


def _quoted(word: str) -> str:
    """Quote an argument, then escape it as every string of such a file is."""
    inner = re.sub(r'(["`$\\])', r"\\\1", word).replace("%", "%%")
    return _string(f'"{inner}"')


def _string(text: str) -> str:
    return text.replace("\\", "\\\\")
