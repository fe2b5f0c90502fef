"""`memory_scale` with a million memories: minutes to build the file, which is then kept for the next run."""

from __future__ import annotations

import asyncio

from benchmarks.memory_scale import measure_size
from benchmarks.results import Options, Row


def measure(options: Options) -> list[Row]:
    """Return the figures of a million memories."""
    return asyncio.run(measure_size(1_000_000, options))
