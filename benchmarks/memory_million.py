"""`memory_scale` with a million memories, whose vectors are put into lists in one go (`memory_bulk`).

A quarter of an hour of one core to build the file, which is kept for the next run: 1.6 GB in the system's temporary
folder, or the one that TMPDIR names.
"""

from __future__ import annotations

import asyncio

from benchmarks.memory_scale import measure_size
from benchmarks.results import Options, Row


def measure(options: Options) -> list[Row]:
    """Return the figures of a million memories."""
    return asyncio.run(measure_size(1_000_000, options))
