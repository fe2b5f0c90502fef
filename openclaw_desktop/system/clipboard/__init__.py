"""The desktop's clipboard. Start at `clipboard.py`."""

from openclaw_desktop.system.clipboard.clipboard import Clipboard, choose_clipboard

__all__ = ["Clipboard", "choose_clipboard"]
