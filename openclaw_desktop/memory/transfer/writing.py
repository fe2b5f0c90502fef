"""A new file, whole or not at all, however long it is.

Owns the temporary file beside it and its end. Must not know what is written. Any thread; waits for the disk.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.storage.atomic import sync_folder


@contextlib.contextmanager
def new_file(path: Path, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Open a file of mode 0600 that takes its place at `path` when the block ends well.

    Raises UserError, where there is one already too, unless `overwrite`; what was there is then as it was. A folder or
    a device is never overwritten.
    """
    target = Path(os.path.realpath(path))
    if not overwrite:
        refuse_existing(path)
    elif target.exists() and not target.is_file():
        raise UserError(
            "export_not_a_file",
            tr("{path} is no file that could be overwritten.", path=visible(str(path))),
            tr("Choose another name."),
            ExitCode.USAGE,
        )
    temporary: Path | None = None
    try:
        # mkstemp makes the file 0600 whatever the umask is.
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not overwrite:
            refuse_existing(path)
        temporary.replace(target)
        temporary = None
        sync_folder(target.parent)
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def refuse_existing(path: Path) -> None:
    """Raise UserError where something is at `path`, a link that leads nowhere too."""
    if os.path.lexists(path):
        raise UserError(
            "export_exists",
            tr("{path} is there already.", path=visible(str(path))),
            tr("Choose another name, or overwrite it with --force."),
            ExitCode.USAGE,
        )


def not_written(path: Path, error: OSError) -> UserError:
    """Return the error for what the disk refused."""
    return UserError(
        "file_not_written",
        tr("{path} can't be written: {reason}.", path=visible(str(path)), reason=error.strerror or error),
        tr("Check that the folder is there, that you may write in it, and that the disk is not full."),
    )
