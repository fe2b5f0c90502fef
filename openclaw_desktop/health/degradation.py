"""From how short memory, processor and disk are to what the agent gives up, and when it comes back.

Owns the steps, their thresholds and their words: background work goes first, then caches, then the model. Must not
read the machine, nor give anything up itself. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from openclaw_desktop.core.text import tr

Degradation = Literal["normal", "no_background", "no_caches", "no_model"]
ORDER: tuple[Degradation, ...] = ("normal", "no_background", "no_caches", "no_model")
Cause = Literal["", "memory", "disk", "processor"]

# Of the memory there is: below these shares each step is taken.
MEMORY_SHARES = (0.15, 0.10, 0.05)
# Runnable tasks for each core over the last five minutes, other programs' too: beyond it background work waits.
LOAD_PER_CORE = 4.0
# Bytes free on the disk of the file: then background work, which writes, and then what is derived in it.
DISK_BYTES = (500 << 20, 100 << 20)
# A step is taken back only where things are better than its threshold by this much, so that nothing flutters.
SLACK = 1.2


@dataclass(frozen=True, slots=True)
class Pressure:
    """How short things are. `load_per_core`: None where the system doesn't tell."""

    memory_share: float
    disk_free_bytes: int
    load_per_core: float | None = None


def degrade(pressure: Pressure, before: Degradation = "normal") -> tuple[Degradation, Cause]:
    """Return the step for this pressure, where it was `before`, and what is short."""
    now, cause = _step(pressure, 1.0)
    if ORDER.index(now) >= ORDER.index(before):
        return now, cause
    # Better than before: by enough?
    eased, eased_cause = _step(pressure, SLACK)
    if ORDER.index(eased) > ORDER.index(before):
        eased = before
    return eased, eased_cause


def _step(pressure: Pressure, slack: float) -> tuple[Degradation, Cause]:
    memory = sum(pressure.memory_share < slack * share for share in MEMORY_SHARES)
    disk = sum(pressure.disk_free_bytes < slack * free for free in DISK_BYTES)
    load = pressure.load_per_core
    processor = int(load is not None and load > LOAD_PER_CORE / slack)
    causes: tuple[tuple[int, Cause], ...] = ((memory, "memory"), (disk, "disk"), (processor, "processor"))
    step, cause = max(causes, key=lambda found: found[0])
    return ORDER[step], cause if step else ""


def explain(level: Degradation, cause: Cause) -> str:
    """Return what is given up and why, a sentence or two."""
    short = {
        "memory": tr("The machine is short of memory."),
        "disk": tr("The disk is nearly full."),
        "processor": tr("Other programs keep the processor busy."),
        "": "",
    }[cause]
    given_up = {
        "normal": tr("The machine has room again: everything runs as usual."),
        "no_background": tr("Work that can wait does."),
        "no_caches": tr("Work that can wait does, and what can be loaded again was let go."),
        "no_model": tr("Work that can wait does, and the model is loaded only while you ask it something."),
    }[level]
    return f"{short} {given_up}".strip()


def advise(cause: Cause) -> str:
    """Return what the user can do about it; "" where that is nothing."""
    return {
        "memory": tr("Close programs that you don't need."),
        "disk": tr("Free some space, or set memory.limit_mb."),
        "processor": "",
        "": "",
    }[cause]
