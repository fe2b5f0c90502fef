"""A picture of one window. Start at `screenshot.py`."""

from openclaw_desktop.system.screenshot.screenshot import Picture, Screenshots, ScreenWindow, choose_screenshots

__all__ = ["Picture", "ScreenWindow", "Screenshots", "choose_screenshots"]
