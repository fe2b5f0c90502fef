"""Files watched by the kernel (inotify): nothing runs until one changes.

Owns the inotify file. A file is watched through its folder, so that one that is put in its place is heard of too, and
one that does not exist yet. Linux. Loop.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import struct
from collections import defaultdict
from collections.abc import Callable, Collection
from pathlib import Path

from openclaw_desktop.system.file_watch.settling import Settling

log = logging.getLogger(__name__)

IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x8, 0x40, 0x80, 0x100, 0x200
IN_Q_OVERFLOW, IN_IGNORED, IN_ONLYDIR = 0x4000, 0x8000, 0x1000000
_MASK = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ONLYDIR
_HEAD = struct.Struct("iIII")
READ_BYTES = 65_536


class KernelWatch:
    """`FileWatch` over inotify; raises OSError or AttributeError where there is none."""

    def __init__(self, on_change: Callable[[str], None], settling: Settling | None = None) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        self._add, self._remove = self._library.inotify_add_watch, self._library.inotify_rm_watch
        self._file = self._library.inotify_init1(getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self._settling = settling or Settling(on_change)
        # By the watch's number: the names in that folder that matter, "" for all, and the paths they were asked as.
        self._names: dict[int, dict[str, list[str]]] = {}
        self._paths: frozenset[str] = frozenset()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._file, self._drain)

    def watch(self, paths: Collection[str]) -> None:
        """Watch these paths and no others; one whose folder is missing is logged, and watched from the next call on."""
        names: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for path in sorted(paths):
            folder, name = (path, "") if Path(path).is_dir() else (str(Path(path).parent), Path(path).name)
            number = self._add(self._file, os.fsencode(folder), _MASK)
            if number < 0:
                # Not which: the names of the user's files are no concern of a log.
                log.warning("a file of %d can't be watched: %s", len(paths), os.strerror(ctypes.get_errno()))
            else:
                names[number][name].append(path)
        for number in self._names.keys() - names.keys():
            self._remove(self._file, number)
        self._names, self._paths = dict(names), frozenset(paths)

    def _drain(self) -> None:
        try:
            data = os.read(self._file, READ_BYTES)
        except BlockingIOError:
            return
        place = 0
        while place < len(data):
            number, mask, _, length = _HEAD.unpack_from(data, place)
            place += _HEAD.size + length
            name = os.fsdecode(data[place - length : place].rstrip(b"\0"))
            if mask & IN_Q_OVERFLOW:
                self._note(self._paths)
            elif mask & IN_IGNORED:  # the folder is gone
                self._names.pop(number, None)
            else:
                known = self._names.get(number, {})
                self._note({*known.get("", ()), *known.get(name, ())})

    def _note(self, paths: Collection[str]) -> None:
        for path in paths:
            self._settling.note(path)

    def close(self) -> None:
        """Watch nothing more."""
        self._settling.stop()
        if self._file >= 0:
            self._loop.remove_reader(self._file)
            os.close(self._file)
            self._file = -1
