"""Opening a file or an address in the program that the desktop has for it.

Owns the order of the handlers. What is opened is one word of a command, never a shell's text, and never looks like an
option. Must not know whether it may be opened. Loop.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr

TIMEOUT_S = 10.0
_COMMANDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "darwin": (("open",),),
    "win32": (("rundll32.exe", "url.dll,FileProtocolHandler"),),
}
_UNIX = (("xdg-open",), ("gio", "open"))


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens by a command; () where there is none."""

    command: tuple[str, ...]

    async def open(self, target: str) -> None:
        """Open a canonical absolute path or a URL; raises UserError where nothing can."""
        if not self.command:
            raise UserError(
                "no_opener",
                tr("No program is here that opens files."),
                tr("Install it: xdg-utils on Debian and Ubuntu."),
            )
        if target.startswith("-"):
            raise ValueError(target)
        null = asyncio.subprocess.DEVNULL
        try:
            child = await asyncio.create_subprocess_exec(*self.command, target, stdin=null, stdout=null, stderr=null)
            async with asyncio.timeout(TIMEOUT_S):
                code = await child.wait()
        except OSError as error:
            raise UserError("no_opener", tr("{program} could not be started.", program=self.command[0])) from error
        except TimeoutError:
            return  # it stays with what it opened, as some do
        if code != 0:
            raise UserError(
                "not_opened",
                tr(
                    "The desktop has no program for that, or it failed ({program} {code}).",
                    program=self.command[0],
                    code=code,
                ),
            )


def choose_opener(platform: str = sys.platform, find: Callable[[str], str | None] = shutil.which) -> Opener:
    """Return the first command that is here."""
    for command in _COMMANDS.get(platform, _UNIX):
        if find(command[0]):
            return Opener(command)
    return Opener(())
