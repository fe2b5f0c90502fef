"""Where programs write what went wrong: never to a person.

Owns the log file of the tray and the notes of crashes.
"""

from __future__ import annotations

import logging
import tempfile
import traceback
from datetime import UTC, datetime
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
    name = f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S}.txt"
    for folder in ([home.logs] if home else []) + [Path(tempfile.gettempdir())]:
        path = folder / name
        try:
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
        except OSError:
            continue
        return path
    return Path("-")
