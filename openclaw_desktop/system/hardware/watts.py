"""How much power this machine draws now: its battery's own figure, or the processor's energy counter.

Owns the reading on Linux; other systems don't tell a program. Any thread; the counter is read twice, a moment apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

WattsSource = Literal["battery", "rapl"]
SUPPLIES, ZONES = Path("sys/class/power_supply"), Path("sys/class/powercap")
MOMENT_S, LEAST_S = 0.2, 0.01
MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Watts:
    """A reading and where it comes from. "battery": the whole machine; "rapl": processor packages alone."""

    watts: float
    source: WattsSource


def read_watts(root: Path = Path("/"), wait: Callable[[float], None] = time.sleep) -> Watts | None:
    """Return the present draw; None where nothing here tells it (the counter is root's alone on most systems).

    The counter is read before and after `wait`, which may be work whose power is asked for.
    """
    return _battery(root) or _counter(root, wait)


def _battery(root: Path) -> Watts | None:
    for supply in _folders(root / SUPPLIES):
        try:
            if (supply / "status").read_text().strip() != "Discharging":
                continue
            if (supply / "power_now").exists():
                watts = int((supply / "power_now").read_text()) / MICRO
            else:
                amperes = int((supply / "current_now").read_text()) / MICRO
                watts = amperes * int((supply / "voltage_now").read_text()) / MICRO
        except (OSError, ValueError):  # half-written, or a battery that does not say
            continue
        if watts > 0:
            return Watts(watts, "battery")
    return None


def _counter(root: Path, wait: Callable[[float], None]) -> Watts | None:
    counters = [zone / "energy_uj" for zone in _folders(root / ZONES) if zone.name.count(":") == 1]
    try:
        before = [int(counter.read_text()) for counter in counters]
        if not before:
            return None
        started_s = time.monotonic()
        wait(MOMENT_S)
        after = [int(counter.read_text()) for counter in counters]
    except (OSError, ValueError):
        return None
    # A counter that began anew in between says nothing.
    spent = sum(later - earlier for earlier, later in zip(before, after, strict=True) if later >= earlier)
    watts = spent / MICRO / max(LEAST_S, time.monotonic() - started_s)
    return Watts(watts, "rapl") if watts > 0 else None


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
