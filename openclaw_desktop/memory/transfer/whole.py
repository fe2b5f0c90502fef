"""All of a memory in one file of JSON lines, to move it to another machine and lose nothing.

Owns the format: a line about the file, then a line a memory, with all its columns, its label, and the ids of what it
was made of and of what took its place. Must not know tables. Any thread; waits for the disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Confidentiality, Integrity
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.memory.records import Kind, Tier
from openclaw_desktop.memory.transfer.entries import Imported, moment, plain, unreadable
from openclaw_desktop.memory.transfer.files import open_file
from openclaw_desktop.memory.transfer.writing import new_file

VERSION = 1
WHOLE_BYTES = 16 * 1024**3
LINE_BYTES = 64 * 1024**2
_HEADER_BYTES = 256

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
# Of letters that a terminal shows and a command line takes: a front end names a memory by it.
Id = Annotated[str, msgspec.Meta(max_length=200, pattern=r"\A\w[\w.:#@+/-]*\Z")]
# A page of memories fits one frame of the socket, whatever a file says of them.
Word = Annotated[str, msgspec.Meta(max_length=2000)]


class Header(msgspec.Struct, frozen=True):
    """What the first line says: the version, when it was written (ISO 8601), and how many memories follow."""

    openclaw_memory: Annotated[int, msgspec.Meta(ge=1)]
    exported_at: str
    memories: Annotated[int, msgspec.Meta(ge=0)]


class WholeMemory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One memory with all that is kept of it. `sources`: ids of what it was made of; `superseded_by`: an id."""

    id: Id
    tier: Tier
    kind: Kind
    text: Annotated[str, msgspec.Meta(min_length=1)]
    speaker: Word
    source: Word
    session_id: Word | None
    turn_id: Word | None
    created_at: str
    observed_at: str
    valid_from: str | None
    valid_to: str | None
    expires_at: str | None
    importance: Share
    confidence: Share
    pinned: bool
    access_count: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    last_access_at: str | None
    integrity: Integrity
    confidentiality: Confidentiality
    origins: Annotated[tuple[Word, ...], msgspec.Meta(max_length=100)]
    purpose: Word
    superseded_by: Id | None
    sources: tuple[Id, ...]

    def as_imported(self, file_name: str) -> Imported:
        """Return what any form of import has of it."""
        return Imported(
            plain(self.text), self.speaker, moment(self.created_at), self.session_id,
            "turn" if self.kind == "turn" else "fact", f"{visible(file_name)}#{self.id}",
            self.integrity == "user" and self.speaker in ("", "user"),
        )  # fmt: skip


def write_whole(path: Path, memories: Iterable[WholeMemory], exported_at: str, overwrite: bool = False) -> int:
    """Write `memories` to a new file of mode 0600 and return how many there were.

    Raises UserError, where there is such a file too, unless `overwrite`; what was there is then as it was.
    """
    count = 0
    encode = msgspec.json.Encoder().encode
    with new_file(path, overwrite) as file:
        file.write(_header(exported_at, 0))
        for memory in memories:
            file.write(encode(memory) + b"\n")
            count += 1
        # The count is known last, and the line has room for any.
        file.seek(0)
        file.write(_header(exported_at, count))
    return count


def is_whole(path: Path) -> bool:
    """Tell whether a file says that it is of this format; raises UserError where it can't be read."""
    with open_file(path, WHOLE_BYTES) as file:
        return _version(file.readline(_HEADER_BYTES)) is not None


def read_header(path: Path) -> Header:
    """Return what the file says about itself; raises UserError for another or a newer format."""
    with open_file(path, WHOLE_BYTES) as file:
        return _read_header(file, visible(path.name))


def read_whole(path: Path) -> Iterator[WholeMemory]:
    """Yield the memories of a file, each checked; raises UserError that names the line that is wrong.

    A file that was cut short is known at its end: keep nothing of it before.
    """
    name = visible(path.name)
    decode = msgspec.json.Decoder(WholeMemory).decode
    with open_file(path, WHOLE_BYTES) as file:
        header = _read_header(file, name)
        number = 1
        while line := file.readline(LINE_BYTES + 1):
            number += 1
            if len(line) > LINE_BYTES:
                raise unreadable(tr("{file}: line {line} is too long.", file=name, line=number))
            try:
                memory = decode(line)
                _check(memory)
            except (ValueError, RecursionError) as error:
                raise _wrong(name, number, error) from error
            yield memory
    if number - 1 != header.memories:
        raise unreadable(
            tr("{file} should hold {expected} memories and holds {found}.",
               file=name, expected=header.memories, found=number - 1),
            tr("It was cut short or changed: export it again."),
        )  # fmt: skip


def _header(exported_at: str, count: int) -> bytes:
    line = msgspec.json.encode(Header(VERSION, exported_at, count))
    if len(line) >= _HEADER_BYTES:
        raise ValueError("the time of an export is short")
    return line.ljust(_HEADER_BYTES - 1) + b"\n"


def _version(line: bytes) -> object:
    try:
        header = msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return None
    return header.get("openclaw_memory") if isinstance(header, dict) else None


def _read_header(file: BinaryIO, name: str) -> Header:
    line = file.readline(_HEADER_BYTES)
    version = _version(line)
    if isinstance(version, int) and version > VERSION:
        raise unreadable(
            tr("{file} was written by a newer version of this program.", file=name),
            tr("Update this program, then import it again."),
        )
    try:
        header = msgspec.json.decode(line, type=Header)
        _check_time(header.exported_at)
    except (ValueError, RecursionError) as error:
        raise _wrong(name, 1, error) from error
    return header


def _check(memory: WholeMemory) -> None:
    if not memory.text.strip():
        raise ValueError("the text is empty")
    for time in (memory.created_at, memory.observed_at):
        _check_time(time)
    for time_or_none in (memory.valid_from, memory.valid_to, memory.expires_at, memory.last_access_at):
        if time_or_none is not None:
            _check_time(time_or_none)


def _check_time(time: str) -> None:
    datetime.fromisoformat(time)


def _wrong(name: str, number: int, error: Exception) -> UserError:
    return unreadable(tr("{file}: line {line} is wrong.", file=name, line=number), visible(f"{error}."))
