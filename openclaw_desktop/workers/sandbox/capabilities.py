"""The powers of root, given up: what is left of them reads and writes files that the jail grants anyway.

Owns which capabilities stay. Protocol: linux/capability.h. Tool worker, in the child.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import struct

from openclaw_desktop.workers.sandbox.kernel import PR_CAPBSET_DROP, prctl, syscall

_MOST = 63
_HEADER = struct.pack("=Ii", 0x20080522, 0)  # version 3, this process
# CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER: root's own files are often another user's. Landlock still decides.
_FILES = (1, 2, 3)
FILES = sum(1 << number for number in _FILES)


def _last() -> int:
    with contextlib.suppress(OSError, ValueError), open("/proc/sys/kernel/cap_last_cap", "rb") as file:  # noqa: PTH123
        return int(file.read())
    return _MOST


_LAST = _last()  # read now: in a jail there may be no such file


def drop() -> None:
    """Give up every capability but those over files, for good and for every program run from here; raises OSError."""
    for number in range(_LAST + 1):
        if number not in _FILES:
            try:
                prctl(PR_CAPBSET_DROP, number)
            except OSError as error:
                if error.errno == errno.EPERM:  # one who has none, and then may drop none of them
                    break
                if error.errno != errno.EINVAL:  # a number that this kernel lacks
                    raise
    effective, permitted, *_ = _held()
    data = struct.pack("=6I", effective & FILES, permitted & FILES, 0, 0, 0, 0)
    syscall("capset", _HEADER, data)


def effective() -> int:
    """Return the capabilities that this process has by now, a bit each; raises OSError."""
    low, _, _, high, _, _ = _held()
    return low | high << 32


def _held() -> tuple[int, ...]:
    held = bytearray(24)
    syscall("capget", _HEADER, _pointer(held))
    return struct.unpack("=6I", held)


def _pointer(buffer: bytearray) -> object:
    return (ctypes.c_char * len(buffer)).from_buffer(buffer)
