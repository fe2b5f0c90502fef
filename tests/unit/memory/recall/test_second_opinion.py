"""A second engine is asked about the best hits of a question for several things, and about nothing else."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import apsw
import pytest

from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.memory.recall import pool
from openclaw_desktop.memory.recall.likeness import COMPARED, COMPARED_CHARS, compared_text, cosines_of
from openclaw_desktop.memory.recall.pool import Pool
from openclaw_desktop.memory.recall.query import Query
from openclaw_desktop.memory.recall.scoring import SURE, WEIGHTS, Signals, add_likeness, score
from openclaw_desktop.memory.recall.search import SEVERAL as SEVERAL_WANTED
from openclaw_desktop.storage.database import Database

SEVERAL, ONE = "Which fighting sports has Ben done?", "Which fighting sport has Ben done?"
SAID = ("I went to town again", "I went to bed again", "I went to judo again", "I went to work again")
JUDO = SAID[2]


class Blind:
    """`core.protocols.Embed` of a model that takes its time, to which all texts mean the same."""

    engine, version, dimension, instant, leaves_machine = "blind", "1", 8, False, False

    async def __call__(self, texts: Sequence[str]) -> list[bytes]:
        return [array("f", [1.0, *[0.0] * 7]).tobytes() for _ in texts]


class Knowing:
    """One that takes no time, and knows what judo is."""

    engine, version, dimension, instant = "knowing", "1", 8, True

    def __init__(self, leaves_machine: bool = False) -> None:
        self.leaves_machine = leaves_machine
        self.fails = False
        self.asked: list[Sequence[str]] = []

    async def __call__(self, texts: Sequence[str]) -> list[bytes]:
        self.asked.append(texts)
        if self.fails:
            raise RuntimeError("no table")
        fights = [1.0 if "judo" in text or "fighting" in text else 0.0 for text in texts]
        return [array("f", [fight, 1.0 - fight, *[0.0] * 6]).tobytes() for fight in fights]


async def fill(database: Database, second: Knowing) -> MemoryStore:
    """Return a memory that the slow engine serves."""
    store = MemoryStore(database, (Blind(), second))
    talks = [NewMemory(text, kind="turn", speaker="Ben", session_id=text[:12]) for text in SAID]
    await store.remember_many(talks)
    while await store.vectors.work(1.0):
        pass
    second.asked.clear()
    return store


async def first_text(store: MemoryStore, question: str) -> str:
    return (await store.recall(question, 4))[0].text


async def test_it_finds_what_says_none_of_the_words(database: Database) -> None:
    second = Knowing()
    store = await fill(database, second)
    assert await first_text(store, SEVERAL) == JUDO
    assert [len(texts) for texts in second.asked] == [1 + len(SAID)]
    assert second.asked[0][0] == "fighting sports done", "neither names nor words that say nothing"
    second.asked.clear()
    assert await first_text(store, ONE) != JUDO
    assert second.asked == []
    await store.vectors.close()


async def test_it_changes_nothing_where_it_fails(database: Database) -> None:
    second = Knowing()
    store = await fill(database, second)
    second.fails = True
    found = await store.recall(SEVERAL, 4)
    assert len(second.asked) == 1
    assert {hit.text for hit in found} == set(SAID)
    assert found[0].text == (await store.recall(ONE, 4))[0].text
    await store.vectors.close()


async def test_memories_are_shown_to_no_engine_of_another_machine(database: Database) -> None:
    second = Knowing(leaves_machine=True)
    store = await fill(database, second)
    await store.recall(SEVERAL, 4)
    assert second.asked == []
    await store.vectors.close()


async def test_the_engine_that_serves_is_no_second_opinion(database: Database) -> None:
    engine = Knowing()
    store = MemoryStore(database, engine)
    await store.remember_many([NewMemory(text, kind="turn", speaker="Ben", session_id="s") for text in SAID])
    engine.asked.clear()
    await store.recall(SEVERAL, 4)
    assert {len(texts) for texts in engine.asked} == {1}, "the question alone"
    await store.vectors.close()


async def test_no_more_than_the_best_are_compared(database: Database) -> None:
    second = Knowing()
    store = await fill(database, second)
    await store.remember_many([NewMemory(f"Fighting sports, note {number}", kind="fact") for number in range(60)])
    while await store.vectors.work(1.0):
        pass
    second.asked.clear()
    await store.recall(SEVERAL, 4)
    assert [len(texts) for texts in second.asked] == [1 + COMPARED]
    await store.vectors.close()


def test_a_page_is_compared_by_its_beginning() -> None:
    assert compared_text("What I did: JUDO, and the high jump!") == "judo high jump"
    assert len(compared_text("judo " * 10_000)) <= COMPARED_CHARS
    assert compared_text("who was it?") == ""


def test_cosines_are_those_of_normalised_vectors() -> None:
    texts = [array("f", values).tobytes() for values in ([1.0, 0.0], [0.6, 0.8], [-1.0, 0.0])]
    assert cosines_of(texts[0], texts) == pytest.approx([1.0, 0.6, -1.0])


def test_it_counts_as_a_share_of_the_best_or_of_a_sure_one() -> None:
    hits = [Signals(), Signals(), Signals()]
    add_likeness(hits, [0.6, 0.3, -0.2])
    assert [one.likeness for one in hits] == pytest.approx([1.0, 0.5, 0.0])
    assert score(hits[0]) - score(hits[2]) == pytest.approx(WEIGHTS.likeness)
    add_likeness(hits, [SURE / 2, 0.0, 0.0])
    assert hits[0].likeness == pytest.approx(0.5), "nothing means what was asked"


async def test_several_answers_are_looked_for_among_as_many_as_for_twenty_hits(
    memories: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted: list[int] = []

    def find(connection: apsw.Connection, query: Query, k: int) -> Pool:
        wanted.append(k)
        return look(connection, query, k)

    look = pool.find
    monkeypatch.setattr(pool, "find", find)
    await memories.remember_many([NewMemory(text, kind="turn", speaker="Ben", session_id="s") for text in SAID])
    for question, k in ((ONE, 10), (SEVERAL, 10), (SEVERAL, 40)):
        await memories.recall(question, k)
    assert wanted == [10, SEVERAL_WANTED, 40]
