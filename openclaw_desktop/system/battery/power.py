"""What powers this machine, by psutil on every platform.

Owns the reading; `health` decides what follows from it. Any thread; reads a few small files.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import psutil

log = logging.getLogger(__name__)

PowerSource = Literal["mains", "battery", "unknown"]


@dataclass(frozen=True, slots=True)
class Power:
    """Where the power comes from, and how full the battery is (0 to 100); None where there is none or it won't say."""

    source: PowerSource
    battery_percent: float | None


def read_power() -> Power:
    """Return the present power; never raises. A machine without a battery runs on mains."""
    try:
        battery = psutil.sensors_battery()
        if battery is None:
            return Power("mains", None)
        sources: dict[bool | None, PowerSource] = {True: "mains", False: "battery"}
        percent = min(100.0, max(0.0, float(battery.percent)))
        return Power(sources.get(battery.power_plugged, "unknown"), percent)
    except Exception as error:
        # psutil raises TypeError, ValueError or OSError on half-written battery files, AttributeError on systems that
        # it can't ask: none of it may stop an agent.
        log.debug("the battery can't be read: %r", error)
        return Power("unknown", None)
