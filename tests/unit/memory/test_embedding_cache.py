"""Known questions need no embedding engine."""

from collections.abc import Sequence

from openclaw_desktop.core.cache import CacheCounts
from openclaw_desktop.memory import word_vectors
from openclaw_desktop.memory.vectors.embedder import Embedder, EngineName


class Letters:
    """An engine that counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def encode(self, texts: Sequence[str]) -> list[bytes]:
        self.asked.append(tuple(texts))
        return [text.encode() for text in texts]


async def test_the_same_text_is_embedded_once() -> None:
    engine = Letters()
    embed = Embedder(EngineName("letters", "1", 1), lambda: engine, idle_s=60)
    assert [await embed(["tea"]), await embed(["tea"]), await embed(["coffee"])] == [[b"tea"], [b"tea"], [b"coffee"]]
    assert engine.asked == [("tea",), ("coffee",)]
    assert embed.cache.counts() == CacheCounts(1, 2)
    embed.close()
    assert await embed(["tea"]) == [b"tea"]
    assert not embed.loaded


async def test_a_batch_leaves_the_questions_in_place() -> None:
    engine = Letters()
    embed = Embedder(EngineName("letters", "1", 1), lambda: engine, idle_s=60)
    await embed(["tea"])
    await embed([str(number) for number in range(1000)])
    await embed(["tea"])
    assert len(engine.asked) == 2
    embed.close()


async def test_the_real_engine_gives_the_same_vector_alone_again_and_in_a_batch() -> None:
    embed = word_vectors()
    first, again, batch = (
        await embed(["a red bicycle"]),
        await embed(["a red bicycle"]),
        await embed(["x", "a red bicycle"]),
    )
    assert first == again == [batch[1]]
    embed.close()
