"""What an IMAP server says: bytes become replies of atoms, texts and lists.

Owns the grammar, with a limit on each thing that a server could make endless. Must not know what a reply means. Loop;
pure but for the connection that it reads from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

LINE_BYTES = 8 << 20
LITERAL_BYTES = 32 << 20
DEPTH = 150
TOKENS = 500_000

_LITERAL = re.compile(rb"\{(\d{1,12})\}\r\n\Z")
_QUOTED = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_ATOM_END = re.compile(rb"[()\s\"]")
_CODE = re.compile(rb"\[([A-Za-z0-9-]{1,40})(?: ([^\]\r\n]{0,200}))?\]")


class NotImapError(Exception):
    """What came back does not keep to the rules, or is more than is read."""


class Reads(Protocol):
    """Where bytes come from."""

    async def read(self, limit_bytes: int = 65_536) -> bytes:
        """Return the next bytes, b"" at the end."""
        ...


class Wire:
    """Lines and counted bytes of a connection."""

    def __init__(self, connection: Reads) -> None:
        self._connection = connection
        self._buffer = bytearray()

    async def line(self, limit_bytes: int = LINE_BYTES) -> bytes:
        """Return the next line with its end; b"" where the connection has ended. Raises NotImapError, UserError."""
        start = 0
        while (end := self._buffer.find(b"\n", start)) < 0:
            if len(self._buffer) > limit_bytes:
                raise NotImapError("a line is too long")
            start = len(self._buffer)
            if not await self._more():
                return b""
        return self._take(end + 1)

    async def exactly(self, count: int) -> bytes:
        """Return the next `count` bytes; raises NotImapError where there are fewer."""
        while len(self._buffer) < count:
            if not await self._more():
                raise NotImapError("it ended in the middle")
        return self._take(count)

    async def _more(self) -> bool:
        data = await self._connection.read()
        self._buffer += data
        return bool(data)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply. `tag`: b"*", b"+" or that of a command. `status`: OK, NO, BAD, BYE, PREAUTH or "".

    `code`, `code_text`: what stands in brackets after a status. `pieces`: its lines and literals, in turn.
    """

    tag: bytes
    status: str
    code: str
    code_text: bytes
    pieces: tuple[bytes, ...]

    def values(self) -> list[Any]:
        """Return what follows the tag: bytes for texts and atoms, None for NIL, lists. Raises NotImapError."""
        return parse(self.pieces)[1:]


async def read_reply(wire: Wire) -> Reply | None:
    """Return the next reply, None where the connection has ended; raises NotImapError, UserError."""
    pieces: list[bytes] = []
    size = 0
    while True:
        line = await wire.line()
        if not line:
            if pieces:
                raise NotImapError("it ended in the middle")
            return None
        match = _LITERAL.search(line)
        if match is None:
            pieces.append(line)
            break
        length = int(match[1])
        size += length + len(line)
        if size > LITERAL_BYTES:
            raise NotImapError("a text is too long")
        pieces += [line[: match.start()], await wire.exactly(length)]
    tag, _, rest = pieces[0].partition(b" ")
    word = rest.split(None, 1)[0].decode("latin-1").upper() if rest.strip() else ""
    status = word if word in ("OK", "NO", "BAD", "BYE", "PREAUTH") else ""
    code = _CODE.match(rest[len(word) :].lstrip()) if status else None
    return Reply(
        tag.strip(), status, code[1].decode().upper() if code else "", (code[2] or b"") if code else b"", tuple(pieces)
    )


def parse(pieces: Sequence[bytes]) -> list[Any]:
    """Return the values of a reply: `pieces` are lines, and every second one is a literal. Raises NotImapError."""
    stack: list[list[Any]] = [[]]
    count = 0
    for number, piece in enumerate(pieces):
        if number % 2:
            stack[-1].append(piece)
            continue
        place = 0
        while place < len(piece):
            byte = piece[place : place + 1]
            if byte.isspace():
                place += 1
                continue
            count += 1
            if count > TOKENS or len(stack) > DEPTH:
                raise NotImapError("a reply has too many parts")
            if byte == b"(":
                stack.append([])
                place += 1
            elif byte == b")":
                if len(stack) < 2:
                    raise NotImapError("a bracket closes nothing")
                whole = stack.pop()
                stack[-1].append(whole)
                place += 1
            elif byte == b'"':
                text, place = _quoted(piece, place)
                stack[-1].append(text)
            else:
                atom, place = _atom(piece, place)
                stack[-1].append(None if atom.upper() == b"NIL" else atom)
    if len(stack) != 1:
        raise NotImapError("a bracket is not closed")
    return stack[0]


def _quoted(piece: bytes, place: int) -> tuple[bytes, int]:
    match = _QUOTED.match(piece, place)
    if match is None:
        raise NotImapError("a quoted text is not closed")
    return _ESCAPED.sub(rb"\1", match[1]), match.end()


def _atom(piece: bytes, place: int) -> tuple[bytes, int]:
    """Return the atom at `place`; what stands in its square brackets belongs to it, spaces and all."""
    start = place
    while place < len(piece):
        found = _ATOM_END.search(piece, place)
        end = found.start() if found else len(piece)
        bracket = piece.find(b"[", place, end)
        if bracket < 0:
            return piece[start:end], max(end, start + 1)
        close = piece.find(b"]", bracket)
        if close < 0:
            raise NotImapError("a bracket is not closed")
        place = close + 1
    return piece[start:], len(piece)
