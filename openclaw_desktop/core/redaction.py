"""What may stand in a log, a crash report or a support bundle: no secret, no content, no name of the user's folder.

Owns what is taken out. An exception's own words may quote what a user or a page said, so it is told by its kind and
its place alone. Standard library only. Any thread.
"""

from __future__ import annotations

import logging
import re
import traceback
from pathlib import Path
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import without_controls

LINE_CHARS = 500
_GONE = "[removed]"
_NAMED = re.compile(
    r"(?i)\b(authorization|bearer|basic|passw(?:or)?d|passphrase|token|api[_-]?key|secret|cookie)(\"?\s*[:=]\s*|\s+)"
    r"(?:(bearer|basic)\s+)?[\"']?[^\s\"',;]+"
)
# Forms that keys have: they are one wherever they stand.
_KEYS = re.compile(
    r"\b(?:sk|pk|ghp|gho|ghs|github_pat|glpat|xox[a-z]|hf|AKIA)[-_]?[A-Za-z0-9_-]{12,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+)*"
    r"|\b(?=[A-Za-z0-9+/_-]*\d)(?=[A-Za-z0-9+/_-]*[A-Za-z])[A-Za-z0-9+_-]{32,}={0,2}"
)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"\b(https?|ftp|imaps?|smtps?|caldavs?|wss?)://([^/\s?#]*@)?([^/\s?#]*)[^\s\"']*")
_FRAME = re.compile(r'^ *File "([^"]+)", line (\d+)(?:,)? in (\S+)$')
_THREAD = re.compile(r"^(?:Current thread|Thread) 0x[0-9a-f]+(?: \[[\w-]+\])? \(most recent call first\):$")
_FATAL = re.compile(r"^Fatal Python error: ([A-Z][\w ]*)")
_KIND = re.compile(r"^((?:\w+\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning|Died|Failed|Timeout))(?::.*)?$")


def redact(text: str, home: str | None = None) -> str:
    """Return one line without secrets, addresses, what follows a host in a URL, and the user's folder (`home`)."""
    line = without_controls(text).replace("\n", " ")[: 4 * LINE_CHARS]
    line = _URL.sub(lambda found: f"{found[1]}://{found[3]}", line)
    line = _NAMED.sub(lambda found: f"{found[1]}{found[2]}{_GONE}", line)
    line = _KEYS.sub(_GONE, line)
    line = _ADDRESS.sub("[address]", line)
    return without_home(line, home)[:LINE_CHARS]


def without_home(text: str, home: str | None = None) -> str:
    """Return `text` with ~ in the place of the user's folder."""
    folder = home if home is not None else str(Path.home())
    return text.replace(folder, "~") if len(folder) > 1 else text


def stacks_only(text: str, home: str | None = None) -> str:
    """Return the places and kinds of error in a traceback or a dump of faulthandler; every other line is left out."""
    kept = []
    for line in text.splitlines():
        if _FRAME.match(line) or _THREAD.match(line):
            kept.append(without_home(line, home))
        elif found := _FATAL.match(line) or _KIND.match(line):
            kept.append(found[0] if found.re is _FATAL else found[1])
    return "\n".join(kept)


def describe_error(error: BaseException, home: str | None = None) -> str:
    """Return the places that an exception and its causes passed, and their kinds, without their words."""
    parts: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(parts) < 200:
        frames = [
            f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}'
            for frame in traceback.extract_tb(seen.__traceback__, limit=40)
        ]
        parts += [*frames, kind_of(seen)]
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return without_home("\n".join(parts), home)


def kind_of(error: BaseException) -> str:
    """Return what kind of error it is: its class, and its code, number or exit status where it has one."""
    if isinstance(error, UserError):
        return error.failure.code
    name = type(error).__name__
    for detail in ("errno", "returncode", "extendedresult", "code"):
        value = getattr(error, detail, None)
        if isinstance(value, int):
            return f"{name} {value}"
    return name


class RedactingFormatter(logging.Formatter):
    """Writes a record as one line, with the places of its error below it. `journal`: with systemd's level before it."""

    def __init__(self, *, journal: bool = False) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s" if journal else None)
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, redacted."""
        message = redact(_message(record))
        if record.exc_info and record.exc_info[1] is not None:
            message += "\n" + describe_error(record.exc_info[1])
        if self._journal:
            prefix = f"<{journal_level(record.levelno)}>"
            return "\n".join(f"{prefix}{line}" for line in f"{record.name}: {message}".splitlines())
        return f"{self.formatTime(record)} {record.levelname} {record.name}: {message}"


def journal_level(level: int) -> int:
    """Return syslog's number for a level of logging."""
    if level >= logging.CRITICAL:
        return 2
    if level >= logging.ERROR:
        return 3
    return 4 if level >= logging.WARNING else 6 if level >= logging.INFO else 7


def _message(record: logging.LogRecord) -> str:
    """Return the record's message, with the kind of each exception among its values in the place of its words."""
    values: Any = record.args
    if isinstance(values, tuple):
        values = tuple(kind_of(value) if isinstance(value, BaseException) else value for value in values)
    elif isinstance(values, BaseException):
        values = (kind_of(values),)
    try:
        return str(record.msg) % values if values else str(record.msg)
    except (TypeError, ValueError, KeyError):
        return str(record.msg)  # its values don't fit: the line is told without them
