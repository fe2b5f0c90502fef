"""Finding files by name and by what they say: the functions that run inside the jail.

Owns how far a search goes: so many entries, so many bytes, and then it says that it stopped. Must not know whether it
may look: the jail has decided. Tool worker, in the jailed child.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from openclaw_desktop.workers.calls import JSON, Handler

ENTRIES = 50_000
READ_BYTES = 64 << 20
FILE_BYTES = 4 << 20
LINE_CHARS = 300
LINES_A_FILE = 5
_UNWANTED = frozenset({"node_modules", "__pycache__", ".git", ".hg", ".svn", ".cache", ".venv", "Trash"})
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_GLOB = re.compile(r"[*?\[]")


def find(folder: str, name: str = "", text: str = "", limit: int = 100) -> JSON:
    r"""Return {"found": [{"path", "kind", "size_bytes", "lines": [{"number", "text"}]}], "truncated"}.

    `name`: a part of the name, or a pattern with `*` and `?`; `text`: what a line says, in any case of letters. Paths
    are relative to `folder`. Links are not followed. A byte that is no text shows as `\xff`.
    """
    pattern = re.compile(fnmatch.translate(name if _GLOB.search(name) else f"*{name}*"), re.IGNORECASE)
    wanted = text.casefold().encode()
    found: list[JSON] = []
    left_bytes, truncated = READ_BYTES, False
    for seen, entry in enumerate(_walk(folder)):
        if seen >= ENTRIES or len(found) >= limit or left_bytes <= 0:
            truncated = True
            break
        if not pattern.fullmatch(entry.name):
            continue
        lines: list[JSON] = []
        if wanted:
            lines, read_bytes = _search(entry, wanted, left_bytes)
            left_bytes -= read_bytes
            if not lines:
                continue
        found.append(_described(entry, folder, lines))
    return {"found": found, "truncated": truncated}


def _walk(folder: str) -> Iterator[os.DirEntry[str]]:
    waiting = [folder]
    while waiting:
        here = waiting.pop(0)
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError:
            continue  # a folder that may not be read, or went away
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False) and entry.name not in _UNWANTED:
                waiting.append(entry.path)


def _search(entry: os.DirEntry[str], wanted: bytes, left_bytes: int) -> tuple[list[JSON], int]:
    """Return the lines of a text file that say `wanted`, and how many bytes were read."""
    if not entry.is_file(follow_symlinks=False):
        return [], 0
    try:
        file = os.open(entry.path, _FLAGS)
    except OSError:
        return [], 0
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return [], 0
        data = os.read(file, min(FILE_BYTES, left_bytes))
    finally:
        os.close(file)
    if b"\0" in data[:8000]:
        return [], len(data)
    text = data.decode("utf-8", "replace")
    if wanted not in text.casefold().encode():
        return [], len(data)
    lines = [
        {"number": number, "text": line.strip()[:LINE_CHARS]}
        for number, line in enumerate(text.splitlines(), 1)
        if wanted in line.casefold().encode()
    ]
    return lines[:LINES_A_FILE], len(data)


def _described(entry: os.DirEntry[str], folder: str, lines: list[JSON]) -> JSON:
    path = os.path.relpath(entry.path, folder)
    kind, size_bytes = "other", 0
    try:
        status = entry.stat(follow_symlinks=False)
        size_bytes = status.st_size
        kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
        kind = kinds.get(stat.S_IFMT(status.st_mode), "other")
    except OSError:
        pass  # it went away since: the name alone is still true
    shown = os.fsencode(path).decode("utf-8", "backslashreplace")
    return {"path": shown, "kind": kind, "size_bytes": size_bytes, "lines": lines}


HANDLERS: Mapping[str, Handler] = MappingProxyType({"files.find": find})
