"""A property list in ~/Library/LaunchAgents (macOS). Source: launchd.plist(5). Written; never run so far.

Owns the file. It takes effect at the next login. Must not know what it starts.
"""

from __future__ import annotations

import plistlib
from collections.abc import Sequence
from pathlib import Path

from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.system.autostart.entry_file import check_words, remove_entry, write_entry

NAME = "org.openclaw.desktop.plist"


class LaunchAgent:
    """`LaunchEntry` in that folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    @property
    def place(self) -> str:
        """The file."""
        return str(self._path)

    def installed(self) -> bool:
        """Return whether it is there."""
        return self._path.is_file()

    def program(self) -> str:
        """Return the first of its arguments."""
        try:
            words = plistlib.loads(self._path.read_bytes()).get("ProgramArguments") or [""]
        except (OSError, ValueError, AttributeError):
            return ""
        return str(words[0])

    def install(self, command: Sequence[str]) -> bool:
        """Write the file."""
        return write_entry(self._path, plist_bytes(command))

    def remove(self) -> bool:
        """Delete it."""
        return remove_entry(self._path)


def plist_bytes(command: Sequence[str]) -> bytes:
    """Return the file that starts `command`."""
    check_words(list(command))
    agent = plistlib.loads(resource_path("launch", NAME).read_bytes())
    agent["ProgramArguments"] = list(command)
    return plistlib.dumps(agent)
