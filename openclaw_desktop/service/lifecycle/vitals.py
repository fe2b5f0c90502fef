"""The signs of life of a running agent, told to whoever starts it again: systemd, or the watcher of our own.

Owns which of the two it is, and their start and end. Must not know what the agent does. Loop.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack

from openclaw_desktop.core.notices import Notify
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.service.lifecycle.crash_reports import CrashDesk
from openclaw_desktop.service.lifecycle.last_run import LastRun
from openclaw_desktop.service.lifecycle.watchdog import BEAT_S, Heartbeat, Watcher, Writer
from openclaw_desktop.system.paths import Home
from openclaw_desktop.system.program import start_again
from openclaw_desktop.system.service_notify import ServiceNotifier
from openclaw_desktop.workers.supervisor import deaths

log = logging.getLogger(__name__)

# EX_SOFTWARE: restarting did not help.
GAVE_UP = 70
# So long the log is waited for: a thread that hangs may hold it.
LOG_S = 2.0


class Vitals:
    """Beat and watcher of one agent."""

    def __init__(self, writer: Writer, last_run: LastRun, restart: Callable[[], None] = start_again) -> None:
        self._writer = writer
        self._last_run = last_run
        self._restart = restart
        self._tasks = TaskSet()
        self._watcher: Watcher | None = None

    def start(self, notifier: ServiceNotifier, watchdog_s: float | None) -> None:
        """Begin. `watchdog_s`: how often systemd wants to hear of us; None where it does not, then we watch."""
        self._last_run.catch_signals()
        on_beat = notifier.alive if watchdog_s is not None else lambda: None
        heart = Heartbeat(self._writer, on_beat, watchdog_s or BEAT_S)
        self._tasks.start(heart.work(), "heartbeat")
        if watchdog_s is None:
            self._watcher = Watcher(lambda: heart.beats, self._report, self._start_again)
            self._watcher.start()

    async def stop(self) -> None:
        """End both."""
        await self._tasks.stop()
        if self._watcher is not None:
            self._watcher.stop()

    def _report(self) -> None:
        self._last_run.note_stall()
        _within(lambda: log.error("the agent does not answer; where its threads stand is in logs/fatal.txt"))

    def _start_again(self) -> None:
        if not self._last_run.note_restart():
            _within(lambda: log.critical("the agent hangs again and again: it ends"))
            os._exit(GAVE_UP)
        _within(lambda: log.error("the agent still does not answer: it starts anew"))
        _within(logging.shutdown)
        self._restart()


def _within(act: Callable[[], object]) -> None:
    """Do `act` in a thread of its own, and wait no longer for it than LOG_S."""
    thread = threading.Thread(target=act, name="last words", daemon=True)
    thread.start()
    thread.join(LOG_S)


def make_vitals(
    home: Home, writer: Writer, last_run: LastRun, notify: Notify | None, stack: AsyncExitStack
) -> tuple[Vitals, CrashDesk]:
    """Return the signs of life, and who reports what died; how the last run ended is the first thing to tell."""
    crashes = CrashDesk(home.logs, notify)
    stack.callback(deaths.listen(crashes.note_death))
    last = last_run.begin()
    if last is not None:
        head = f"the run before ended: {last.kind}"
        crashes.note_end(last.sentence, head, last.stacks, priority="low" if last.kind == "machine" else "high")
    return Vitals(writer, last_run), crashes
