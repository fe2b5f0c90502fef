"""Where programs write what went wrong: never to a person.

Owns the log file of the tray and the notes of crashes.
"""

from __future__ import annotations

import logging
import os
import tempfile
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path

from openclaw_desktop.system.paths import Home

LOG_BYTES = 1 << 20
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_to_file(home: Home) -> None:
    """Send the program's log to `logs/agent.log`; where that cannot be written, warnings go to stderr."""
    try:
        handler: logging.Handler = RotatingFileHandler(
            home.logs / "agent.log", maxBytes=LOG_BYTES, backupCount=2, encoding="utf-8"
        )
    except OSError:
        handler = logging.StreamHandler()
        handler.setLevel(logging.WARNING)
    logging.basicConfig(level=logging.INFO, handlers=[handler], format=FORMAT)


def write_crash(home: Home | None, error: BaseException) -> Path:
    """Write the traceback of an error of our own to a file and return its path."""
    text = "".join(traceback.format_exception(error))
    for folder in ([home.logs] if home else []) + [Path(tempfile.gettempdir())]:
        try:
            # A name of its own, made 0600: nobody can have put a link there.
            descriptor, name = tempfile.mkstemp(prefix="crash-", suffix=".txt", dir=folder)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            continue
        return Path(name)
    return Path("-")
