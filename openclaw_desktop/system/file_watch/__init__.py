"""Files and folders that change. Start at `file_watch.py`."""

from openclaw_desktop.system.file_watch.file_watch import FileWatch, open_file_watch

__all__ = ["FileWatch", "open_file_watch"]
