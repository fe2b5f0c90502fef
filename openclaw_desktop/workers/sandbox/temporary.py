"""Folders for the time of one process: made for it alone, and removed even where it was killed.

Owns their names, which say whose they are. Must not know what lies in them. Tool worker and agent.
"""

# Memory counts in this process, and pathlib brings much.
# ruff: noqa: PTH102, PTH106, PTH108, PTH114, PTH208

from __future__ import annotations

import contextlib
import os
import sys

if sys.platform == "win32":
    import tempfile  # elsewhere too large for the fork server


def make(kind: str) -> str:
    """Make an empty folder, 0700, and return its canonical path; raises OSError.

    Those of processes that were killed go on this occasion, but on Windows, which doesn't say who runs.
    """
    if sys.platform == "win32":
        return os.path.realpath(tempfile.mkdtemp(prefix=f"openclaw-{kind}-"))
    parent, prefix = parent_folder(), f"openclaw-{kind}-"
    for name in os.listdir(parent):
        owner = name.removeprefix(prefix).partition("-")[0]
        if name.startswith(prefix) and owner.isdigit() and not _runs(int(owner)):
            with contextlib.suppress(OSError):
                if os.lstat(f"{parent}/{name}").st_uid == os.geteuid():
                    remove(f"{parent}/{name}")
    path = f"{parent}/{prefix}{os.getpid()}-{os.urandom(8).hex()}"
    os.mkdir(path, 0o700)
    return path


def parent_folder() -> str:
    """Return where these folders lie, canonical."""
    return os.path.realpath(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108 - what is put there is 0700 and ours


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def remove(folder: str) -> None:
    """Remove a folder that others filled: without following a link, however deep it is."""
    for path, folders, files in os.walk(folder, topdown=False):
        for name in (*files, *(name for name in folders if os.path.islink(f"{path}/{name}"))):
            with contextlib.suppress(OSError):
                os.unlink(f"{path}/{name}")
        with contextlib.suppress(OSError):
            os.rmdir(path)
