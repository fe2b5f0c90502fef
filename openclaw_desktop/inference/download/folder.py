"""A copy of a model in another folder: a stick, or a share of the network.

Owns the copying. Must not know what the bytes are. Loop; reading in a thread.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.inference.download.part import CHUNK_BYTES, PartFile, SegmentDamaged


async def fetch(source: Path, part: PartFile) -> None:
    """Copy what `part` lacks from the file `source`; raises UserError where that is not the model. OSError: ours."""
    while part.size < part.model.size_bytes:
        try:
            chunk = await asyncio.to_thread(_read, source, part.size, part.model.size_bytes)
        except OSError as error:
            raise _unusable(source, error.strerror or str(error)) from error
        if not chunk:
            raise _unusable(source, tr("it has another size"))
        try:
            await asyncio.to_thread(part.append, chunk)
        except SegmentDamaged as error:
            raise _unusable(source, tr("it is damaged")) from error


def _read(source: Path, offset: int, size: int) -> bytes:
    with source.open("rb") as file:
        if source.stat().st_size != size:
            return b""
        file.seek(offset)
        return file.read(16 * CHUNK_BYTES)


def _unusable(source: Path, reason: str) -> UserError:
    return UserError(
        "download_failed",
        tr("{path} can't be used: {reason}.", path=source, reason=reason),
        tr("Check the folder, then run the same command again."),
    )
