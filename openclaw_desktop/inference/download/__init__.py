"""Fetching models: resumable, from several mirrors, verified while they stream.

`pull` is the whole of it for the rest of the agent; `part_bytes` says what a stopped download has left.
"""

from openclaw_desktop.inference.download.network import Network
from openclaw_desktop.inference.download.part import part_bytes, part_paths
from openclaw_desktop.inference.download.pull import pull

__all__ = ["Network", "part_bytes", "part_paths", "pull"]
