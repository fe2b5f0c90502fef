"""A child that keeps lists of vectors in shape and remembers meanwhile, until it is killed: `grown_lists.py FILE NAME`.

It writes a line a step, and "kept TEXT" after the commit of each memory.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from heaps import Heaps, remember

from openclaw_desktop.memory.vectors import shaping
from openclaw_desktop.memory.vectors.index import VectorIndex
from openclaw_desktop.storage.database import Database

shaping.TRAINED_FROM, shaping.MOVED_AT_ONCE, shaping.PASSED_AT_ONCE = 300, 60, 400


async def main(file: str, name: str) -> None:
    database = await Database.open(Path(file))
    index = VectorIndex(database, Heaps())
    for step in range(100_000):
        await index.work(0)
        print("step", flush=True)
        if step % 3 == 0:
            texts = [f"{name}{step % 7} {number}" for number in range(20 if step % 9 == 0 else 1)]
            await remember(database, index, texts)
            for text in texts:
                print("kept", text, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
