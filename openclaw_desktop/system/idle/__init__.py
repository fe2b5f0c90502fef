"""How long the user has been away. Start at `idle.py`."""

from openclaw_desktop.system.idle.idle import Idle, choose_idle

__all__ = ["Idle", "choose_idle"]
