"""What a skill's folder holds, file by file, and the one hash over all of it.

Owns the caps and what has no place in a skill: links, devices, names that mislead. Must not know what a file says.
Any process; blocking, a skill is small.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible

FILES_MOST = 500
BYTES_MOST = 10 << 20
DEPTH_MOST = 8

Files = Mapping[str, str]


def check_path(path: str) -> str:
    """Return the path of a file within a skill, in parts by `/`; raises UserError where it leads out or misleads."""
    parts = PurePosixPath(path).parts
    bad = not parts or path.startswith("/") or "\\" in path or ":" in parts[0] or ".." in parts
    if bad or len(parts) > DEPTH_MOST or any(len(part) > 200 or not part.isprintable() for part in parts):
        raise _refused(tr("{path} is no path that a skill may have.", path=visible(path[:200])))
    return "/".join(parts)


def read_tree(folder: Path) -> dict[str, bytes]:
    """Return every file of a skill's folder by its path; raises UserError for links, devices and too much.

    A scan that meets an error refuses the whole.
    """
    found: dict[str, bytes] = {}
    total = 0

    def fail(error: OSError) -> None:
        raise error

    try:
        for parent, folders, names in os.walk(folder, onerror=fail):
            for name in [*folders, *names]:
                path = Path(parent, name)
                inside = check_path(path.relative_to(folder).as_posix())
                mode = path.lstat().st_mode
                if stat.S_ISDIR(mode):
                    continue
                if not stat.S_ISREG(mode):
                    raise _refused(tr("{path} is a link or a device.", path=visible(inside)))
                found[inside] = _read(path, BYTES_MOST - total)
                total += len(found[inside])
                if len(found) > FILES_MOST:
                    raise _refused(tr("It has more than {count} files.", count=FILES_MOST))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise _refused(tr("It could not be read whole: {reason}.", reason=reason)) from error
    return found


def hash_files(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of each file by its path, sorted."""
    return {path: hashlib.sha256(files[path]).hexdigest() for path in sorted(files)}


def hash_tree(files: Files) -> str:
    """Return the one SHA-256 over the paths and hashes of all files."""
    lines = "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def differences(before: Files, after: Files) -> tuple[str, ...]:
    """Return what changed between two trees, one line a file."""
    lines = []
    for path in sorted({*before, *after}):
        if path not in after:
            lines.append(tr("gone: {path}", path=visible(path)))
        elif path not in before:
            lines.append(tr("new: {path}", path=visible(path)))
        elif before[path] != after[path]:
            lines.append(tr("changed: {path}", path=visible(path)))
    return tuple(lines)


def _read(path: Path, left: int) -> bytes:
    # Opened without following: what was a file a moment ago may be a link now.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(left + 1)
    if len(data) > left:
        raise _refused(tr("It is larger than {size} MB.", size=BYTES_MOST >> 20))
    return data


def _refused(sentence: str) -> UserError:
    return UserError("skill_refused", sentence, tr("So it is not taken as a skill."))
