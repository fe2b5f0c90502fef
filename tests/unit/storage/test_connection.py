"""How long a writer stands in line: for the one before it, never for all of them."""

import os
from pathlib import Path

import pytest

from openclaw_desktop.storage import connection
from openclaw_desktop.storage.connection import MOST_TURNS


class Clock:
    """A time that only sleeping moves; `write_every_s`: how often somebody else writes to the log meanwhile."""

    def __init__(self, log: Path, write_every_s: float) -> None:
        self.now_s, self._log, self._every_s = 100.0, log, write_every_s

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        before, self.now_s = self.now_s, self.now_s + seconds
        if before // self._every_s != self.now_s // self._every_s:
            os.utime(self._log, ns=(0, int(self.now_s * 1e9)))


@pytest.mark.parametrize(("write_every_s", "waited_s"), [(1_000.0, 5.0), (3.0, 5.0 * MOST_TURNS)])
def test_the_wait_begins_anew_with_each_write_of_another_but_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_every_s: float, waited_s: float
) -> None:
    log = tmp_path / "m.db-wal"
    log.touch()
    clock = Clock(log, write_every_s)
    monkeypatch.setattr(connection, "time", clock)
    wait = connection._wait_turn(tmp_path / "m.db", 5_000)
    for _ in range(2):  # the second wait is as long as the first
        began_s, looked = clock.now_s, 0
        while wait(looked):
            looked += 1
        assert clock.now_s - began_s == pytest.approx(waited_s, abs=0.1)
