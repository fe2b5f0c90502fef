"""Hears when files or folders change.

Owns the protocol and the choice of handler: the kernel tells on Linux, elsewhere they are looked at every minute, and
only while some are watched. Must not know what follows of a change. Loop.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection
from typing import Protocol

from openclaw_desktop.system.file_watch.kernel_watch import KernelWatch
from openclaw_desktop.system.file_watch.looking import LookingWatch

log = logging.getLogger(__name__)


class FileWatch(Protocol):
    """Some paths that are watched; a change calls once, after it has settled."""

    def watch(self, paths: Collection[str]) -> None:
        """Watch these absolute paths and no others. Of a folder what lies in it counts, not what lies deeper."""
        ...

    def close(self) -> None:
        """Watch nothing more."""
        ...


def open_file_watch(on_change: Callable[[str], None]) -> FileWatch:
    """Return a watch that calls `on_change` in the running loop, with the path that was asked for."""
    if sys.platform == "linux":
        try:
            return KernelWatch(on_change)
        except (OSError, AttributeError) as error:  # too many watches on this machine
            log.warning("the kernel watches no files (%s): looking at them every minute", error)
    return LookingWatch(on_change)
