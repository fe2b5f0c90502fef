"""The desktop's clipboard, by the programs that each system has for it.

Owns the protocol, the order of the handlers and what to install where none is there. Each handler is a pair of
commands: words in, words out, never a shell. Must not know who reads or writes. Loop; the program is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr

TIMEOUT_S = 5.0
REAP_S = 1.0
LIMIT_BYTES = 1 << 20


class Clipboard(Protocol):
    """Reads and writes the text of the clipboard."""

    async def read(self) -> str:
        """Return its text, "" where it holds none; raises UserError where it can't be reached."""
        ...

    async def write(self, text: str) -> None:
        """Put a text there; raises UserError."""
        ...


@dataclass(frozen=True, slots=True)
class ProgramClipboard:
    """A pair of commands. `needs`: the variable without which they can reach no desktop, "" for none."""

    reading: tuple[str, ...]
    writing: tuple[str, ...]
    needs: str = ""

    async def read(self) -> str:
        """Return the text; see `Clipboard`."""
        code, output = await _run(self.reading)
        # An empty clipboard, or one that holds a picture, is a failure to some of these programs.
        return output.decode("utf-8", "replace") if code == 0 else ""

    async def write(self, text: str) -> None:
        """Put a text there; see `Clipboard`."""
        code, _ = await _run(self.writing, text.encode("utf-8", "replace"))
        if code != 0:
            raise _unreachable(self.writing[0])


class NoClipboard:
    """For systems without any."""

    async def read(self) -> str:
        """Raise UserError."""
        raise _missing()

    async def write(self, text: str) -> None:
        """Raise UserError."""
        raise _missing()


_UNIX = (
    ProgramClipboard(("wl-paste", "--no-newline", "--type", "text"), ("wl-copy",), "WAYLAND_DISPLAY"),
    ProgramClipboard(("xclip", "-selection", "clipboard", "-out"), ("xclip", "-selection", "clipboard"), "DISPLAY"),
    ProgramClipboard(("xsel", "--clipboard", "--output"), ("xsel", "--clipboard", "--input"), "DISPLAY"),
)
_POWERSHELL = ("powershell.exe", "-NoProfile", "-NonInteractive", "-Command")
HANDLERS: Mapping[str, tuple[ProgramClipboard, ...]] = {
    "darwin": (ProgramClipboard(("pbpaste",), ("pbcopy",)),),
    "win32": (ProgramClipboard((*_POWERSHELL, "Get-Clipboard -Raw"), (*_POWERSHELL, "$input | Set-Clipboard")),),
}


def choose_clipboard(
    environment: Mapping[str, str], platform: str = sys.platform, find: Callable[[str], str | None] = shutil.which
) -> Clipboard:
    """Return the first handler whose programs are here and whose desktop is."""
    for handler in HANDLERS.get(platform, _UNIX):
        if handler.needs and not environment.get(handler.needs):
            continue
        if find(handler.reading[0]) and find(handler.writing[0]):
            return handler
    return NoClipboard()


async def _run(command: tuple[str, ...], text: bytes | None = None) -> tuple[int, bytes]:
    """Run a command to its end; return its exit code and output. `text`: its input, and then nobody reads its output.

    What is put on X11's clipboard is served by a child that stays, with whatever output it was started with.
    """
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    streams = (null, pipe) if text is None else (pipe, null)
    try:
        child = await asyncio.create_subprocess_exec(*command, stdin=streams[0], stdout=streams[1], stderr=null)
    except OSError as error:
        raise _unreachable(command[0]) from error
    found = b""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            if child.stdin is not None:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    child.stdin.write(text or b"")
                    await child.stdin.drain()
                child.stdin.close()
            while child.stdout is not None and len(found) < LIMIT_BYTES:
                piece = await child.stdout.read(LIMIT_BYTES - len(found))
                if not piece:
                    break
                found += piece
            return (await child.wait() if len(found) < LIMIT_BYTES else 0), found
    except TimeoutError:
        raise _unreachable(command[0]) from None
    finally:
        if child.returncode is None:
            child.kill()
            await _reap(child)


async def _reap(child: asyncio.subprocess.Process) -> None:
    """Wait for the end of a child that was killed; what it still says is thrown away, as a full pipe would hold us.

    A child of its own may hold the pipe for as long as it likes: nobody waits for that.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(REAP_S):
            while child.stdout is not None and await child.stdout.read(LIMIT_BYTES):
                pass
            await child.wait()


def _unreachable(program: str) -> UserError:
    return UserError("no_clipboard", tr("The clipboard did not answer ({program}).", program=program))


def _missing() -> UserError:
    return UserError(
        "no_clipboard",
        tr("No program for the clipboard is here."),
        tr("Install one: xclip on X11, wl-clipboard on Wayland."),
    )
