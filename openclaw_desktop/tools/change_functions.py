# Memory counts in this process, and pathlib brings much.
# ruff: noqa: PTH108, PTH118, PTH119, PTH120
"""Changing files: the functions that run inside the jail, which lets them touch the granted folders alone.

Owns how a change is made so that it can be taken back: a text is written beside its file and takes its place at once,
and nothing is ever deleted, only moved to the trash (freedesktop.org's Trash specification, 1.0). Links are never
followed. Must not know whether it may: the jail has decided. Tool worker, in the jailed child.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from urllib.parse import quote

from openclaw_desktop.workers.calls import JSON, CallFailed, Handler

_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_CLOEXEC: int = getattr(os, "O_CLOEXEC", 0)
_FOLDER = os.O_RDONLY | _NOFOLLOW | _CLOEXEC | getattr(os, "O_DIRECTORY", 0)
_CHUNK_BYTES = 1 << 18
_TRIES = 1000
_TEMPORARY = re.compile(r"\..{1,100}\.[0-9a-f]{12}\.part", re.DOTALL)


def foresee(path: str, text: str, mode: str) -> JSON:
    """Return {"sha256", "sha256_before"} of what `write` would make of the file, and of what it would keep of it.

    Raises CallFailed `exists`, `missing`, `not_file`, OSError, as `write` does.
    """
    parent, name = os.path.split(path)
    folder = os.open(parent, _FOLDER)
    try:
        old, data, _ = _before_and_after(folder, name, text, mode)
    finally:
        os.close(folder)
    return {"sha256": hashlib.sha256(data).hexdigest(), "sha256_before": hashlib.sha256(old).hexdigest()}


def write(path: str, text: str, mode: str, trash: str, sha256: str = "") -> JSON:
    """Write `text` to the file at `path`: {"sha256", "before": where the old file lies in the trash}.

    `mode`: "create" (nothing may be there), "replace" (a file must be there; it goes to the trash) or "append".
    `sha256`: what the file has to have afterwards, as `foresee` said; "": anything.
    Raises CallFailed `exists`, `missing`, `not_file`, `changed`, OSError.
    """
    parent, name = os.path.split(path)
    folder = os.open(parent, _FOLDER)
    try:
        _, data, status = _before_and_after(folder, name, text, mode)
        made = hashlib.sha256(data).hexdigest()
        if sha256 not in ("", made):
            raise CallFailed("changed", "it changed a moment ago")
        with _beside(folder, name, data, stat.S_IMODE(status.st_mode) if status else 0o644) as temporary:
            before = _move_to_trash(path, folder, name, trash) if status is not None else None
            _rename_new(folder, temporary, folder, name)
        os.fsync(folder)
        return {"sha256": made, "before": before}
    finally:
        os.close(folder)


def write_new(path: str, data: bytes) -> None:
    """Write `data` to a new file that only its owner reads: whole, or not at all under that name.

    Raises CallFailed `exists`, OSError.
    """
    parent, name = os.path.split(path)
    folder = os.open(parent, _FOLDER)
    try:
        if _status(folder, name) is not None:
            raise CallFailed("exists", "something of that name is there already")
        with _beside(folder, name, data, 0o600) as temporary:
            _rename_new(folder, temporary, folder, name)
        os.fsync(folder)
    finally:
        os.close(folder)


def is_temporary(name: str) -> bool:
    """Return True where a file is called as what is half written here: a kill may have left it with part of a text."""
    return _TEMPORARY.fullmatch(name) is not None


def _before_and_after(folder: int, name: str, text: str, mode: str) -> tuple[bytes, bytes, os.stat_result | None]:
    """Return what a file keeps, what it has when `text` is written to it, and its status."""
    status = _status(folder, name)
    if mode == "create" and status is not None:
        raise CallFailed("exists", "something of that name is there already")
    if mode != "create" and status is None:
        raise CallFailed("missing", "there is no such file")
    if status is not None and not stat.S_ISREG(status.st_mode):
        raise CallFailed("not_file", "this is not a regular file")
    old = _content(folder, name) if mode == "append" else b""
    return old, old + text.encode("utf-8", "surrogatepass"), status


@contextlib.contextmanager
def _beside(folder: int, name: str, data: bytes, mode: int) -> Iterator[str]:
    """Give the name of a file with `data` beside `name`, to be renamed; it goes where that fails."""
    temporary = f".{name[:100]}.{os.urandom(6).hex()}.part"
    try:
        _fill(folder, temporary, data, mode)
        yield temporary
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise


def make_folder(path: str) -> JSON:
    """Make one folder; raises CallFailed `exists`, OSError."""
    parent, name = os.path.split(path)
    folder = os.open(parent, _FOLDER)
    try:
        os.mkdir(name, 0o755, dir_fd=folder)
    except FileExistsError:
        raise CallFailed("exists", "something of that name is there already") from None
    finally:
        os.close(folder)
    return {}


def move(source: str, target: str) -> JSON:
    """Move a file or folder to a name that is free; raises CallFailed `exists`, `missing`, OSError."""
    from_folder = os.open(os.path.dirname(source), _FOLDER)
    try:
        to_folder = os.open(os.path.dirname(target), _FOLDER)
        try:
            if _status(from_folder, os.path.basename(source)) is None:
                raise CallFailed("missing", "it is no longer there")
            _rename_new(from_folder, os.path.basename(source), to_folder, os.path.basename(target))
        finally:
            os.close(to_folder)
    finally:
        os.close(from_folder)
    return {}


def put_in_trash(path: str, trash: str) -> JSON:
    """Move a file or folder to the trash: {"trashed": where it lies there}. Raises CallFailed `missing`, OSError."""
    parent, name = os.path.split(path)
    folder = os.open(parent, _FOLDER)
    try:
        if _status(folder, name) is None:
            raise CallFailed("missing", "it is no longer there")
        return {"trashed": _move_to_trash(path, folder, name, trash)}
    finally:
        os.close(folder)


def take_back(trashed: str, path: str) -> JSON:
    """Move what lies in the trash back to `path`, whose place must be free. Raises CallFailed `exists`, `missing`."""
    move(trashed, path)
    information = os.path.join(
        os.path.dirname(os.path.dirname(trashed)), "info", os.path.basename(trashed) + ".trashinfo"
    )
    with contextlib.suppress(FileNotFoundError):
        os.unlink(information)
    return {}


def fingerprint(path: str) -> JSON:
    """Return {"sha256"} of a regular file, null where there is none."""
    parent, name = os.path.split(path)
    folder = os.open(parent, _FOLDER)
    try:
        status = _status(folder, name)
        if status is None or not stat.S_ISREG(status.st_mode):
            return {"sha256": None}
        return {"sha256": hashlib.sha256(_content(folder, name)).hexdigest()}
    finally:
        os.close(folder)


def _status(folder: int, name: str) -> os.stat_result | None:
    if name in ("", ".", "..") or "/" in name:
        raise CallFailed("missing", "this is no name of a file")
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _content(folder: int, name: str) -> bytes:
    file = os.open(name, os.O_RDONLY | _NOFOLLOW | _CLOEXEC, dir_fd=folder)
    try:
        data = bytearray()
        while chunk := os.read(file, _CHUNK_BYTES):
            data += chunk
        return bytes(data)
    finally:
        os.close(file)


def _fill(folder: int, name: str, data: bytes, mode: int) -> None:
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _CLOEXEC, mode, dir_fd=folder)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    finally:
        os.close(file)


def _rename_new(from_folder: int, name: str, to_folder: int, new_name: str) -> None:
    """Rename to a name that nothing has; the jail has no call that does both in one step, so it looks first."""
    if _status(to_folder, new_name) is not None:
        raise CallFailed("exists", "something of that name is there already")
    os.rename(name, new_name, src_dir_fd=from_folder, dst_dir_fd=to_folder)


def _move_to_trash(path: str, folder: int, name: str, trash: str) -> str:
    """Move `name` to the trash folder `trash`, which has `files` and `info`; return where it lies."""
    files = os.open(os.path.join(trash, "files"), _FOLDER)
    try:
        info = os.open(os.path.join(trash, "info"), _FOLDER)
        try:
            kept = _reserve(info, name, path)
            try:
                os.rename(name, kept, src_dir_fd=folder, dst_dir_fd=files)
            except OSError as error:
                os.unlink(f"{kept}.trashinfo", dir_fd=info)
                if error.errno == errno.EXDEV:
                    raise CallFailed("other_disk", "it lies on another disk than the trash") from None
                raise
            return os.path.join(trash, "files", kept)
        finally:
            os.close(info)
    finally:
        os.close(files)


def _reserve(info: int, name: str, path: str) -> str:
    """Write the trash's note about `name`, whose own name reserves that of the file; return it."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S")
    note = f"[Trash Info]\nPath={quote(os.fsencode(path))}\nDeletionDate={moment}\n".encode()
    for number in range(1, _TRIES):
        kept = name if number == 1 else f"{name}.{number}"
        try:
            _fill(info, f"{kept}.trashinfo", note, 0o600)
        except FileExistsError:
            continue
        return kept
    raise CallFailed("exists", "the trash has too many files of that name")


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "files.foresee": foresee,
        "files.write": write,
        "files.make_folder": make_folder,
        "files.move": move,
        "files.trash": put_in_trash,
        "files.take_back": take_back,
        "files.fingerprint": fingerprint,
    }
)
