"""What a run takes of the processor beside the model: the agent's own work for it, and its tools'.

Owns the counting; the model's part is counted prompt by prompt. It is `core.protocols.Metered`. Runs at the same time
share what is taken while they overlap, for nothing tells them apart. Loop.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class _Run:
    job: str
    started_s: float
    cpu_s: float = 0.0


class RunMeter:
    """Counts the runs inside it. `cpu_s`: processor seconds so far, which never fall but where a child ended."""

    def __init__(self, cpu_s: Callable[[], float], note: Callable[[str, float, float], None]) -> None:
        """`note` gets job, seconds and processor seconds of each run at its end."""
        self._cpu_s = cpu_s
        self._note = note
        self._runs: list[_Run] = []
        self._counted_s = 0.0

    @contextlib.contextmanager
    def __call__(self, job: str) -> Iterator[None]:
        """Count what is taken inside, and note it under `job`."""
        self._settle()
        run = _Run(job, time.monotonic())
        self._runs.append(run)
        try:
            yield
        finally:
            self._settle()
            self._runs.remove(run)
            self._note(job, time.monotonic() - run.started_s, run.cpu_s)

    def _settle(self) -> None:
        now_s = self._cpu_s()
        taken_s, self._counted_s = max(0.0, now_s - self._counted_s), now_s
        for run in self._runs:
            run.cpu_s += taken_s / len(self._runs)
