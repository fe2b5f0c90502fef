"""The files that an import reads: found by name in a folder or a .zip, opened with care.

Owns the bounds on their size, and that nothing outside the given place is read: links that lead out of a folder are
refused, and nothing of a .zip is written to the disk. Must not know what the files mean. Any thread; waits for the
disk.
"""

from __future__ import annotations

import contextlib
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, BinaryIO

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.memory.transfer.entries import unreadable

UNPACKED_BYTES = 2 * 1024**3
# JSON shrinks to a tenth or a thirtieth; what shrinks to a two-hundredth was made to fill a memory.
PACKED_AT_MOST = 200
_SMALL_BYTES = 1024**2
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

# ChatGPT writes large exports in numbered parts, conversations-000.json and so on.
_CONVERSATIONS = re.compile(r"(?:[^/\\]+/)?conversations(?:-(?P<part>\d{1,6}))?\.json")
# What Claude remembers of the user is one file, or a folder of them.
_MEMORIES = re.compile(r"(?:[^/\\]+/)?memories\.json|memories/[^/\\]+\.json")
_OTHERS = re.compile(r"(?:[^/\\]+/)?((?:projects|design_chats)(?:\.json|/))(?:(?<=/)[^/\\]+\.json)?")


def open_file(path: Path, limit_bytes: int, root: Path | None = None) -> BinaryIO:
    """Open a plain file to read; raises UserError for any other, a larger one, or one outside of `root`."""
    name = visible(str(path if root is None else path.name))
    try:
        real = path.resolve(strict=True)
        if root is not None and not real.is_relative_to(root.resolve(strict=True)):
            raise unreadable(tr("{file} is a link that leads out of the folder.", file=name))
        if not real.is_file():
            raise unreadable(tr("{file} is not a file.", file=name))
        if real.stat().st_size > limit_bytes:
            raise _too_large(name, limit_bytes)
        return real.open("rb")
    except FileNotFoundError as error:
        raise unreadable(tr("There is no {file}.", file=name), tr("Check the path.")) from error
    except (OSError, RuntimeError, ValueError) as error:
        # A loop of links is a RuntimeError before Python 3.13; a path with a zero byte is a ValueError.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise unreadable(tr("{file} can't be read: {reason}.", file=name, reason=reason)) from error


@contextlib.contextmanager
def told_as_unreadable(path: Path) -> Iterator[None]:
    """Raise UserError in the place of what the disk says while a file at `path` is read."""
    try:
        yield
    except OSError as error:
        sentence = tr("{file} can't be read: {reason}.", file=visible(str(path)), reason=error.strerror or error)
        raise unreadable(sentence) from error


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder at `path`, False where that can't be known."""
    try:
        return path.is_dir()
    except OSError:
        return False


def list_folder(folder: Path) -> list[Path]:
    """Return what is in a folder, by name; raises UserError."""
    with told_as_unreadable(folder):
        return sorted(folder.iterdir())


def is_zip(path: Path) -> bool:
    """Tell whether a file begins as a .zip does."""
    with open_file(path, 2**63) as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


@contextlib.contextmanager
def told_as_damaged(name: str) -> Iterator[None]:
    """Raise UserError where a file called `name`, maybe in a .zip, breaks off or does not unpack."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        advice = tr("It may not have been downloaded in full: download it again.")
        raise unreadable(tr("{file} is damaged or cut short.", file=name), advice) from error


def conversation_files(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield name and content of each file of conversations: a .json file, or those in a folder or a .zip.

    Each is open until the next is asked for. Raises UserError, also for a place without any and without memories.
    """
    names = _names(path)
    memories = _chosen(names, _MEMORIES)
    # A single file may have any name.
    chosen = _chosen(names, _CONVERSATIONS) if is_folder(path) or is_zip(path) or memories else names
    if not chosen and not memories:
        raise no_conversations(path)
    return _opened(path, chosen)


def memory_files(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield, as `conversation_files` does, each file in which Claude keeps what it remembers; there may be none."""
    return _opened(path, _chosen(_names(path), _MEMORIES))


def other_files(path: Path) -> list[str]:
    """Return what an export of Claude's holds beside: projects.json or projects/, and the like."""
    return sorted({match[1] for name in _names(path) if (match := _OTHERS.fullmatch(name))})


def _names(path: Path) -> list[str]:
    """Return the names of what is in a folder, at most one folder deep, or in a .zip; of a file its own."""
    if is_folder(path):
        inside = [[inner] if not is_folder(inner) else _below(inner) for inner in list_folder(path)]
        return [inner.relative_to(path).as_posix() for group in inside for inner in group]
    if not is_zip(path):
        return [path.name]
    with _archive(path) as archive:
        return archive.namelist()


def _below(folder: Path) -> list[Path]:
    return [] if folder.is_symlink() else list_folder(folder)


def _opened(path: Path, names: Sequence[str]) -> Iterator[tuple[str, IO[bytes]]]:
    if is_folder(path):
        for name in names:
            with open_file(path / name, UNPACKED_BYTES, path) as file:
                yield name, file
    elif is_zip(path):
        yield from _zipped(path, names)
    elif names:
        with open_file(path, UNPACKED_BYTES) as file:
            yield path.name, file


def no_conversations(path: Path) -> UserError:
    """Return the error for a place without any of the files that could be read."""
    return unreadable(
        tr("There is nothing to import in {file}.", file=visible(str(path))),
        tr("Looked for: conversations.json, MEMORY.md, USER.md, memory/2026-01-31.md and the like."),
    )


@contextlib.contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    with open_file(path, 2**63) as file:
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, EOFError) as error:
            advice = tr("It may not have been downloaded in full: download it again.")
            raise unreadable(tr("{file} is damaged or cut short.", file=visible(path.name)), advice) from error
        with archive:
            yield archive


def _zipped(path: Path, names: Sequence[str]) -> Iterator[tuple[str, IO[bytes]]]:
    shown = visible(path.name)
    with _archive(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        if sum(entries[name].file_size for name in names) > UNPACKED_BYTES:
            raise _too_large(shown, UNPACKED_BYTES)
        for name in names:
            _check(entries[name], shown)
            try:
                opened = archive.open(entries[name])
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
                raise unreadable(tr("{file} is damaged or cut short.", file=shown)) from error
            with opened:
                yield name, opened


def _check(entry: zipfile.ZipInfo, shown: str) -> None:
    if entry.flag_bits & 1:
        raise unreadable(
            tr("{file} is locked with a password.", file=shown), tr("Unpack it, and give the folder instead.")
        )
    if entry.compress_type not in _METHODS:
        raise unreadable(
            tr("{file} is packed in a way that is not understood.", file=shown),
            tr("Unpack it, and give the folder instead."),
        )
    if entry.file_size > max(_SMALL_BYTES, PACKED_AT_MOST * entry.compress_size):
        raise unreadable(tr("{file} unpacks to far more than it should: it is not an export.", file=shown))


def _chosen(names: Iterable[str], form: re.Pattern[str]) -> list[str]:
    """Return, of `names`, those of a form that are nearest to the top: the one file, or its parts in order."""
    found = {name: match.groupdict().get("part") for name in names if (match := form.fullmatch(name))}
    depth = min((name.count("/") for name in found), default=0)
    near = [name for name in found if name.count("/") == depth]
    whole = [name for name in near if found[name] is None]
    return sorted(whole or near, key=lambda name: (name.rpartition("/")[0], int(found[name] or 0)))


def _too_large(name: str, limit_bytes: int) -> UserError:
    return unreadable(tr("{file} is too large: more than {limit} MiB.", file=name, limit=limit_bytes // 1024**2))
