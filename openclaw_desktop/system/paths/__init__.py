"""The folders of one agent: where they are and how they are made. Start at `home.py`."""

from openclaw_desktop.system.paths.home import Home, find_home, model_folders
from openclaw_desktop.system.paths.prepare import prepare

__all__ = ["Home", "find_home", "model_folders", "prepare"]
