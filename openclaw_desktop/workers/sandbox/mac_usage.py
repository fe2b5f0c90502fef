"""Which processes belong to a program on macOS and how much memory they hold, as libproc tells it.

Owns the calls of libproc. Must not know how much is too much. Importable everywhere; calls work on macOS. Protocol:
libproc.h and sys/resource.h. The keeper of a program.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

_PROC_PGRP_ONLY, _PROC_PPID_ONLY = 2, 6
_RUSAGE_INFO_V0 = 0
_MOST = 4096

_libproc: Any = ctypes.CDLL("/usr/lib/libproc.dylib", use_errno=True) if sys.platform == "darwin" else None


class RusageInfo(ctypes.Structure):
    """struct rusage_info_v0."""

    _fields_ = (
        ("uuid", ctypes.c_uint8 * 16),
        ("user_time", ctypes.c_uint64),
        ("system_time", ctypes.c_uint64),
        ("package_idle_wakeups", ctypes.c_uint64),
        ("interrupt_wakeups", ctypes.c_uint64),
        ("pageins", ctypes.c_uint64),
        ("wired_bytes", ctypes.c_uint64),
        ("resident_bytes", ctypes.c_uint64),
        ("footprint_bytes", ctypes.c_uint64),
        ("start_time", ctypes.c_uint64),
        ("exit_time", ctypes.c_uint64),
    )


def group(leader: int) -> list[int]:
    """Return the processes of a process group."""
    return _list(_PROC_PGRP_ONLY, leader)


def children(pid: int) -> list[int]:
    """Return the children of a process; none where it is gone."""
    return _list(_PROC_PPID_ONLY, pid)


def footprint_bytes(pid: int) -> int:
    """Return how much memory a process holds, 0 where it is gone."""
    told = RusageInfo()
    if _libproc is None or _libproc.proc_pid_rusage(ctypes.c_int(pid), _RUSAGE_INFO_V0, ctypes.byref(told)) != 0:
        return 0
    return int(told.footprint_bytes)


def _list(kind: int, number: int) -> list[int]:
    if _libproc is None:
        return []
    found = (ctypes.c_int32 * _MOST)()
    size = _libproc.proc_listpids(ctypes.c_uint32(kind), ctypes.c_uint32(number), found, ctypes.sizeof(found))
    return [pid for pid in found[: max(0, size) // 4] if pid > 0]
