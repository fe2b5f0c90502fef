"""The entry that starts a program at login, and which kind of it this machine reads.

Owns the protocol and the choice. Must not know who wants it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol


class LaunchEntry(Protocol):
    """One thing that starts the agent by itself."""

    @property
    def place(self) -> str:
        """Where it is written."""
        ...

    def installed(self) -> bool:
        """Return whether it is there."""
        ...

    def program(self) -> str:
        """Return the program that it starts, "" where it is not there or can't be read."""
        ...

    def install(self, command: Sequence[str]) -> bool:
        """Write it, in the place of an older one; False where it was so already. Raises UserError."""
        ...

    def remove(self) -> bool:
        """Take it away; False where there was none. Raises UserError."""
        ...


def choose_autostart(environ: Mapping[str, str] | None = None) -> LaunchEntry:
    """Return the entry of this system's kind."""
    environ = os.environ if environ is None else environ
    if sys.platform == "darwin":
        from openclaw_desktop.system.autostart.launch_agent import LaunchAgent

        return LaunchAgent(Path.home() / "Library" / "LaunchAgents")
    if sys.platform == "win32":
        from openclaw_desktop.system.autostart.run_key import RunKey

        return RunKey()
    from openclaw_desktop.system.autostart.xdg import XdgAutostart

    return XdgAutostart(Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "autostart")
