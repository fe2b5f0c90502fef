"""The power goes at any moment: what was said to be saved is there, whole, and everything derived from it fits."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest
from counts import count
from power_cut import ENCRYPTED_NAME, NAME, Disk, Event, Replay, Told

from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.storage.database import Database, fetch
from openclaw_desktop.storage.upkeep import Upkeep

IMAGES = count("power cut while it remembers, forgets and looks after the file", 400)
STEPS = 120
DISK = Disk()


class Sums:
    """Vectors out of the text's digest: quick, and each text has its own."""

    engine, version, dimension = "digest", "1", 32

    async def __call__(self, texts: Sequence[str]) -> list[bytes]:
        import numpy as np

        digests = [np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8) for text in texts]
        return [(v / np.linalg.norm(v)).astype("<f4").tobytes() for v in (d.astype("f4") - 127.5 for d in digests)]


def sealed(number: int, words: str) -> str:
    """Return a text that tells whether it is whole."""
    text = f"fact {number} {words}"
    return f"{text} {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def is_whole(text: str) -> bool:
    return hashlib.sha256(text[:-13].encode()).hexdigest()[:12] == text[-12:]


class Writer:
    """Works as the product does, and notes what it was told was done, at the moment it was told."""

    def __init__(self, path: Path, key: bytes | None, chance: random.Random) -> None:
        self._path, self._key, self._chance = path, key, chance
        self._kept: list[str] = []
        self._numbers = iter(range(1_000_000))

    async def work(self, prepare: Callable[[apsw.Connection], Any]) -> None:
        for _ in range(3):  # the program ends and starts again in between
            database = await Database.open(self._path, key=self._key)
            await database.maintain(prepare)
            store = MemoryStore(database, Sums())
            for _ in range(STEPS // 3):
                await self._step(database, store)
            await database.close()

    async def _step(self, database: Database, store: MemoryStore) -> None:
        chance = self._chance
        match chance.choices(["one", "many", "forget", "pair", "fold", "cut", "upkeep"], [30, 5, 4, 5, 5, 2, 1])[0]:
            case "one":
                self._note([await store.remember(self._new())])
            case "many":
                self._note(await store.remember_many([self._new() for _ in range(chance.randint(2, 9))]))
            case "forget" if len(self._kept) > 2:
                gone = self._kept.pop(chance.randrange(2, len(self._kept)))
                DISK.log.append(Told("going", gone))
                await store.forget([gone])
                DISK.log.append(Told("gone", gone))
            case "pair" if len(self._kept) > 1:
                await database.write(self._pair)
            case "fold":
                await database.checkpoint()
            case "cut":
                await database.erase_traces()
            case _:
                await Upkeep(database, lambda: True).run()

    def _new(self) -> NewMemory:
        words = " ".join(f"w{self._chance.randrange(500)}" for _ in range(self._chance.choice([5, 30, 900])))
        return NewMemory(sealed(next(self._numbers), words), source="test")

    def _note(self, ids: Sequence[str]) -> None:
        self._kept += ids
        DISK.log.extend(Told("kept", one) for one in ids)

    def _pair(self, connection: apsw.Connection) -> None:
        """As consolidation does: two rows that must change together."""
        value = f"pair {next(self._numbers)}"
        for one in self._kept[:2]:
            fetch(connection, "update memories set source = ? where id = ?", (value, one))


async def record(path: Path, key: bytes | None, seed: int, prepare: Callable[[apsw.Connection], Any]) -> list[Event]:
    DISK.log = []
    name, original = NAME if key is None else ENCRYPTED_NAME, apsw.Connection
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apsw, "Connection", lambda file, flags, vfs: original(file, flags=flags, vfs=name))
        await Writer(path, key, random.Random(seed)).work(prepare)
    return DISK.log


async def lost_in(folder: Path, key: bytes | None, told: Sequence[Told]) -> set[str]:
    """Open an image, hold it to all that must be true of it, and return which acknowledged memories it lacks."""
    database = await Database.open(folder / "m.db", key=key)
    try:
        assert await database.maintain(lambda c: c.pragma("integrity_check", 10)) == "ok"
        check = "insert into memories_fts (memories_fts, rank) values ('integrity-check', 1)"
        await database.write(lambda c: c.execute(check).fetchall())
        rows = await database.rows("select rowid, id, text, source from memories")
        assert all(is_whole(text) for _, _, text, _ in rows), "no row is torn"
        found = await database.rows("select rowid from memories_fts where memories_fts match 'fact'")
        assert {row[0] for row in found} == {row[0] for row in rows}, "the words are those of the rows"
        vectors = await database.rows("select memory_rowid from vectors union select memory_rowid from vector_queue")
        assert {row[0] for row in vectors} == {row[0] for row in rows}, "each row has its vector, or waits for it"
        pairs = [source for _, _, _, source in rows if source.startswith("pair")]
        gone = {note.about for note in told if note.what == "gone"}
        going = {note.about for note in told if note.what == "going"}
        ids = {row[1] for row in rows}
        assert not gone & ids, "what was said to be gone is gone"
        assert len(pairs) in (0, 2) and len(set(pairs)) <= 1, "a transaction is there whole or not at all"
        return {note.about for note in told if note.what == "kept"} - going - ids
    finally:
        await database.close()


async def images(log: Sequence[Event], folder: Path, key: bytes | None, number: int, seed: int) -> set[str]:
    """Cut the power `number` times and return what was lost in all of them."""
    chance, replay, lost = random.Random(seed), Replay(), set[str]()
    cuts = sorted(chance.randrange(len(log)) for _ in range(number))
    for place, event in enumerate(log):
        replay.go_on(event)
        while cuts and cuts[0] == place:
            cuts.pop(0)
            image = folder / "image"
            image.mkdir()
            replay.cut(image, chance)
            lost |= await lost_in(image, key, replay.told)
            shutil.rmtree(image)
    return lost


@pytest.mark.parametrize("key", [None, b"k" * 32], ids=["plain", "encrypted"])
async def test_what_was_acknowledged_survives_a_power_cut(tmp_path: Path, key: bytes | None) -> None:
    log = await record(tmp_path / "m.db", key, 4, lambda _: None)
    assert sum(isinstance(event, Told) and event.what == "kept" for event in log) > STEPS / 2
    assert await images(log, tmp_path, key, IMAGES // 2, 20_261_124) == set()


async def test_the_images_do_find_what_a_lesser_promise_loses(tmp_path: Path) -> None:
    """With a commit that does not wait for the disk, the very same images lack what was acknowledged."""
    log = await record(tmp_path / "m.db", None, 4, lambda c: c.pragma("synchronous", "normal"))
    assert await images(log, tmp_path, None, 20, 20_261_124) != set()
