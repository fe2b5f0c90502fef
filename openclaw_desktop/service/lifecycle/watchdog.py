"""Whether the agent still answers: its loop, and behind that the thread that writes its file.

Owns the beat that only both together give, and what follows where it stops: systemd ends a service that it no longer
hears of; without systemd a thread of ours writes down where every thread stands and starts the program anew. Must not
know what the agent does. The beat is asked for on the loop and given on the writer's thread; the watcher is a thread.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger(__name__)

# Without systemd: how often the loop is asked, and how often the watcher looks. The first is shorter, so that a look
# finds a beat wherever there is one. Both are rare: an idle agent is left asleep.
BEAT_S = 45.0
LOOK_S = 60.0
# A machine that just woke, or that is very busy, has this long to give its beat after all.
GRACE_S = 5.0
# The writer may be at one long piece of work (all pages of a large file are rewritten): it counts as alive while it
# keeps a processor busy, so often at the most.
LONGEST_WORK_S = 1800.0


class Writer(Protocol):
    """The thread that writes the file."""

    def ask_writer(self, answer: Callable[[], None]) -> None:
        """Have `answer` called on it once what waits there is done."""
        ...

    def writer_worked_s(self) -> float | None:
        """Return its processor seconds; None where the system doesn't tell."""
        ...


class Heartbeat:
    """Asks the writer from the loop, again and again; each answer is a beat."""

    def __init__(self, writer: Writer, on_beat: Callable[[], None], interval_s: float) -> None:
        """`on_beat`: called for each, on the writer's thread or the loop."""
        self.beats = 0
        self._writer = writer
        self._on_beat = on_beat
        self._interval_s = interval_s
        self._answered = threading.Event()
        self._answered.set()
        self._worked_s: float | None = None
        self._unanswered = 0
        self._ended = False

    async def work(self) -> None:
        """Beat until cancelled."""
        try:
            while True:
                self._ask()
                await asyncio.sleep(self._interval_s)
        finally:
            self._ended = True  # an answer that is still to come is none

    def _ask(self) -> None:
        if self._answered.is_set():
            self._unanswered = 0
            self._worked_s = self._writer.writer_worked_s()
            self._answered.clear()
            self._writer.ask_writer(self._answer)
            return
        self._unanswered += 1
        before, self._worked_s = self._worked_s, self._writer.writer_worked_s()
        busy = before is None or self._worked_s is None or self._worked_s > before
        if busy and self._unanswered * self._interval_s <= LONGEST_WORK_S:
            self._beat()

    def _answer(self) -> None:
        self._answered.set()
        self._beat()

    def _beat(self) -> None:
        if not self._ended:
            self.beats += 1
            self._on_beat()


class Watcher:
    """Looks whether there were beats; where there were none it reports, and one look later it restarts.

    It counts its own looks, not the clock: a machine that slept, or a program that was stopped, missed nothing.
    """

    def __init__(
        self,
        beats: Callable[[], int],
        report: Callable[[], None],
        restart: Callable[[], None],
        look_s: float = LOOK_S,
        grace_s: float = GRACE_S,
    ) -> None:
        self._beats = beats
        self._report = report
        self._restart = restart
        self._look_s = look_s
        self._grace_s = grace_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End it, and wait for that."""
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        last, missed = self._beats(), 0
        while not self._stopping.wait(self._look_s):
            if self._beats() == last and self._stopping.wait(self._grace_s):
                return
            now = self._beats()
            if now != last:
                last, missed = now, 0
                continue
            missed += 1
            try:
                self._report() if missed == 1 else self._restart()
            except Exception:
                log.exception("the watcher failed")
