"""A key combination that works in every window. Start at `hotkey.py`."""

from openclaw_desktop.system.hotkey.hotkey import Hotkey, choose_hotkey

__all__ = ["Hotkey", "choose_hotkey"]
