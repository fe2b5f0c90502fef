"""Where programs write what went wrong: never to a person.

Owns the log file, the lines for systemd's journal, and the notes of crashes. Every line passes the redaction.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path

from openclaw_desktop.core.redaction import RedactingFormatter, describe_error
from openclaw_desktop.system.paths import Home

LOG_BYTES = 1 << 20
LOGS_KEPT = 2
LOG_NAME = "agent.log"


def log_to_stderr(level: int, environ: Mapping[str, str]) -> None:
    """Send the program's log to stderr: systemd's journal, where that is what reads it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(journal=is_journal(environ)))
    logging.basicConfig(level=level, handlers=[handler])


def log_to_file(home: Home) -> None:
    """Send the program's log to `logs/agent.log`; where that cannot be written, warnings go to stderr."""
    try:
        handler: logging.Handler = RotatingFileHandler(
            home.logs / LOG_NAME, maxBytes=LOG_BYTES, backupCount=LOGS_KEPT, encoding="utf-8"
        )
    except OSError:
        handler = logging.StreamHandler()
        handler.setLevel(logging.WARNING)
    handler.setFormatter(RedactingFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)


def is_journal(environ: Mapping[str, str]) -> bool:
    """Return whether the journal reads our stderr: it names that stream by device and inode."""
    try:
        device, inode = (int(part) for part in environ.get("JOURNAL_STREAM", "").split(":"))
        found = os.fstat(2)
    except (ValueError, OSError):
        return False
    return (found.st_dev, found.st_ino) == (device, inode)


def write_crash(home: Home | None, error: BaseException) -> Path:
    """Write where an error of our own happened, and its kind, to a file and return its path."""
    text = describe_error(error) + "\n"
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
