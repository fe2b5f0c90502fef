"""A disk that loses its power: what SQLite writes is logged, and images are made of what may be left of it.

What was synced is there. What was written since is dropped, kept or torn at sectors, in any order and in any choice;
a new or a deleted name is there or not until its file is synced. https://sqlite.org/atomiccommit.html tells what a
disk may do.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512
NAME = "power-cut"
ENCRYPTED_NAME = "multipleciphers-power-cut"


@dataclass(frozen=True)
class Wrote:
    """`data` at `offset`; None: the file was cut to `offset` bytes."""

    name: str
    offset: int
    data: bytes | None


@dataclass(frozen=True)
class Synced:
    name: str


@dataclass(frozen=True)
class Made:
    name: str


@dataclass(frozen=True)
class Deleted:
    name: str
    lasting: bool


@dataclass(frozen=True)
class Told:
    """The program told its user something: what an image must hold to."""

    what: str
    about: str


Event = Wrote | Synced | Made | Deleted | Told


class Disk(apsw.VFS):
    """The machine's own disk, with a log. Once made it stays for the life of the process: ciphers lie on top of it."""

    def __init__(self) -> None:
        super().__init__(NAME, "unix")
        self.log: list[Event] = []

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        text = name.filename() if isinstance(name, apsw.URIFilename) else name
        if text is None:
            return apsw.VFSFile("unix", name, flags)
        if flags[0] & apsw.SQLITE_OPEN_CREATE and not Path(text).exists():
            self.log.append(Made(Path(text).name))
        return LoggedFile(self, Path(text).name, name, flags)

    def xDelete(self, name: str, syncdir: bool) -> None:
        super().xDelete(name, syncdir)
        self.log.append(Deleted(Path(name).name, bool(syncdir)))


class LoggedFile(apsw.VFSFile):
    def __init__(self, disk: Disk, short: str, name: Any, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self._disk, self._short = disk, short

    def xWrite(self, data: Any, offset: int) -> None:
        super().xWrite(data, offset)
        self._disk.log.append(Wrote(self._short, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._disk.log.append(Wrote(self._short, newsize, None))

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._disk.log.append(Synced(self._short))


@dataclass
class Kept:
    """A file on the disk: what of it is sure, and what is under way."""

    sure: bytearray = field(default_factory=bytearray)
    under_way: list[Wrote] = field(default_factory=list)


@dataclass
class Name:
    """What a name may stand for after a power cut: any of these; None is no file. The last is what it stood for."""

    may_be: list[Kept | None] = field(default_factory=lambda: [None])


def _apply(content: bytearray, write: Wrote) -> None:
    if write.data is None:
        del content[write.offset :]
        return
    if len(content) < write.offset:
        content.extend(bytes(write.offset - len(content)))
    content[write.offset : write.offset + len(write.data)] = write.data


def _torn(write: Wrote, chance: random.Random) -> Iterator[Wrote]:
    """Yield the sectors of a write that reached the disk."""
    if write.data is None:
        if chance.random() < 0.5:
            yield write
        return
    start = write.offset
    while start < write.offset + len(write.data):
        end = min((start // SECTOR + 1) * SECTOR, write.offset + len(write.data))
        if chance.random() < 0.5:
            yield Wrote(write.name, start, write.data[start - write.offset : end - write.offset])
        start = end


class Replay:
    """Goes through a log and makes an image at any place of it."""

    def __init__(self) -> None:
        self._names: dict[str, Name] = {}
        self.told: list[Told] = []

    def go_on(self, event: Event) -> None:
        """Take the next event."""
        if isinstance(event, Told):
            self.told.append(event)
            return
        name = self._names.setdefault(event.name, Name())
        if isinstance(event, Made):
            name.may_be.append(Kept())
        elif isinstance(event, Deleted):
            name.may_be.append(None)
            if event.lasting:
                self._sync_folder()
        else:
            if name.may_be[-1] is None:  # made by another hand than SQLite's, which synced its folder
                name.may_be = [Kept()]
            file = name.may_be[-1]
            assert file is not None
            if isinstance(event, Wrote):
                file.under_way.append(event)
            else:
                for write in file.under_way:
                    _apply(file.sure, write)
                file.under_way.clear()
                if len(name.may_be) > 1:  # SQLite syncs the folder with the first sync of a file that it made
                    self._sync_folder()

    def _sync_folder(self) -> None:
        for name in self._names.values():
            del name.may_be[:-1]

    def cut(self, folder: Path, chance: random.Random) -> None:
        """Write what may be left into `folder`."""
        for short, name in self._names.items():
            file = chance.choice(name.may_be)
            if file is not None:
                (folder / short).write_bytes(self._left_of(file, chance))

    def _left_of(self, file: Kept, chance: random.Random) -> bytes:
        content, writes = bytearray(file.sure), list(file.under_way)
        fate = chance.choice(["dropped", "kept", "some", "some", "reordered"])
        if fate == "dropped":
            return bytes(content)
        if fate == "reordered":
            chance.shuffle(writes)
        for write in writes:
            share = 1.0 if fate == "kept" else chance.random()
            for part in [write] if share > 0.6 else _torn(write, chance) if share > 0.3 else []:
                _apply(content, part)
        return bytes(content)
