"""The person's terminal: is there one, and the lines typed into it.

Owns standard input. One thread reads it, so that a wait for a line can be given up (a stopped turn, Ctrl-C) without
losing the line: whoever asks next gets it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable

if sys.platform == "win32":
    import getpass
else:
    import termios

CHUNK_BYTES = 1 << 16


def is_real_terminal() -> bool:
    """Return True where a person sits at both ends: questions are asked nowhere else."""
    return sys.stdin.isatty() and sys.stderr.isatty()


class Lines:
    """Lines of a descriptor, one at a time, as they are asked for."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = b""
        self._ended = False
        self._pending: asyncio.Future[str | None] | None = None

    async def next(self) -> str | None:
        """Return the next line without its end; None at the end of the input."""
        if self._pending is None:
            loop = asyncio.get_running_loop()
            self._pending = loop.create_future()
            # os.read and a daemon thread: a thread inside sys.stdin would hold its lock when the program ends.
            threading.Thread(target=self._read, args=(loop, self._pending), name="stdin", daemon=True).start()
        pending = self._pending
        line = await asyncio.shield(pending)
        self._pending = None
        return line

    def drop(self) -> None:
        """Forget the lines that came and that nobody has asked for."""
        if self._pending is None or self._pending.done():
            self._pending = None
            self._buffer = b""

    def _read(self, loop: asyncio.AbstractEventLoop, found: asyncio.Future[str | None]) -> None:
        while b"\n" not in self._buffer and not self._ended:
            try:
                chunk = os.read(self._descriptor, CHUNK_BYTES)
            except OSError:
                chunk = b""
            self._ended = not chunk
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        text = None if self._ended and not line else line.decode("utf-8", "replace").rstrip("\r")
        if not loop.is_closed():
            loop.call_soon_threadsafe(_set, found, text)


def _set(found: asyncio.Future[str | None], text: str | None) -> None:
    if not found.done():
        found.set_result(text)


_typed = Lines(0)


async def read_line(prompt: str) -> str | None:
    """Show `prompt` to a person and return the next line; None at the end of the input."""
    if is_real_terminal():
        sys.stderr.write(prompt)
        sys.stderr.flush()
    return await _typed.next()


if sys.platform == "win32":

    async def read_hidden(prompt: str) -> str | None:
        """Show `prompt` and return the next line, which the console does not show."""
        # A thread, because it waits.
        return await asyncio.to_thread(getpass.getpass, prompt)

else:

    async def read_hidden(prompt: str) -> str | None:
        """Show `prompt` and return the next line, which the terminal does not show; None at the end of the input."""
        shown = termios.tcgetattr(0)
        hidden = [*shown]
        hidden[3] &= ~termios.ECHO
        # TCSAFLUSH: what was typed before the question is no answer to it.
        termios.tcsetattr(0, termios.TCSAFLUSH, hidden)
        try:
            return await read_line(prompt)
        finally:
            termios.tcsetattr(0, termios.TCSADRAIN, shown)
            sys.stderr.write("\n")
            sys.stderr.flush()


def discard_typed() -> None:
    """Drop what was typed before it was asked for: what we have read of it, and what the terminal keeps."""
    _typed.drop()
    if sys.platform != "win32" and sys.stdin.isatty():
        termios.tcflush(0, termios.TCIFLUSH)


def on_interrupt(number: int, act: Callable[[], object]) -> Callable[[], None]:
    """Call `act` on a signal, where the platform's loop can; return what undoes it."""
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(number, act)
    except NotImplementedError:  # Windows: the signal ends the program
        return lambda: None
    return lambda: (loop.remove_signal_handler(number), None)[1]
