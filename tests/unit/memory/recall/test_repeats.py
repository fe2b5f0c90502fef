"""What a fact says is not found in the words of its turn too; what else was said in that turn is."""

from array import array
from collections.abc import Sequence
from pathlib import Path

from openclaw_desktop.memory import MemoryStore, NewMemory
from openclaw_desktop.storage.database import Database


async def test_a_turn_in_which_a_fact_was_told_is_found_for_what_else_it_says(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "m.db")
    memory = MemoryStore(database, None)
    turn = NewMemory(
        "Remember that my wifi password is hunter2. The dog ate the cable of the router.",
        kind="turn", speaker="user", session_id="s", turn_id="t",
    )  # fmt: skip
    fact = NewMemory("The user's wifi password is hunter2", kind="fact", session_id="s", turn_id="t")
    turn_id, fact_id = await memory.remember_many([turn, fact])
    assert [hit.id for hit in await memory.recall("What is my wifi password?")] == [fact_id]
    hits = await memory.recall("Did the dog eat the cable of the router, or of the wifi?")
    assert hits[0].id == turn_id
    await database.close()


async def test_what_was_said_many_times_in_the_same_words_is_found_once(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "m.db")
    memory = MemoryStore(database, None)
    said = [*["I'm on hold with the bank."] * 12, "i'm on hold with the bank", "My bank account is with Lindqvist"]
    await memory.remember_many([NewMemory(text, kind="turn", speaker="user", session_id="s") for text in said])
    hits = await memory.recall("Which bank?")
    assert len(hits) == 2 and "My bank account is with Lindqvist" in {hit.text for hit in hits}
    await database.close()


class Judo:
    """`core.protocols.Embed` of a model that knows one word."""

    engine, version, dimension = "judo", "1", 8

    async def __call__(self, texts: Sequence[str]) -> list[bytes]:
        knows = [float("judo" in text) for text in texts]
        return [array("f", [one, 1.0 - one, *[0.0] * 6]).tobytes() for one in knows]


async def test_a_turn_that_says_nothing_but_its_fact_is_found_as_the_fact_alone(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "m.db")
    memory = MemoryStore(database, Judo())
    told = ("I did judo as a child", "I took up kickboxing last spring")
    for number, text in enumerate(told):
        kept = NewMemory(text, kind="fact", speaker="user", session_id="s", turn_id=f"t{number}")
        said = NewMemory(
            f"Please remember that {text}.", kind="turn", speaker="user", session_id="s", turn_id=f"t{number}"
        )
        await memory.remember_many([kept, said])
    # The second turn is embedded with the first, so that it means much more of what is asked than its fact does.
    hits = await memory.recall("Was there judo?")
    assert sorted(hit.text for hit in hits) == sorted(told)
    await memory.vectors.close()
    await database.close()
