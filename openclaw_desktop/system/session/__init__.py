"""Whether the user's session is locked, in front, or the machine about to sleep. Start at `logind.py`."""

from openclaw_desktop.system.session.logind import LogindSignals, SessionState

__all__ = ["LogindSignals", "SessionState"]
