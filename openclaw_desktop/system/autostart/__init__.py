"""What starts the tray when its user logs in: one entry in the place that the desktop reads."""

from openclaw_desktop.system.autostart.autostart import LaunchEntry, choose_autostart

__all__ = ["LaunchEntry", "choose_autostart"]
