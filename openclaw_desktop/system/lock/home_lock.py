"""One agent for one home: a lock file that says who holds it.

Owns run/agent.lock. The kernel's lock decides, the file's text only tells; it is never removed, because whoever had
opened it before would then hold a lock that nobody sees. Any thread; the holder is the process.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible

if sys.platform == "win32":
    from openclaw_desktop.system.lock.windows import is_locked, try_lock, unlock
else:
    from openclaw_desktop.system.lock.posix import is_locked, try_lock, unlock

log = logging.getLogger(__name__)

_ATTEMPTS = 3
_TEXT_LIMIT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock; `pid` is 0 where the holder has not yet written its name, or could not: the disk is full."""

    pid: int
    role: str
    started_at: str


class HomeLock:
    """The lock of one home; `release` it, or let the process end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, role: str) -> bool:
        """Take the lock for `role` ("tray", "serve") without waiting; raises UserError where the file can't be used."""
        if self._descriptor is not None:
            return True
        try:
            for _ in range(_ATTEMPTS):
                if self._take(role):
                    return True
                if self.holder() is not None:
                    return False
                # It was free again at once: another program was only looking whether it is held.
        except OSError as error:
            raise UserError(
                "lock_unusable",
                tr(
                    "The file {path} can't be locked: {reason}.",
                    path=visible(str(self._path)),
                    reason=error.strerror or error,
                ),
                tr("Check that its disk is a local one and not full, or choose another home with --home."),
            ) from error
        return False

    def holder(self) -> Holder | None:
        """Return who holds the lock, None if nobody does; what a crashed program left behind counts for nothing."""
        try:
            descriptor = os.open(self._path, os.O_RDWR)
        except OSError:
            return None
        try:
            if self._descriptor is None and not is_locked(descriptor):
                return None
            return _parse(os.read(descriptor, _TEXT_LIMIT_BYTES))
        except OSError as error:
            log.debug("can't read %s: %s", self._path, error)
            return None
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Give the lock back; harmless if it is not held."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            try:
                os.ftruncate(descriptor, 0)
                unlock(descriptor)
            finally:
                os.close(descriptor)

    def _take(self, role: str) -> bool:
        # Python opens files so that programs started later don't inherit them (PEP 446).
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not try_lock(descriptor) or not self._is_current(descriptor):
                os.close(descriptor)
                return False
            holder = Holder(os.getpid(), role, SystemClock().now().isoformat())
            os.ftruncate(descriptor, 0)
            try:
                os.write(descriptor, json.dumps(asdict(holder)).encode())
            except OSError as error:
                # A full disk: the lock is held all the same, and what frees room must be possible.
                log.warning("%s does not say who holds it: %s", self._path, error)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def _is_current(self, descriptor: int) -> bool:
        """Return whether the locked file is still the one at the path: the folder may have been cleaned meanwhile."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False


def _parse(text: bytes) -> Holder:
    try:
        fields = json.loads(text)
        return Holder(int(fields["pid"]), str(fields["role"]), str(fields["started_at"]))
    except (ValueError, KeyError, TypeError):
        return Holder(0, "", "")
