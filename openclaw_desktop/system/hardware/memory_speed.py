"""How fast this machine moves memory: that is what bounds how fast a model writes.

Owns the measurement. Must not know models. Any thread but the loop's; some tenths of a second of every core.
"""

from __future__ import annotations

import ctypes
import time
from concurrent.futures import ThreadPoolExecutor

# Larger than the caches of most processors, all threads together.
BLOCK_BYTES = 64 << 20
ROUNDS = 8


def measure_memory_speed(threads: int) -> float:
    """Return the bytes read and written a second while `threads` threads copy.

    Their processor time counts, not the clock's: busy neighbours would otherwise be taken for slow memory.
    """
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(_copy, [BLOCK_BYTES // threads] * threads))


def _copy(size: int) -> float:
    source, target = ctypes.create_string_buffer(size), ctypes.create_string_buffer(size)
    ctypes.memmove(target, source, size)  # the first touches the pages
    started_s, cpu_started_s = time.perf_counter(), time.thread_time()
    for _ in range(ROUNDS):
        # memmove frees the interpreter's lock, so the threads copy at once.
        ctypes.memmove(target, source, size)
    # Where the processor's clock is too coarse (Windows: 16 ms), the wall's has to do.
    taken_s = time.thread_time() - cpu_started_s or time.perf_counter() - started_s
    return 2 * size * ROUNDS / taken_s
