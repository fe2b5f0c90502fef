"""What powers this machine. Start at `power.py`."""

from openclaw_desktop.system.battery.power import Power, read_power

__all__ = ["Power", "read_power"]
