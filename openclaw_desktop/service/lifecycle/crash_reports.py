"""What is written down when something of ours ends by itself, and how the user hears of it.

Owns the reports in `logs/` and how many are kept. A report has places in the program's code and kinds of error, never
their words: those may quote what somebody said. Must not know how a notice is shown. Any thread writes; loop tells.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import platform
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from openclaw_desktop import __version__
from openclaw_desktop.core.labels import SYSTEM
from openclaw_desktop.core.notices import Notice, Notify, Priority
from openclaw_desktop.core.redaction import stacks_only
from openclaw_desktop.core.text import tr
from openclaw_desktop.workers.supervisor import Death

log = logging.getLogger(__name__)

PREFIX = "crash-"
KEPT = 20
# So many deaths in a row are worth more than a quiet notice.
OFTEN = 3


def write_report(folder: Path, head: str, stacks: str) -> Path | None:
    """Write a report of `head` (a line of ours) and the places in `stacks`; return its path, None where it can't be."""
    text = (
        f"{head}\nopenclaw-desktop {__version__}, Python {platform.python_version()}, {platform.system()}"
        f" {platform.release()}, {datetime.now(UTC).isoformat(timespec='seconds')}\n\n{stacks_only(stacks)}\n"
    )
    try:
        descriptor, name = tempfile.mkstemp(prefix=PREFIX, suffix=".txt", dir=folder)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        for old in list_reports(folder)[:-KEPT]:
            with contextlib.suppress(OSError):
                old.unlink()
    except OSError as error:
        log.warning("no crash report was written: %s", error)
        return None
    return Path(name)


def list_reports(folder: Path) -> list[Path]:
    """Return the reports, oldest first."""
    found = []
    for path in folder.glob(f"{PREFIX}*.txt"):
        with contextlib.suppress(OSError):
            found.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(found)]


class CrashDesk:
    """Writes a report of each child that died, and tells the user what may be incomplete."""

    def __init__(self, logs: Path, notify: Notify | None = None) -> None:
        self._logs = logs
        self._notify = notify
        self._queue: asyncio.Queue[Callable[[], Notice]] = asyncio.Queue()
        self.died: dict[str, int] = {}

    def note_death(self, death: Death) -> None:
        """Take up the death of a child. Loop."""
        self.died[death.role] = self.died.get(death.role, 0) + 1
        self._queue.put_nowait(lambda: self._report_death(death))

    def note_end(self, sentence: str, head: str, stacks: str, *, priority: Priority = "high") -> None:
        """Take up how the agent itself ended the last time. Loop."""

        def make() -> Notice:
            path = write_report(self._logs, head, stacks) if stacks else None
            body = f"{sentence} {tr('Details: {place}', place=path)}" if path else sentence
            why = tr("The agent tells when it did not end in order.")
            return Notice("crash", tr("Started again"), body, SYSTEM, priority, why, key="crash:ended")

        self._queue.put_nowait(make)

    async def work(self) -> None:
        """Write and tell, until cancelled."""
        while True:
            make = await self._queue.get()
            try:
                notice = await asyncio.to_thread(make)
                if self._notify is not None:
                    await self._notify(notice)
            except Exception:
                log.exception("a crash was not told")

    def _report_death(self, death: Death) -> Notice:
        head = f"worker {death.role} ended with {death.returncode}, {death.in_a_row} in a row"
        path = write_report(self._logs, head, death.detail)
        body = f"{_of_role(death.role)} {tr('Details: {place}', place=path)}" if path else _of_role(death.role)
        often = death.in_a_row >= OFTEN
        why = tr("A part of the agent ended by itself.")
        title = tr("A part ended {count} times in a row", count=death.in_a_row) if often else tr("A part ended")
        priority: Priority = "normal" if often else "low"
        return Notice("crash", title, body, SYSTEM, priority, why, key=f"crash:{death.role}")


def _of_role(role: str) -> str:
    """Return what may be incomplete after the death of a child."""
    match role:
        case "inference":
            return tr(
                "The model's process ended by itself. It starts again with the next question; an answer that was being "
                "written is asked for once more, or is marked as not finished."
            )
        case "embed":
            return tr(
                "The process that finds memories by meaning ended by itself. It starts again when it is needed; until "
                "then they are found by words. Nothing that was kept is lost."
            )
        case "tools":
            return tr(
                "The process that runs tools ended by itself. It starts again with the next call; a call that was "
                "running may be done in part: look at what it was to change."
            )
        case "parsers":
            return tr(
                "The process that reads foreign documents ended by itself. It starts again with the next one; the one "
                "that was being read was given up."
            )
        case _:
            return tr(
                "A server of tools ended by itself ({role}). It starts again with the next call; a call that was "
                "running may be done in part.",
                role=role,
            )
