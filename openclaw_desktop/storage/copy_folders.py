"""Which folders may hold copies of the file: an erasure and a change of the key have to reach all of them.

Owns the list beside the file, since the user may name another folder at any time and leave copies in the old one. Must
not know what is done there. Any thread; reads and writes one small file.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.storage.atomic import write_atomically
from openclaw_desktop.storage.backup import BackupPlan, list_copies

log = logging.getLogger(__name__)

LIST = "backup-folders.json"


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


def note_folder(data: Path, plan: BackupPlan) -> None:
    """Add the folder that the user chose, once it is there, and drop others that are there and hold no copy."""
    noted = noted_folders(data)
    kept = {folder for folder in noted if not folder.is_dir() or list_copies(folder)}
    if plan.chosen and plan.folder.is_dir():
        kept.add(plan.folder)
    if kept == set(noted):
        return
    try:
        write_atomically(data / LIST, json.dumps(sorted(map(str, kept)), indent=2).encode() + b"\n")
    except UserError as error:  # a full disk must not keep the agent from starting
        log.warning("the folder of copies is not noted: %s", error)
