"""A timer by the clock on the wall. Start at `wall_timer.py`."""

from openclaw_desktop.system.wall_timer.wall_timer import WallTimer, open_wall_timer

__all__ = ["WallTimer", "open_wall_timer"]
