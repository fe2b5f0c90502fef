"""Writing a small file whole or not at all.

Owns the temporary file and its end. Must not know what the file means. Any thread; waits for the disk.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file at `path`, or the one that a link there leads to, by one with mode 0600.

    Raises UserError; the old file is then as it was.
    """
    target = Path(os.path.realpath(path))
    temporary: Path | None = None
    try:
        # mkstemp makes the file 0600 whatever the umask is.
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        raise UserError(
            "file_not_written",
            tr("{path} can't be written: {reason}.", path=visible(str(path)), reason=error.strerror or error),
            tr("Nothing was changed. Check that the disk is not full and that you may write there."),
        ) from error


def sync_folder(folder: Path) -> None:
    """Make the new name last: a rename is kept by the folder, not by the file."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
