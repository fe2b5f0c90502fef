"""Which models are on this machine, known by their SHA-256.

Owns the search through the model folders and the record of what was verified. Must not know how files get there.
Hashing runs in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.inference.catalogue import CatalogueModel
from openclaw_desktop.storage.atomic import write_atomically

log = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What was found for a model: a verified `path`, or None with the `problem` in a sentence."""

    model: CatalogueModel
    path: Path | None
    problem: str = ""


class ModelFiles:
    """Finds models in `folders`; the first is ours and holds the record of verified files."""

    def __init__(self, folders: tuple[Path, ...], record: Path) -> None:
        self._folders = folders
        self._record = record

    async def find(self, model: CatalogueModel) -> ModelFile:
        """Return the model's file, hashed unless it is the one that was hashed before (path, size, time)."""
        if model.path is not None:
            return await asyncio.to_thread(self._find_own, model, model.path)
        problem = ""
        for folder in self._folders:
            path = folder / model.file
            try:
                size = path.stat().st_size
            except OSError:
                continue
            if size != model.size_bytes:
                problem = tr(
                    "{path} is damaged: it has {size} of {expected} bytes.",
                    path=path,
                    size=f"{size:,}",
                    expected=f"{model.size_bytes:,}",
                )
            elif await asyncio.to_thread(self._verified, path, model.sha256):
                return ModelFile(model, path)
            else:
                problem = tr("{path} is damaged: its content is not that of {title}.", path=path, title=model.title)
        return ModelFile(model, None, problem)

    def _find_own(self, model: CatalogueModel, path: Path) -> ModelFile:
        """Return the file of the user's own, used where it lies."""
        try:
            size = path.stat().st_size
        except OSError:
            return ModelFile(model, None, tr("{path} is gone, or its disk is not there.", path=path))
        if size == model.size_bytes and self._verified(path, model.sha256):
            return ModelFile(model, path)
        changed = tr("{path} has changed since it was added. If you trust it, remove it and add it again.", path=path)
        return ModelFile(model, None, changed)

    async def trust(self, path: Path, sha256: str) -> None:
        """Note that the file at `path` was hashed while it was written."""
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._remember, path, sha256)

    def _verified(self, path: Path, sha256: str) -> bool:
        try:
            if self._read_record().get(_key(path)) != sha256:
                if hash_file(path) != sha256:
                    return False
                self._remember(path, sha256)
        except OSError as error:
            log.warning("cannot read %s: %s", path, error)
            return False
        return True

    def _remember(self, path: Path, sha256: str) -> None:
        known = {name: value for name, value in self._read_record().items() if Path(name.split("|")[0]).exists()}
        self._write_record(known | {_key(path): sha256})

    def _read_record(self) -> dict[str, str]:
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def _write_record(self, record: dict[str, str]) -> None:
        try:
            write_atomically(self._record, json.dumps(record, indent=1).encode())
        except UserError as error:
            log.warning("the record of verified models was not kept: %s", error)


def _key(path: Path) -> str:
    """Return what tells a file from what it was before it changed."""
    stat = path.stat()
    return f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ino}"


def hash_file(path: Path) -> str:
    """Return the file's SHA-256 in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
