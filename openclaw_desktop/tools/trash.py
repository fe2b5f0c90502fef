"""Where what is removed goes: the trash of the user's own desktop, or of the disk that a file lies on.

Owns the choice of the folder, by freedesktop.org's Trash specification 1.0. Must not move anything: that is done in the
jail. Blocking; a thread.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible


def prepare_trash(path: Path, data_home: Path) -> Path:
    """Return the trash folder on the disk of `path`, made where it lacks; raises UserError where there can be none.

    `data_home`: XDG_DATA_HOME.
    """
    try:
        device = os.lstat(path.parent).st_dev
        own = data_home / "Trash"
        _make(own)
        if os.lstat(own).st_dev == device:
            return own.resolve()
        top = next(folder for folder in (path, *path.parents) if _is_top(folder, device))
        there = top / f".Trash-{os.getuid() if hasattr(os, 'getuid') else 0}"
        _make(there)
        return there.resolve()
    except OSError as error:
        raise UserError(
            "no_trash",
            tr(
                "There is no trash for {path} ({reason}), so nothing was changed.",
                path=visible(str(path)), reason=error.strerror or str(error),
            ),
            tr("Nothing is deleted for good: make room or ask for a folder on your own disk."),
        ) from error  # fmt: skip


def _is_top(folder: Path, device: int) -> bool:
    return folder == folder.parent or os.lstat(folder.parent).st_dev != device


def _make(trash: Path) -> None:
    for folder in (trash, trash / "files", trash / "info"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = os.lstat(folder)
        if not stat.S_ISDIR(status.st_mode) or (hasattr(os, "getuid") and status.st_uid != os.getuid()):
            # Somebody's link in the place of the trash would carry the user's files away.
            raise OSError(f"{folder} is no folder of yours")
