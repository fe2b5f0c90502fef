"""What a process keeps in memory of a file after recalls, engines apart: measured in a process of its own each time.

In a process that has measured another file before, what that one left in the heap would be used again and count for
nothing. What a process keeps of any file (the libraries, SQLite's pages) is told apart from what more memories cost.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from pathlib import Path

import psutil

from benchmarks.memory_corpus import Corpus
from benchmarks.memory_engine import Engine, opened
from openclaw_desktop.memory.recall.query import read_query

RECALLS = 200


def kept_mb(path: Path, model_folders: Sequence[Path]) -> float:
    """Return by how many MB a new process grows that opens the file at `path` and recalls from it."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measure, path, model_folders).result()


def _measure(path: Path, model_folders: Sequence[Path]) -> float:
    return asyncio.run(_recall_and_look(path, model_folders))


async def _recall_and_look(path: Path, model_folders: Sequence[Path]) -> float:
    engine, now = Engine(model_folders), datetime.now().astimezone()
    await engine.warm()
    questions = Corpus().questions(RECALLS)
    await engine.draw([part.meaning for one in questions for part in read_query(one, now, ()).parts])
    gc.collect()
    before = psutil.Process().memory_info().rss
    async with opened(path, engine) as (memory, _):
        for question in questions:
            await memory.recall(question)
        gc.collect()
        grown = psutil.Process().memory_info().rss - before
    await engine.close()
    return grown / 1e6
