"""How the agent's last run ended: in order, by a restart of our own, with the machine, or by itself.

Owns `run/running.json`, which is there while an agent runs and gone after an end in order, and `logs/fatal.txt`, into
which Python writes where all threads stood when a signal ends the process. Must not know who is told. The one who holds
the home's lock.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import psutil

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.storage.atomic import write_atomically
from openclaw_desktop.system.paths import Home

# So many restarts of our own within that time, and the next stall ends the program instead.
RESTARTS_MOST, RESTARTS_WITHIN_S = 3, 900.0
FATAL_BYTES = 256 << 10


@dataclass(frozen=True, slots=True)
class LastEnd:
    """How the last run ended.

    `kind`: "stalled" was restarted by its watcher, "killed" ended by itself or by a signal, "machine" went down with
    the machine. `stacks`: where its threads stood, "" where that is not known.
    """

    kind: Literal["stalled", "killed", "machine"]
    stacks: str = ""

    @property
    def sentence(self) -> str:
        """What to tell the user."""
        match self.kind:
            case "stalled":
                return tr(
                    "The agent hung, so it was started anew. What was saved is safe; an answer or a job that was under "
                    "way was broken off, so look at what it had begun."
                )
            case "machine":
                return tr(
                    "The machine went down while the agent ran. What was saved is safe; an answer or a job that was "
                    "under way was broken off."
                )
        return tr(
            "The agent ended without warning and was started again. What was saved is safe; an answer or a job that "
            "was under way was broken off, so look at what it had begun."
        )


class LastRun:
    """The mark of a running agent."""

    def __init__(self, home: Home) -> None:
        self._mark = home.run / "running.json"
        self._fatal = home.logs / "fatal.txt"
        self._file: IO[str] | None = None
        self._restarts: tuple[float, ...] = ()
        self._begun = False

    def begin(self) -> LastEnd | None:
        """Mark that an agent runs, and return how the one before ended; None where that was in order."""
        before, self._begun = self._read(), True
        stacks = self._take_fatal()
        last: LastEnd | None = None
        if before is not None:
            same_boot = before.get("boot") == boot_id()
            stalled = before.get("stalled") is True
            last = LastEnd("stalled" if stalled else "killed" if same_boot else "machine", stacks)
            times = before.get("restarts")
            now = time.time()
            if isinstance(times, list):
                self._restarts = tuple(
                    float(at) for at in times if isinstance(at, (int, float)) and 0 <= now - at < RESTARTS_WITHIN_S
                )
        self._write(stalled=False)
        return last

    def catch_signals(self) -> None:
        """Have Python write down where all threads stand when a signal such as SIGABRT or SIGSEGV ends the process."""
        try:
            self._file = self._open_fatal()
        except OSError:
            faulthandler.enable()
            return
        faulthandler.enable(self._file, all_threads=True)

    def note_stall(self) -> None:
        """Write down where all threads stand: the loop does not answer. Any thread."""
        with contextlib.suppress(OSError), self._open_fatal() as file:
            faulthandler.dump_traceback(file, all_threads=True)

    def note_restart(self) -> bool:
        """Mark that the program is about to start anew; False where it did so too often of late. Any thread."""
        now = time.time()
        recent = tuple(at for at in self._restarts if 0 <= now - at < RESTARTS_WITHIN_S)
        may = len(recent) < RESTARTS_MOST
        self._restarts = (*recent, now)
        self._write(stalled=True)
        return may

    def end(self) -> None:
        """Take the mark away, if it is ours: this is an end in order."""
        if not self._begun:
            return
        if self._file is not None:
            faulthandler.disable()
            self._file.close()
            self._file = None
        for path in (self._mark, self._fatal):
            with contextlib.suppress(OSError):
                path.unlink()

    def _open_fatal(self) -> IO[str]:
        descriptor = os.open(self._fatal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8")

    def _take_fatal(self) -> str:
        try:
            with self._fatal.open("rb") as file:
                stacks = file.read(FATAL_BYTES).decode("utf-8", "replace")
            self._fatal.unlink()
        except OSError:
            return ""
        return stacks

    def _read(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self._mark.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, *, stalled: bool) -> None:
        mark = {"pid": os.getpid(), "boot": boot_id(), "stalled": stalled, "restarts": self._restarts}
        with contextlib.suppress(UserError):  # on a full disk the agent runs all the same
            write_atomically(self._mark, json.dumps(mark).encode())


def boot_id() -> str:
    """Return what names this run of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return str(int(psutil.boot_time() // 60))
