"""Which folders may hold copies of the file: an erasure and a change of the key have to reach all of them.

Owns the list beside the file, since the user may name another folder at any time and leave copies in the old one, and
the mark in each of them: where a disk is not plugged in, an empty folder may stand in its place. Must not know what is
done there. Any thread; reads and writes small files.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.storage.atomic import write_atomically

log = logging.getLogger(__name__)

LIST = "backup-folders.json"
# An empty file, so that anybody can make it where a folder was emptied on purpose. It never moves by itself.
MARK = "openclaw-backups-here"


def noted_folders(data: Path) -> tuple[Path, ...]:
    """Return the folders that were noted in `data`, the folder of the file."""
    try:
        names = json.loads((data / LIST).read_bytes())
        return tuple(Path(name) for name in names if isinstance(name, str) and "\0" not in name)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, RecursionError) as error:
        log.warning("the list of backup folders can't be read: %s", error)
        return ()


def is_there(folder: Path, data: Path | None) -> bool:
    """Return whether a folder can be read and is the one that was noted in `data`, not an empty one in its place.

    A disk that fails is as good as one that is not plugged in.
    """
    try:
        if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
            return False
        return data is None or folder not in noted_folders(data) or _is_known(folder)
    except OSError:
        return False


def note_folder(data: Path, chosen: Path | None) -> None:
    """Add the folder that the user chose, once it is there, and drop others that are there and hold no copy.

    Each noted folder that is there is marked; one without its mark is away, unless it holds copies: from before there
    were marks.
    """
    noted = noted_folders(data)
    kept = set(noted)
    try:
        for folder in noted:
            if folder != chosen and folder.is_dir() and (folder / MARK).exists() and not _holds_copies(folder):
                kept.discard(folder)
                (folder / MARK).unlink()
        if chosen is not None and chosen.is_dir():
            kept.add(chosen)
        for folder in sorted(kept):
            if folder.is_dir() and not (folder / MARK).exists() and (folder not in noted or _holds_copies(folder)):
                (folder / MARK).touch(mode=0o600)
        if kept != set(noted):
            write_atomically(data / LIST, json.dumps(sorted(map(str, kept)), indent=2).encode() + b"\n")
    except (UserError, OSError) as error:  # a full disk must not keep the agent from starting
        log.warning("the folder of copies is not noted: %s", error)


def _is_known(folder: Path) -> bool:
    return (folder / MARK).exists() or _holds_copies(folder)


def _holds_copies(folder: Path) -> bool:
    return any(folder.glob("openclaw-*.db"))
