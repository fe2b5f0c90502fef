"""How much memory is left, and a word when it runs short.

Owns the reading and the wait for it: the kernel's pressure trigger where there is one (no polling), else a look every
half minute. Must not know who gives memory back. Loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from openclaw_desktop.system.memory import read_memory

log = logging.getLogger(__name__)

PRESSURE_FILE = Path("/proc/pressure/memory")
# Tasks waited for memory for 200 ms within 2 s; unprivileged users may only ask for windows of whole 2 s.
TRIGGER = b"some 200000 2000000\0"
LOOK_S = 30.0
SHORT_SHARE = 0.1


def available_bytes() -> int:
    """Return how much memory programs can have without anything being swapped out."""
    return read_memory().available_bytes


def is_short() -> bool:
    """Say whether less than a tenth of the memory is left."""
    memory = read_memory()
    return memory.available_bytes < SHORT_SHARE * memory.total_bytes


class PressureWatch:
    """Calls `on_short` while memory is short, from `start` until `stop`; between the two nothing else runs."""

    def __init__(
        self, on_short: Callable[[], None], short: Callable[[], bool] = is_short, pressure_file: Path = PRESSURE_FILE
    ) -> None:
        self._on_short = on_short
        self._short = short
        self._file = pressure_file
        self._trigger: int | None = None
        self._epoll: Any = None  # select.epoll, which other systems' types don't know
        self._timer: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        """True from `start` until `stop`."""
        return self._epoll is not None or self._timer is not None

    @property
    def polls(self) -> bool:
        """True where this machine has no trigger and is looked at by the clock."""
        return self._timer is not None

    def start(self) -> None:
        """Begin to watch."""
        if self.running:
            return
        if not self._wait_for_kernel():
            self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def stop(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._epoll is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: it watches nothing any more
                asyncio.get_running_loop().remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None
        if self._trigger is not None:
            os.close(self._trigger)
            self._trigger = None

    def _wait_for_kernel(self) -> bool:
        if sys.platform != "linux":
            return False
        try:
            self._trigger = os.open(self._file, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            os.write(self._trigger, TRIGGER)
            # The kernel speaks by EPOLLPRI, which loops don't listen for: an epoll of our own turns it into "readable".
            self._epoll = select.epoll()
            self._epoll.register(self._trigger, select.EPOLLPRI)
            asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._hear)
        except (OSError, NotImplementedError) as error:
            log.debug("no pressure trigger: %s", error)
            self.stop()
            return False
        return True

    def _hear(self) -> None:
        if sys.platform != "linux":
            return
        events = self._epoll.poll(0)  # taken, or the loop would hear of them for ever
        if any(event & select.EPOLLERR for _, event in events):
            # The kernel withdrew the trigger; from here on the clock does it.
            self.stop()
            self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)
        elif self._short():
            self._on_short()

    def _look(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)
        if self._short():
            self._on_short()
