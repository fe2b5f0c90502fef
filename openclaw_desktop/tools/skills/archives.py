"""A skill out of a zip or tar.gz archive, without trusting it.

Owns the checks of an archive: no absolute path, no `..`, no link or device, no bomb. Writes nothing: what it holds
comes back as bytes. Command line's process; blocking.
"""

from __future__ import annotations

import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.tools.skills.tree import BYTES_MOST, FILES_MOST, check_path

RATIO_MOST = 100
# Text alone may shrink a lot: below so many bytes the ratio says nothing.
RATIO_FROM_BYTES = 1 << 20
_BROKEN = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, tarfile.TarError,
           zlib.error, lzma.LZMAError, MemoryError)  # fmt: skip


def read_archive(path: Path) -> dict[str, bytes]:
    """Return the files of the one skill in an archive by their paths; raises UserError where anything is wrong."""
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MOST + 1)
        if len(data) > BYTES_MOST:
            raise _refused(tr("It is larger than {size} MB.", size=BYTES_MOST >> 20))
        members = _zip(data) if zipfile.is_zipfile(io.BytesIO(data)) else _tar(data)
        files: dict[str, bytes] = {}
        total = 0
        for name, content in members:
            inside = check_path(name)
            if inside.lower() in {known.lower() for known in files}:
                raise _refused(tr("{path} is in it twice.", path=visible(inside)))
            files[inside] = content
            total += len(content)
            if len(files) > FILES_MOST or total > BYTES_MOST:
                raise _refused(tr("It holds more than a skill may."))
        for inside in files:
            if above := {str(folder).lower() for folder in PurePosixPath(inside).parents} & {*map(str.lower, files)}:
                raise _refused(tr("{path} is both a file and a folder in it.", path=visible(min(above))))
    except _BROKEN as error:
        raise _refused(tr("It could not be read whole.")) from error
    return _one_skill(files)


def _zip(data: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if len(entries) > 2 * FILES_MOST or sum(entry.file_size for entry in entries) > BYTES_MOST:
            raise _refused(tr("It holds more than a skill may."))
        for entry in entries:
            mode = entry.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refused(tr("{path} is a link or a device.", path=visible(entry.filename)))
            check_path(entry.filename)
            if entry.file_size > RATIO_FROM_BYTES and entry.file_size > RATIO_MOST * max(1, entry.compress_size):
                raise _refused(tr("{path} is packed suspiciously small.", path=visible(entry.filename)))
            if not entry.is_dir():
                # What an entry says of its size may be a lie: no more than that is read.
                with archive.open(entry) as file:
                    content = file.read(entry.file_size + 1)
                if len(content) != entry.file_size:
                    raise _refused(tr("{path} is not as large as it says.", path=visible(entry.filename)))
                yield entry.filename, content


def _tar(data: bytes) -> Iterator[tuple[str, bytes]]:
    # Unpacked to its cap first: a tar's own headers may be bombs too.
    most = min(BYTES_MOST + (1 << 20), max(RATIO_FROM_BYTES, RATIO_MOST * len(data)))
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
        plain = packed.read(most + 1)
    if len(plain) > most:
        raise _refused(tr("It holds more than a skill may."))
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
        for member in archive:
            check_path(member.name)
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                raise _refused(tr("{path} is a link or a device.", path=visible(member.name)))
            file = archive.extractfile(member)
            yield member.name, file.read() if file is not None else b""


def _one_skill(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files below the one folder that has the SKILL.md."""
    if "SKILL.md" in files:
        return files
    tops = {path.split("/")[0] for path in files}
    top = next(iter(tops), "")
    if len(tops) != 1 or f"{top}/SKILL.md" not in files:
        raise _refused(tr("It does not hold one skill: a SKILL.md, alone or in one folder."))
    return {path.removeprefix(f"{top}/"): content for path, content in files.items()}


def _refused(sentence: str) -> UserError:
    return UserError("skill_refused", sentence, tr("So nothing was installed."))
