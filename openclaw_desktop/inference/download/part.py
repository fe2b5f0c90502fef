"""The part of a model that has arrived: a file that only grows, hashed while it does, and a journal of what is sure.

Owns `NAME.part` and `NAME.part.log` beside the place of the final file, which appears by a rename once every byte is
verified. The journal holds a checksum of each stretch that has reached the disk: after a kill or a power cut, what does
not fit it is fetched again. Must not know where bytes come from. Any thread; one at a time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.inference.catalogue import CatalogueModel
from openclaw_desktop.storage.atomic import sync_folder

CHUNK_BYTES = 1 << 20
# So much may have to be fetched again after a kill where the catalogue knows no hashes of segments.
STRETCH_BYTES = 16 << 20


class SegmentDamaged(Exception):
    """A segment was not what the catalogue says; it was dropped, and the part ends before it."""


class PartFile:
    """The first `size` bytes of a model."""

    def __init__(self, model: CatalogueModel, folder: Path) -> None:
        self.model = model
        self.size = 0
        self._path, self._journal, self._next_journal = part_paths(model, folder)
        self._final = folder / model.file
        self._file: BinaryIO | None = None
        self._taken_up = False
        self._lock = threading.Lock()
        self._start_over()

    def _start_over(self) -> None:
        self.size = 0
        self._whole = hashlib.sha256()
        self._segment = hashlib.sha256()
        self._segment_start = 0
        self._whole_before_segment = self._whole.copy()
        self._crc = 0
        self._stretches: list[tuple[int, int]] = []

    @property
    def _noted(self) -> int:
        return self._stretches[-1][0] if self._stretches else 0

    def recover(self) -> Iterator[int]:
        """Open the part and hash what is there, yielding how far it is; what can't be trusted is cut off. OSError."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        self._file = os.fdopen(descriptor, "r+b")
        stretches = self._read_journal()
        # Behind the journal's end only the hashes of segments can tell good bytes from bad.
        yield from self._take_up(stretches or [], tail=stretches is not None)

    def _take_up(self, stretches: list[tuple[int, int]], tail: bool = False) -> Iterator[int]:
        """Begin anew with the stretches of the file that are what the journal says, and with its `tail`."""
        self._start_over()
        self._taken_up = False
        self._open.seek(0)
        with contextlib.suppress(SegmentDamaged):
            for end, crc in stretches:
                content = self._open.read(end - self.size)
                if len(content) < end - self.size or zlib.crc32(content) != crc:
                    break  # it never reached the disk whole
                self._count(content)
                self._stretches.append((end, crc))
                self._crc = 0
                yield self.size
            else:
                while tail and self._room_in_segment and (content := self._open.read(self._room_in_segment)):
                    self._count(content)
                    yield self.size
        self._open.seek(self.size)
        self._open.truncate()
        self._rewrite_journal()
        self._taken_up = True

    @property
    def _open(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("the part is closed")
        return self._file

    def append(self, chunk: bytes) -> None:
        """Add bytes; raises SegmentDamaged once a segment is whole and wrong, UserError beyond the model's end."""
        with self._lock:
            if self._file is None:
                return  # given up meanwhile; this is the last write of a thread that nobody waits for
            if self.size + len(chunk) > self.model.size_bytes:
                raise other_file(self.model)
            self._file.write(chunk)
            self._count(chunk)
            if self.size - self._noted >= STRETCH_BYTES:
                self._note()

    @property
    def _room_in_segment(self) -> int:
        """The bytes up to the segment's end; 0 where the catalogue knows no segments, and at the model's end."""
        if not self.model.segment_sha256:
            return 0
        return min(self._segment_start + self.model.segment_bytes, self.model.size_bytes) - self.size

    def _count(self, content: bytes | memoryview) -> None:
        """Hash what was written or read, in steps that end with a segment."""
        view = memoryview(content)
        while view:
            step = view[: self._room_in_segment or len(view)]
            view = view[len(step) :]
            self._whole.update(step)
            self._crc = zlib.crc32(step, self._crc)
            self.size += len(step)
            if self.model.segment_sha256:
                self._segment.update(step)
                if self._room_in_segment == 0:
                    self._end_segment()

    def _end_segment(self) -> None:
        index = self._segment_start // self.model.segment_bytes
        if self._segment.hexdigest() != self.model.segment_sha256[index]:
            self._drop_segment()
            raise SegmentDamaged(index)
        self._segment_start = self.size
        self._segment = hashlib.sha256()
        self._whole_before_segment = self._whole.copy()

    def _drop_segment(self) -> None:
        self.size = self._segment_start
        self._whole = self._whole_before_segment.copy()
        self._segment = hashlib.sha256()
        self._stretches = [stretch for stretch in self._stretches if stretch[0] <= self.size]
        # The journal's last stretch may end before the segment does; the bytes between are summed up anew.
        self._crc = self._sum(self._noted, self.size)
        self._open.seek(self.size)
        self._open.truncate()
        self._rewrite_journal()

    def _sum(self, start: int, end: int) -> int:
        file, crc = self._open, 0
        file.seek(start)
        while start < end and (chunk := file.read(min(CHUNK_BYTES, end - start))):
            crc = zlib.crc32(chunk, crc)
            start += len(chunk)
        return crc

    def rewind(self, size: int) -> None:
        """Go back to what the journal is sure of within the first `size` bytes. OSError."""
        with self._lock:
            self._open.flush()
            for _ in self._take_up([stretch for stretch in self._stretches if stretch[0] <= size]):
                pass

    def _note(self) -> None:
        """Bring the part to the disk, then say so in the journal."""
        self._open.flush()
        os.fsync(self._open.fileno())
        self._stretches.append((self.size, self._crc))
        self._crc = 0
        with self._journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(self._stretches[-1]) + "\n")
            journal.flush()
            os.fsync(journal.fileno())

    def _rewrite_journal(self) -> None:
        lines = [json.dumps({"sha256": self.model.sha256}), *map(json.dumps, self._stretches)]
        # Beside the old one, then in its place: a journal that a kill left empty would cost the whole part.
        with self._next_journal.open("w", encoding="utf-8") as journal:
            self._next_journal.chmod(0o600)
            journal.write("\n".join(lines) + "\n")
            journal.flush()
            os.fsync(journal.fileno())
        self._next_journal.replace(self._journal)

    def _read_journal(self) -> list[tuple[int, int]] | None:
        """Return (end, checksum) of the stretches; None where the part is not this model's."""
        try:
            head, *lines = self._journal.read_text(encoding="utf-8").splitlines()
            if json.loads(head) != {"sha256": self.model.sha256}:
                return None
        except (OSError, ValueError):
            return None
        stretches: list[tuple[int, int]] = []
        for line in lines:
            try:
                end, crc = map(int, json.loads(line))
            except (ValueError, TypeError):
                break
            if not (stretches[-1][0] if stretches else 0) < end <= self.model.size_bytes:
                break
            stretches.append((end, crc))
        return stretches

    def finish(self) -> bool:
        """Give the whole model its name; False, and nothing is left, where it is not the model after all. OSError."""
        with self._lock:
            if self.size != self.model.size_bytes or self._whole.hexdigest() != self.model.sha256:
                for _ in self._take_up([]):
                    pass
                return False
            self._open.flush()
            os.fsync(self._open.fileno())
            self._close_file()
            self._path.chmod(0o600)
            self._path.replace(self._final)
            self._journal.unlink(missing_ok=True)
            sync_folder(self._final.parent)
            return True

    def close(self) -> None:
        """Keep what has arrived for the next time; a part of nothing leaves nothing behind."""
        with self._lock:
            if self._file is None:
                return
            try:
                if self._taken_up and self.size > self._noted:
                    self._note()
            finally:
                self._close_file()
                if self._taken_up and self.size == 0:
                    self._path.unlink(missing_ok=True)
                    self._journal.unlink(missing_ok=True)

    def _close_file(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            file.close()


def part_paths(model: CatalogueModel, folder: Path) -> tuple[Path, Path, Path]:
    """Return where the part of `model` and its journal lie, and the journal that is to take its place."""
    return folder / f"{model.file}.part", folder / f"{model.file}.part.log", folder / f"{model.file}.part.log.new"


def part_bytes(model: CatalogueModel, folder: Path) -> int:
    """Return how much of a download that was stopped is kept."""
    try:
        return part_paths(model, folder)[0].stat().st_size
    except OSError:
        return 0


def other_file(model: CatalogueModel) -> UserError:
    """Return the sentence for a mirror that has another file under the model's name."""
    return UserError(
        "model_damaged",
        tr(
            "What arrived for {title} is not the model that the catalogue names; it was thrown away.", title=model.title
        ),
        tr("Try again later."),
    )
