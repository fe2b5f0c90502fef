"""Keeping the machine from falling asleep. Start at `inhibit.py`."""

from openclaw_desktop.system.inhibit.inhibit import Inhibit, choose_inhibit

__all__ = ["Inhibit", "choose_inhibit"]
