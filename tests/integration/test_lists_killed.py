"""kill -9 while lists of vectors are made, filled, split and made anew: every vector is there, and is found."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from counts import count
from heaps import Heaps, find, finish, remember, stale_codes

from openclaw_desktop.memory.vectors.index import VectorIndex
from openclaw_desktop.storage.database import Database

CHILD = Path(__file__).with_name("grown_lists.py")


async def run_until_killed(file: Path, name: str, lines: int) -> list[str]:
    """Run the child for so many lines, kill it, and return what it had kept."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(CHILD), str(file), name, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    kept = []
    for _ in range(lines):
        words = (await child.stdout.readline()).decode().split(maxsplit=1)
        assert words, "the child failed"
        kept += [words[1].strip()] if words[0] == "kept" else []
    child.kill()
    rest = (await child.stdout.read()).decode().splitlines()
    await child.wait()
    return kept + [line.removeprefix("kept ") for line in rest if line.startswith("kept ")]


async def test_no_vector_is_lost_however_often_it_is_killed(tmp_path: Path) -> None:
    file, chance, engine = tmp_path / "m.db", random.Random(4), Heaps()
    kept = [f"h{heap} {number}" for heap in range(20) for number in range(14)]
    database = await Database.open(file)
    await remember(database, VectorIndex(database, engine), kept)
    await database.close()
    generations = set()
    for life in range(count("kills while lists of vectors are kept in shape", 60)):
        kept += await run_until_killed(file, f"life{life}x", chance.randint(1, 90))
        database = await Database.open(file)
        assert await database.rows("pragma quick_check") == [("ok",)]
        counts = "select (select count(*) from memories), (select count(*) from vectors)"
        memories, vectors = (await database.rows(counts))[0]
        lacking = (await database.rows("select count(*) from vector_queue"))[0][0]
        assert memories == vectors + lacking
        assert memories >= len(kept)
        assert await database.read(stale_codes) == []
        index = VectorIndex(database, engine)
        for text in chance.sample(kept, 20):
            found = await find(database, index, text, 1)
            assert await database.rows("select text from memories where rowid = ?", tuple(found)) == [(text,)]
        generations.add((await database.rows("select max(generation) from vector_engines"))[0][0])
        await database.close()
    assert max(generations) >= 1, "lists were in the making when it was killed"
    database = await Database.open(file)
    index = VectorIndex(database, engine)
    await finish(index)
    for text in chance.sample(kept, 50):
        found = await find(database, index, text, 1)
        assert await database.rows("select text from memories where rowid = ?", tuple(found)) == [(text,)]
    await database.close()
