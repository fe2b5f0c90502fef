"""`openclaw-agent logs`: what the agent noted of late, from its file or from systemd's journal.

Owns the reading of both. Every line passed the redaction when it was written, and passes it again. It needs no running
agent. Must not know who writes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from openclaw_desktop.cli import output
from openclaw_desktop.cli.logs import LOG_NAME, LOGS_KEPT
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.redaction import redact
from openclaw_desktop.core.text import tr
from openclaw_desktop.service.lifecycle.launch import LaunchDesk
from openclaw_desktop.system.paths import Home

LEVELS = ("debug", "info", "warning", "error")
_ORDER = {"DEBUG": 0, "INFO": 1, "WARNING": 2, "ERROR": 3, "CRITICAL": 4}
_BY_PRIORITY = {"0": "CRITICAL", "1": "CRITICAL", "2": "CRITICAL", "3": "ERROR", "4": "WARNING", "7": "DEBUG"}
_LINE = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) ([A-Z]+) (\S+): (.*)$")
# A person watches: the file is looked at so often.
LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class LogLine:
    """One record. `at`: ISO 8601, local time. `text`: with the places of its error in further lines."""

    at: str
    level: str
    logger: str
    text: str


async def show_logs(home: Home, arguments: argparse.Namespace) -> int:
    """Print the last records, and with --follow those that come."""
    if arguments.follow and arguments.json:
        raise UserError(
            "follow_json",
            tr("--follow has no end, so it makes no JSON document."),
            tr("Leave one of the two out."),
            ExitCode.USAGE,
        )
    scope = await asyncio.to_thread(_journal_scope, home)
    if arguments.follow:
        lines = _follow_journal(scope, arguments.n) if scope is not None else _follow_file(home, arguments.n)
        async with aclosing(lines) as coming:
            try:
                async for line in coming:
                    if _fits(line, arguments.level):
                        output.say(describe_line(line) + "\n")
            except asyncio.CancelledError:
                return ExitCode.DONE  # Ctrl-C is how it ends
        return ExitCode.DONE
    found = await last_lines(home, arguments.n, arguments.level, scope)
    if arguments.json:
        output.print_json({"lines": found})
    elif found:
        output.say("\n".join(describe_line(line) for line in found) + "\n")
    else:
        output.tell(tr("Nothing was noted."))
    return ExitCode.DONE


async def last_lines(home: Home, count: int, level: str, scope: list[str] | None) -> list[LogLine]:
    """Return the last `count` records of at least `level`; `scope`: the journal's unit, None for the file."""
    if scope is None:
        lines = [line for line in await asyncio.to_thread(read_file, home) if _fits(line, level)]
    else:
        # One record may be several lines of the journal.
        words = [*_journal(scope), "--no-pager", "-n", str(count * 20)]
        process = await asyncio.create_subprocess_exec(*words, stdout=-1, stderr=-3)
        told, _ = await process.communicate()
        entries = map(_of_journal, told.decode("utf-8", "replace").splitlines())
        lines = [line for line in _joined(entries) if _fits(line, level)]
    return lines[-count:]


def read_file(home: Home) -> list[LogLine]:
    """Return what stands in the log and in its older parts, oldest first."""
    names = [*(f"{LOG_NAME}.{number}" for number in range(LOGS_KEPT, 0, -1)), LOG_NAME]
    lines: list[str] = []
    for name in names:
        try:
            lines += (home.logs / name).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
    return list(_joined(map(_of_file, lines)))


def describe_line(line: LogLine) -> str:
    """Return a record as it is shown."""
    return f"{line.at} {line.level:8} {line.logger}: {line.text}"


def _fits(line: LogLine, level: str) -> bool:
    return _ORDER.get(line.level, 1) >= LEVELS.index(level)


def _of_file(text: str) -> LogLine | str:
    found = _LINE.match(text)
    if found is None:
        return redact(text)
    at = f"{found[1].replace(' ', 'T')}.{found[2]}"
    return LogLine(at, found[3], found[4], redact(found[5]))


def _of_journal(text: str) -> LogLine | str:
    try:
        entry = json.loads(text)
    except ValueError:
        return ""
    said = entry.get("MESSAGE")
    message = bytes(said).decode("utf-8", "replace") if isinstance(said, list) else str(said or "")
    logger, colon, rest = message.partition(": ")
    if not colon or " " in logger:
        return redact(message)
    try:
        at = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6).isoformat(timespec="milliseconds")
    except (KeyError, ValueError):
        at = ""
    return LogLine(at, _BY_PRIORITY.get(str(entry.get("PRIORITY")), "INFO"), logger, redact(rest))


def _joined(lines: Iterable[LogLine | str]) -> Iterator[LogLine]:
    """Put what follows a record, the places of its error, below it."""
    last: LogLine | None = None
    for line in lines:
        if isinstance(line, LogLine):
            if last is not None:
                yield last
            last = line
        elif last is not None and line:
            last = LogLine(last.at, last.level, last.logger, f"{last.text}\n{line}")
    if last is not None:
        yield last


def _journal_scope(home: Home) -> list[str] | None:
    """Return which journal has the log: where a service runs, or is installed and no file was ever written."""
    if shutil.which("journalctl") is None:
        return None
    for view in LaunchDesk(home).views():
        if view.kind != "tray" and view.installed and (view.active or not (home.logs / LOG_NAME).exists()):
            return ["--user"] if view.kind == "service" else []
    return None


def _journal(scope: list[str]) -> list[str]:
    return ["journalctl", *scope, "-u", "openclaw-agent", "-o", "json"]


async def _follow_journal(scope: list[str], count: int) -> AsyncGenerator[LogLine, None]:
    process = await asyncio.create_subprocess_exec(*_journal(scope), "-f", "-n", str(count), stdout=-1, stderr=-3)
    assert process.stdout is not None
    try:
        while text := await process.stdout.readline():
            line = _of_journal(text.decode("utf-8", "replace"))
            if isinstance(line, LogLine):
                yield line
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _follow_file(home: Home, count: int) -> AsyncGenerator[LogLine, None]:
    path = home.logs / LOG_NAME
    at, inode = _place(path)
    for line in (await asyncio.to_thread(read_file, home))[-count:]:
        yield line
    rest = ""
    while True:
        await asyncio.sleep(LOOK_S)
        size, now = _place(path)
        if now != inode or size < at:  # it was put aside, and a new one begun
            at, inode, rest = 0, now, ""
        if size > at:
            with path.open(encoding="utf-8", errors="replace") as file:
                file.seek(at)
                text = rest + file.read()
                at = file.tell()
            *whole, rest = text.split("\n")
            for line in _joined(map(_of_file, whole)):
                yield line


def _place(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_ino
