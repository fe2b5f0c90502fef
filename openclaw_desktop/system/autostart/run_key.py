"""A value below the user's Run key (Windows). Written; never run so far.

Owns that value. Must not know what it starts.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.system.autostart.entry_file import check_words

if sys.platform == "win32":
    import winreg

KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"
NAME = "OpenCLaw Desktop"


def command_line(command: Sequence[str]) -> str:
    """Return `command` as Windows reads it back."""
    check_words(list(command))
    return subprocess.list2cmdline(command)


class RunKey:
    """`LaunchEntry` in the registry."""

    @property
    def place(self) -> str:
        """The key and its value's name."""
        return rf"HKEY_CURRENT_USER\{KEY}\{NAME}"

    def installed(self) -> bool:
        """Return whether the value is there."""
        return self._read() is not None

    def program(self) -> str:
        """Return the first word of the value."""
        line = self._read() or ""
        return line[1:].partition('"')[0] if line.startswith('"') else line.partition(" ")[0]

    def install(self, command: Sequence[str]) -> bool:
        """Set the value."""
        line = command_line(command)
        if self._read() == line:
            return False
        if sys.platform == "win32":
            try:
                with winreg.CreateKey(winreg.HKEY_CURRENT_USER, KEY) as key:
                    winreg.SetValueEx(key, NAME, 0, winreg.REG_SZ, line)
            except OSError as error:
                raise _refused(error) from error
        return True

    def remove(self) -> bool:
        """Delete the value."""
        if self._read() is None:
            return False
        if sys.platform == "win32":
            try:
                with winreg.OpenKey(winreg.HKEY_CURRENT_USER, KEY, 0, winreg.KEY_SET_VALUE) as key:
                    winreg.DeleteValue(key, NAME)
            except OSError as error:
                raise _refused(error) from error
        return True

    def _read(self) -> str | None:
        if sys.platform == "win32":
            try:
                with winreg.OpenKey(winreg.HKEY_CURRENT_USER, KEY) as key:
                    return str(winreg.QueryValueEx(key, NAME)[0])
            except OSError:
                return None
        return None


def _refused(error: OSError) -> UserError:
    return UserError(
        "entry_not_written",
        tr("The registry can't be changed: {reason}.", reason=error.strerror or error),
        tr("Check that you may write there."),
    )
