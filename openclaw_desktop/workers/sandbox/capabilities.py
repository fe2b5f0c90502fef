"""The powers of root, given up: what is left of them reads and writes files that the jail grants anyway.

Owns which capabilities stay. Protocol: linux/capability.h. Tool worker, in the child.
"""

from __future__ import annotations

import contextlib
import ctypes
import struct

from openclaw_desktop.workers.sandbox.kernel import PR_CAPBSET_DROP, prctl, syscall

_LAST_KNOWN = 63
_VERSION_3 = 0x20080522
# CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER: root's own files are often another user's. Landlock still decides.
_FILES = (1, 2, 3)


def drop() -> None:
    """Give up every capability but those over files, for good and for every program run from here; raises OSError."""
    for number in range(_LAST_KNOWN + 1):
        if number not in _FILES:
            with contextlib.suppress(OSError):  # EINVAL: a number that this kernel lacks; EPERM: one who has none
                prctl(PR_CAPBSET_DROP, number)
    held = bytearray(24)
    header = struct.pack("=Ii", _VERSION_3, 0)
    kept = sum(1 << number for number in _FILES)
    syscall("capget", header, _pointer(held))
    effective, permitted, _ = struct.unpack_from("=3I", held)
    data = struct.pack("=6I", effective & kept, permitted & kept, 0, 0, 0, 0)
    syscall("capset", header, data)


def _pointer(buffer: bytearray) -> object:
    return (ctypes.c_char * len(buffer)).from_buffer(buffer)
