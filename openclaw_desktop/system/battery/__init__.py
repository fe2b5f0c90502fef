"""What powers this machine. Start at `power.py`; `upower.py` says when it is worth reading."""

from openclaw_desktop.system.battery.power import Power, read_power
from openclaw_desktop.system.battery.upower import UPowerSignals

__all__ = ["Power", "UPowerSignals", "read_power"]
