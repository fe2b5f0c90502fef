"""The lock that lets one agent run for one home. Start at `home_lock.py`."""

from openclaw_desktop.system.lock.home_lock import Holder, HomeLock

__all__ = ["Holder", "HomeLock"]
