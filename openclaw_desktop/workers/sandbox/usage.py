"""What the processes of a program use up, as the kernel counts it.

Owns the counting of memory and threads. Must not know how much is too much, nor what follows. Linux. Keeper of a
program, many times a second: the cheap count comes first, and what forks share is looked into where that is too much.
"""

# Memory counts in this process, and pathlib brings much.
# ruff: noqa: PTH116, PTH123, PTH208

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Iterable, Sequence

if sys.platform != "linux":
    raise ImportError("/proc is Linux's")

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# Pages that processes share are counted once, but they could all stop sharing them between two looks.
SHARED_AT_MOST = 4
_OWN = (b"RssAnon:", b"RssShmem:", b"VmSwap:")
_PROPORTIONAL = (b"Pss_Anon:", b"Pss_Shmem:", b"SwapPss:")


@functools.cache
def swaps() -> bool:
    """Return whether this machine moves memory to the disk: what lies there is not seen by the cheapest count."""
    with contextlib.suppress(OSError), open("/proc/swaps", "rb") as file:
        return len(file.readlines()) > 1
    return True


def threads(processes: Iterable[int]) -> int:
    """Return how many threads these processes have together."""
    count = 0
    for pid in processes:
        with contextlib.suppress(OSError):
            count += len(os.listdir(f"/proc/{pid}/task"))
    return count


def descriptors(processes: Iterable[int]) -> int:
    """Return how many files, pipes and sockets these processes have open together."""
    count = 0
    for pid in processes:
        with contextlib.suppress(OSError):
            # From Linux 6.2 on the folder's size is their number.
            count += os.stat(f"/proc/{pid}/fd").st_size or len(os.listdir(f"/proc/{pid}/fd"))
    return count


def exceeds_memory(processes: Sequence[int], limit_bytes: int, swapping: bool) -> bool:
    """Return whether these processes hold more memory together than `limit_bytes`; files that are mapped are not held.

    A page that several of them share counts once, as after a fork. `swapping`: parts of it may lie on the disk.
    """
    if not swapping and sum(map(_resident_bytes, processes)) <= limit_bytes:
        return False
    held = {pid: _sum_bytes(f"/proc/{pid}/status", _OWN) or 0 for pid in processes}
    total = sum(held.values())
    if total <= limit_bytes:
        return False
    if total > SHARED_AT_MOST * limit_bytes:
        return True
    # One that hides from us, or a kernel that does not tell, is taken at its full size.
    for pid, size in held.items():
        share = _sum_bytes(f"/proc/{pid}/smaps_rollup", _PROPORTIONAL)
        total += (size if share is None else min(share, size)) - size
        if total <= limit_bytes:
            return False
    return True


def _resident_bytes(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/statm", "rb", buffering=0) as file:
        return int(file.read(256).split()[1]) * _PAGE_BYTES
    return 0


def _sum_bytes(path: str, names: tuple[bytes, ...]) -> int | None:
    """Return the sum of the lines `names` of a list in kB; None where one can't be read or has none of them."""
    total = None
    with contextlib.suppress(OSError, ValueError, IndexError), open(path, "rb", buffering=0) as file:
        for line in file.read(1 << 14).splitlines():
            if line.startswith(names):
                total = (total or 0) + int(line.split()[1]) * 1024
    return total
