"""What the model computed of prompts, in files that outlive it.

Owns the folder, its files' form and its size. Must not know llama.cpp: it is handed functions that write and read a
state. Model process, main thread; waits for the disk.

A file is llama.cpp's own state of one sequence, and behind it what tells whose it is: the tokens that made it (int32,
little-endian), their count, a SHA-256 over the model's key and all before, and a mark. llama.cpp ends the process over
some damaged files, so nothing reaches it whose sum is wrong; such a file is removed. The name begins with the model's
key and says whether the state is of a stable prefix or of a chat.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import struct
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from openclaw_desktop.inference.worker.lanes import common_prefix
from openclaw_desktop.storage.atomic import sync_folder

log = logging.getLogger(__name__)

Kind = Literal["stable", "chat"]
MARK = b"OCDSTAT1"
_END = struct.Struct("<I32s8s")
_MOST_TOKENS = 1 << 21
_PIECE_BYTES = 1 << 20
_SUFFIX, _PARTIAL = ".seq", ".part"


@dataclass(frozen=True, slots=True)
class State:
    """A file, and the tokens whose state it says to hold."""

    path: Path
    kind: Kind
    tokens: tuple[int, ...]


class States:
    """The files of one model in `folder`, which others share; all of them together take `limit_bytes` at most."""

    def __init__(self, folder: Path, limit_bytes: int, key: str) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._key = hashlib.sha256(key.encode("utf-8", "replace")).digest()
        self._prefix = self._key.hex()[:16]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left_over in folder.glob(f"*{_PARTIAL}"):
            _remove(left_over)
        self._prune(None)

    def find(self, tokens: Sequence[int], more_than: int) -> State | None:
        """Return the state that has most first tokens in common with `tokens`, if more than `more_than`."""
        best, found = more_than, None
        for state in self._all():
            if (common := common_prefix(state.tokens, tokens)) > best:
                best, found = common, state
        return found

    def has(self, tokens: Sequence[int], kind: Kind) -> bool:
        """Say whether the state of exactly these tokens is there."""
        return self._path(tokens, kind).exists()

    def check(self, state: State) -> bool:
        """Say whether the file is whole and this model's; one that is not is removed, one that is counts as used."""
        try:
            with state.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                _, stated, _ = _read_end(file, size)
                file.seek(0)
                whole = self._sum(file, size - _END.size) == stated
            if whole:
                os.utime(state.path)
                return True
        except (OSError, ValueError) as error:
            log.warning("state %s cannot be read: %s", state.path.name, error)
        _remove(state.path)
        return False

    def write(self, tokens: Sequence[int], kind: Kind, state_bytes: int, save: Callable[[Path], bool]) -> bool:
        """Keep the state that `save` writes to the path it is given; what cannot be kept is no error."""
        if state_bytes > self._limit_bytes:
            return False
        partial: Path | None = None
        try:
            # mkstemp makes the file 0600; who opens it again keeps that.
            descriptor, name = tempfile.mkstemp(prefix=".", suffix=_PARTIAL, dir=self._folder)
            os.close(descriptor)
            partial = Path(name)
            if not save(partial):
                raise OSError("llama.cpp could not write the state")
            self._finish(partial, tokens)
            path = self._path(tokens, kind)
            partial.replace(path)
            sync_folder(self._folder)
        except OSError as error:
            log.warning("the model's state is not kept: %s", error)
            if partial is not None:
                _remove(partial)
            return False
        if kind == "chat":
            self._drop_outgrown(tokens, path)
        self._prune(path)
        return True

    def _finish(self, path: Path, tokens: Sequence[int]) -> None:
        with path.open("r+b") as file:
            file.seek(0, os.SEEK_END)
            file.write(np.asarray(tokens, "<i4").tobytes())
            size = file.tell()
            file.seek(0)
            total = self._sum(file, size)
            file.seek(size)
            file.write(_END.pack(len(tokens), total, MARK))
            file.flush()
            os.fsync(file.fileno())

    def _sum(self, file: BinaryIO, size: int) -> bytes:
        total = hashlib.sha256(self._key)
        while size > 0:
            piece = file.read(min(size, _PIECE_BYTES))
            if not piece:
                raise ValueError("it ends too soon")
            total.update(piece)
            size -= len(piece)
        return total.digest()

    def _all(self) -> list[State]:
        found = []
        for path in self._folder.glob(f"{self._prefix}-*{_SUFFIX}"):
            kind: Kind = "stable" if "-stable-" in path.name else "chat"
            try:
                with path.open("rb") as file:
                    tokens, _, _ = _read_end(file, file.seek(0, os.SEEK_END))
                found.append(State(path, kind, tokens))
            except (OSError, ValueError) as error:
                log.warning("state %s is removed: %s", path.name, error)
                _remove(path)
        return found

    def _path(self, tokens: Sequence[int], kind: Kind) -> Path:
        name = hashlib.sha256(np.asarray(tokens, "<i4").tobytes()).hexdigest()[:24]
        return self._folder / f"{self._prefix}-{kind}-{name}{_SUFFIX}"

    def _drop_outgrown(self, tokens: Sequence[int], path: Path) -> None:
        for state in self._all():
            outgrown = len(state.tokens) < len(tokens) and common_prefix(state.tokens, tokens) == len(state.tokens)
            if state.kind == "chat" and state.path != path and outgrown:
                _remove(state.path)

    def _prune(self, newest: Path | None) -> None:
        """Remove the files used longest ago until the rest keeps the limit; `newest` goes last."""
        files = []
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                status = path.stat()
                files.append((path == newest, status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, _, size, _ in files)
        for _, _, size, path in sorted(files):
            if total <= self._limit_bytes:
                return
            _remove(path)
            total -= size


def _read_end(file: BinaryIO, size: int) -> tuple[tuple[int, ...], bytes, int]:
    """Return tokens, sum and the length of llama.cpp's part; raises ValueError for what is no state."""
    if size < _END.size:
        raise ValueError("it is too short")
    file.seek(size - _END.size)
    count, total, mark = _END.unpack(file.read(_END.size))
    start = size - _END.size - 4 * count
    if mark != MARK or not 0 < count <= _MOST_TOKENS or start <= 0:
        raise ValueError("it is damaged")
    file.seek(start)
    return tuple(np.frombuffer(file.read(4 * count), "<i4").tolist()), total, start


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
