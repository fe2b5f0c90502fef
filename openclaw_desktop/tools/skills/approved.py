"""What a skill was when it was approved, so that a change can be shown and not just be named.

Owns the copies (`.approved/NAME.zip`) and the words of a difference. A copy counts only where it is what was approved,
by its hashes. Must not know who looks at it. Any process; blocking, a skill is small.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.tools.skills.archives import read_archive
from openclaw_desktop.tools.skills.tree import differences, hash_files

FOLDER = ".approved"
LINES_OF_A_FILE, LINES_MOST, LINE_CHARS = 300, 2_000, 300


def keep_copy(installed: Path, name: str, files: Mapping[str, bytes]) -> None:
    """Keep what was approved of a skill; raises OSError."""
    folder = installed / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, coming = tempfile.mkstemp(prefix=".coming-", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in files.items():
                archive.writestr(path, content)
        Path(coming).replace(folder / f"{name}.zip")
    except OSError:
        with contextlib.suppress(OSError):
            Path(coming).unlink()
        raise


def load_copy(installed: Path, name: str, hashes: Mapping[str, str]) -> Mapping[str, bytes] | None:
    """Return the files of an approved skill; None where its copy is not there or is not what was approved."""
    with contextlib.suppress(UserError):
        files = read_archive(installed / FOLDER / f"{name}.zip")
        if hash_files(files) == dict(hashes):
            return files
    return None


def drop_copy(installed: Path, name: str) -> None:
    """Forget the copy of a skill that is removed."""
    with contextlib.suppress(OSError):
        (installed / FOLDER / f"{name}.zip").unlink()


def describe_change(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the difference between two trees, line by line; nothing in it can hide."""
    lines: list[str] = []
    for path in sorted({*before, *after}):
        old, new = before.get(path, b""), after.get(path, b"")
        sides = [hash_files({path: side[path]} if path in side else {}) for side in (before, after)]
        if told := differences(*sides):
            lines += [*told, *_first(list(_difference(old, new)), LINES_OF_A_FILE)]
    return tuple(_first(lines, LINES_MOST))


def _difference(old: bytes, new: bytes) -> Iterator[str]:
    try:
        before, after = old.decode().splitlines(), new.decode().splitlines()
    except UnicodeDecodeError:
        yield tr("  no text: {before} bytes before, {after} bytes now", before=len(old), after=len(new))
        return
    for line in difflib.unified_diff(before, after, n=2, lineterm=""):
        if not line.startswith(("--- ", "+++ ")):
            yield "  " + visible(line[:LINE_CHARS]) + ("…" if len(line) > LINE_CHARS else "")


def _first(lines: list[str], most: int) -> list[str]:
    if len(lines) <= most:
        return lines
    return [*lines[:most], tr("  [and {count} lines more]", count=len(lines) - most)]
