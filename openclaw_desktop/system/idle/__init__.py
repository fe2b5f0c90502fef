"""How long the user has been away. Start at `idle.py`."""

from openclaw_desktop.system.idle.idle import Idle, NoIdle, choose_idle, find_idle, no_idle

__all__ = ["Idle", "NoIdle", "choose_idle", "find_idle", "no_idle"]
