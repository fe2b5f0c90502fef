"""Reading files and folders: the functions that run inside the jail.

Owns how bytes become text and a folder becomes a list. Must not know whether it may read: the jail has decided. All it
needs is imported before the jail closes. Tool worker, in the jailed child.
"""

from __future__ import annotations

import codecs
import errno
import hashlib
import os
import stat
from collections.abc import Mapping
from heapq import nsmallest
from types import MappingProxyType

from openclaw_desktop.workers.calls import JSON, CallFailed, Handler

_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_CLOEXEC: int = getattr(os, "O_CLOEXEC", 0)
# A pipe without a writer must not hold us up.
_READ_FLAGS = os.O_RDONLY | _NOFOLLOW | _CLOEXEC | getattr(os, "O_NONBLOCK", 0)
_CHUNK_BYTES = 1 << 18
HASHED_BYTES = 64 << 20

# What a text in an old 8-bit encoding may hold below space: tab, line feed, form feed, carriage return, escape.
_TEXT_CONTROLS = frozenset(b"\t\n\f\r\x1b")
_FOREIGN_SHARE = 0.3  # more than this above ASCII, and it is data rather than a Western European text


def read_text(path: str, limit_bytes: int) -> JSON:
    """Return the first `limit_bytes` of a file as {"text", "size_bytes", "truncated", "sha256"}.

    The hash is of these very bytes and all after them, null for a file that is too large: it can't be another file's.
    Raises CallFailed `not_file` or `not_text`, OSError where it can't be opened.
    """
    file = _open(path, _READ_FLAGS)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise CallFailed("not_file", "this is not a regular file")
        data = _read(file, limit_bytes + 1)
        truncated = len(data) > limit_bytes
        text = decode(data[:limit_bytes], truncated)
        sha256 = _hash(file, data) if status.st_size <= HASHED_BYTES else None
    finally:
        os.close(file)
    return {"text": text, "size_bytes": status.st_size, "truncated": truncated, "sha256": sha256}


def list_folder(path: str, limit: int) -> JSON:
    r"""Return the first `limit` entries by name: {"entries": [{"name", "kind", "size_bytes"}], "truncated"}.

    `kind` is file, folder, link or other. A byte that is no text shows as `\xff`. Raises OSError.
    """
    folder = _open(path, os.O_RDONLY | _NOFOLLOW | _CLOEXEC | getattr(os, "O_DIRECTORY", 0))
    try:
        with os.scandir(folder) as entries:
            first = nsmallest(limit + 1, entries, key=lambda entry: entry.name)
        return {"entries": [_described(entry) for entry in first[:limit]], "truncated": len(first) > limit}
    finally:
        os.close(folder)


def hash_file(path: str) -> JSON:
    """Return {"sha256"} of a regular file, null for one that is too large; raises CallFailed `not_file`, OSError."""
    file = _open(path, _READ_FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise CallFailed("not_file", "this is not a regular file")
        if os.fstat(file).st_size > HASHED_BYTES:
            return {"sha256": None}
        return {"sha256": _hash(file)}
    finally:
        os.close(file)


def decode(data: bytes, truncated: bool) -> str:
    """Return `data` as text: by its byte order mark, else UTF-8, else Latin-1; raises CallFailed `not_text`.

    A character that `truncated` data ends in the middle of is left out.
    """
    if data.startswith(b"%PDF-"):  # often ASCII alone, and nothing that a person reads
        raise CallFailed("not_text", "this file holds data, not text")
    try:
        if data.startswith(codecs.BOM_UTF8):
            return codecs.utf_8_decode(data[3:], "strict", not truncated)[0]
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return codecs.utf_16_decode(data, "strict", not truncated)[0]
        if b"\0" in data:
            raise CallFailed("not_text", "this file holds data, not text")
        return codecs.utf_8_decode(data, "strict", not truncated)[0]
    except UnicodeDecodeError:
        if not _looks_like_text(data):
            raise CallFailed("not_text", "this file holds data, not text") from None
        return codecs.latin_1_decode(data)[0]


def _looks_like_text(data: bytes) -> bool:
    foreign = 0
    for byte in data:
        if byte < 32 and byte not in _TEXT_CONTROLS:
            return False
        foreign += byte > 126
    return foreign <= len(data) * _FOREIGN_SHARE


def _open(path: str, flags: int) -> int:
    try:
        return os.open(path, flags)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR} and stat.S_ISLNK(os.lstat(path).st_mode):
            raise OSError(errno.ELOOP, "this is a link now") from None
        raise


def _read(file: int, limit_bytes: int) -> bytes:
    data = bytearray()
    while len(data) < limit_bytes and (chunk := os.read(file, min(_CHUNK_BYTES, limit_bytes - len(data)))):
        data += chunk
    return bytes(data)


def _hash(file: int, read: bytes = b"") -> str:
    hashed = hashlib.sha256(read)
    while chunk := os.read(file, _CHUNK_BYTES):
        hashed.update(chunk)
    return hashed.hexdigest()


def _described(entry: os.DirEntry[str]) -> JSON:
    kind, size_bytes = "other", 0
    try:
        status = entry.stat(follow_symlinks=False)
        size_bytes = status.st_size
        if stat.S_ISREG(status.st_mode):
            kind = "file"
        elif stat.S_ISDIR(status.st_mode):
            kind = "folder"
        elif stat.S_ISLNK(status.st_mode):
            kind = "link"
    except FileNotFoundError:
        pass  # it went away since the folder was read: the name alone is still true
    return {"name": os.fsencode(entry.name).decode("utf-8", "backslashreplace"), "kind": kind, "size_bytes": size_bytes}


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {"files.read": read_text, "files.list": list_folder, "files.hash": hash_file}
)
