"""The programs of ours on this machine: what starts them, and how one starts itself anew.

Owns the commands of both programs, frozen or installed by pip. Must not know what they do.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Literal, NoReturn

import psutil

ProgramName = Literal["openclaw-agent", "openclaw-desktop"]
_MODULES = {"openclaw-agent": "openclaw_desktop.cli.agent", "openclaw-desktop": "openclaw_desktop.cli.desktop"}
END_TIMEOUT_S = 5.0


def program_command(name: ProgramName) -> list[str]:
    """Return the command that starts a program of ours: the file beside this one, else this Python with its module."""
    suffix = ".exe" if sys.platform == "win32" else ""
    # Not resolved: the Python of a virtual environment is a link, and what lies beside the link is that environment's.
    beside = Path(sys.executable).absolute().with_name(name + suffix)
    if beside.is_file():
        return [str(beside)]
    return [str(Path(sys.executable).absolute()), "-P", "-m", _MODULES[name]]


def start_again() -> NoReturn:
    """Put this program anew in the place of this process, after ending all children. Any thread; returns never."""
    children = psutil.Process().children(recursive=True)
    for child in children:
        with contextlib.suppress(psutil.Error):
            child.kill()
    psutil.wait_procs(children, END_TIMEOUT_S)
    if sys.platform == "linux":
        # Nothing open is handed on: what is left of a display, a bus or the home's lock ends with this.
        for descriptor in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
            if descriptor > 2:
                with contextlib.suppress(OSError):
                    os.set_inheritable(descriptor, False)
    frozen = bool(getattr(sys, "frozen", False))
    words = [sys.executable, *sys.argv[1:]] if frozen else [sys.executable, *sys.orig_argv[1:]]
    os.execv(sys.executable, words)  # noqa: S606 - there is no shell to want
