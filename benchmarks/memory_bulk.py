"""A file of many memories with their vectors, made in one go: as the background would leave it, in less time.

The memories come the product's own way. Their vectors are kept list by list, each of which they would else reach one
by one; k-means, codes and the comparison with an exact search are the product's.
"""

from __future__ import annotations

from collections.abc import Iterable

import apsw
import numpy as np

from benchmarks.memory_corpus import TURNS_IN_CHAT, CorpusEngine
from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.memory.recall.counts import TermCounts
from openclaw_desktop.memory.rows import place
from openclaw_desktop.memory.vectors import filling, lists, training
from openclaw_desktop.memory.vectors.filling import embedded_text
from openclaw_desktop.memory.vectors.int8 import quantise, scale_of
from openclaw_desktop.memory.vectors.shaping import MOST_LISTS, MOST_SAMPLED, ROUNDS
from openclaw_desktop.storage.database import Database

# Whole chats, so that each turn's vector is of the turn before it too.
BATCH = 100 * TURNS_IN_CHAT
KEPT_AT_ONCE, BEGUN_WITH = 50_000, 256


async def fill(database: Database, engine: CorpusEngine, turns: Iterable[NewMemory]) -> None:
    """Keep `turns` with their vectors in an empty file."""
    memory, blocks, batch = MemoryStore(database, None), [], list[NewMemory]()
    for turn in turns:
        batch.append(turn)
        if len(batch) == BATCH:
            blocks.append(await _keep(memory, engine, batch))
            batch = []
    if batch:
        blocks.append(await _keep(memory, engine, batch))
    await TermCounts(database).count()
    await _list(database, engine, np.concatenate(blocks))


async def _keep(memory: MemoryStore, engine: CorpusEngine, batch: list[NewMemory]) -> np.ndarray:
    await memory.remember_many(batch)
    placed = place(batch, [""] * len(batch), {})
    rows = engine.rows([embedded_text(one.before, one.memory.text) for one in placed])
    return np.clip(np.round(scale_of(rows.shape[1]) * rows), -127, 127).astype(np.int8)


async def _list(database: Database, engine: CorpusEngine, vectors: np.ndarray) -> None:
    """Make lists of vectors, row n of which is of the memory with rowid n + 1."""
    chosen = np.random.default_rng(5).choice(len(vectors), min(MOST_SAMPLED, len(vectors)), replace=False)
    sample = training.normalised(vectors[chosen].astype(np.float32))
    centroids = training.begin(sample, min(MOST_LISTS, len(sample) // 8), 5)
    for _ in range(ROUNDS):
        centroids = training.improve(sample, centroids)
    assigned = np.concatenate([training.assign(block.astype(np.float32), centroids) for block in _blocks(vectors)])
    stored = [quantise(row) for row in training.as_bytes(centroids)]

    def begin(connection: apsw.Connection) -> tuple[int, list[int]]:
        row = filling.register(connection, engine.engine, engine.version, engine.dimension)
        lists.set_engine(
            connection, row.id, state="serving", filled_to=len(vectors), generation=1, trained_rows=len(vectors),
            probes=BEGUN_WITH, unverified=1,
        )  # fmt: skip
        return row.id, lists.add_lists(connection, row.id, 1, stored, coded=False)

    engine_id, numbers = await database.write(begin)

    def keep(connection: apsw.Connection, places: np.ndarray) -> None:
        targets = [numbers[one] for one in assigned[places]]
        connection.executemany(
            "insert into vectors (engine_id, list, memory_rowid, vector) values (?, ?, ?, ?)",
            [(engine_id, to, int(one) + 1, vectors[one].tobytes()) for to, one in zip(targets, places, strict=True)],
        )
        lists.grow(connection, engine_id, 1, targets)

    for places in _blocks(np.argsort(assigned, kind="stable")):
        await database.write(lambda c, places=places: keep(c, places))  # type: ignore[misc]
    await database.write(lambda c: c.execute("delete from vector_queue").fetchall())


def _blocks(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + KEPT_AT_ONCE] for start in range(0, len(rows), KEPT_AT_ONCE)]
