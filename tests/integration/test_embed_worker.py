"""MiniLM in its worker: what it makes, that it comes and goes, and that its death is no one else's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import signal
import struct
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import psutil
import pytest
from tokenizers import BertWordPieceTokenizer

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.resources import resource_path
from openclaw_desktop.inference.catalogue import PackageMirror, find_model, load_catalogue
from openclaw_desktop.memory import MemoryStore, NewMemory, open_memory
from openclaw_desktop.memory.sessions import SessionStore
from openclaw_desktop.memory.vectors import engines, minilm, worker
from openclaw_desktop.memory.vectors.engines import built_in, word_vectors
from openclaw_desktop.memory.vectors.minilm import MiniLM, find_file, is_weak
from openclaw_desktop.service.stores import TurnStores
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.memory import Memory
from openclaw_desktop.workers.supervisor import Supervisor

DEADLINE_S = 60.0
# What rounding to bytes may make of a text that says little, and of texts on the whole.
LEAST, LEAST_MEAN = 0.996, 0.999


@pytest.fixture
async def embed(minilm: Path) -> AsyncIterator[MiniLM]:
    file = find_file([minilm])
    assert file is not None
    engine = MiniLM(file, idle_s=60)
    yield engine
    await engine.close()
    assert engine.pid is None


def floats(vector: bytes) -> tuple[float, ...]:
    return struct.unpack("<384f", vector)


def cosine(one: bytes, other: bytes) -> float:
    return sum(a * b for a, b in zip(floats(one), floats(other), strict=True))


async def until_loaded(engine: MiniLM) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not engine.load_soon():
            await asyncio.sleep(0)


async def test_texts_of_one_meaning_are_near_one_another(embed: MiniLM) -> None:
    car, automobile, soup = await embed(["I sold my car.", "She bought an automobile.", "The soup needs salt."])
    assert all(
        math.isclose(sum(x * x for x in floats(vector)), 1.0, rel_tol=1e-4) for vector in (car, automobile, soup)
    )
    assert cosine(car, automobile) > cosine(car, soup) + 0.2


async def test_a_vector_is_that_of_the_float32_weights(embed: MiniLM) -> None:
    # The first dimensions of the published weights' vector for this sentence (sentence-transformers' own example).
    (vector,) = await embed(["This is an example sentence"])
    published = (0.0676569, 0.0634959, 0.0487131, 0.0793049, 0.0374480)
    assert all(abs(a - b) < 0.02 for a, b in zip(floats(vector)[:5], published, strict=True))


def test_the_graph_we_ship_computes_what_the_models_own_file_does(minilm: Path) -> None:
    file = find_file([minilm])
    assert file is not None
    ours = worker.MiniLM(file.read_bytes())
    own = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    tokenizer = BertWordPieceTokenizer(str(resource_path("embedding", "vocab.txt")), lowercase=True)
    tokenizer.enable_truncation(256)
    texts = [
        "no",
        "Where did Anna go last summer, and with whom?",
        "1998: 3.5 % of 40",
        "a b c " * 200,
        "Größe, naïveté",
    ]
    cosines = []
    for text in texts:
        ids = np.array([tokenizer.encode(text).ids], np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        mean = own.run(None, inputs)[0][0].mean(axis=0)
        cosines.append(cosine(ours.encode([text]), (mean / np.linalg.norm(mean)).astype("<f4").tobytes()))
    assert min(cosines) > LEAST, cosines
    assert sum(cosines) / len(cosines) > LEAST_MEAN, cosines


def test_a_processor_that_cuts_sums_off_is_told_to_take_care(minilm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = find_file([minilm])
    assert file is not None
    content, tried = file.read_bytes(), []
    start = worker._session

    class Wrong:
        """A session whose every number is a little off, as of a processor that computes otherwise."""

        def __init__(self, right: onnxruntime.InferenceSession) -> None:
            self.get_modelmeta, self._right = right.get_modelmeta, right

        def run(self, names: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
            (hidden,) = self._right.run(names, inputs)
            return [hidden + np.where(np.arange(384) % 7 == 0, 0.3, 0.0)]

    def first_wrong(file: bytes, careful: bool) -> object:
        tried.append(careful)
        made = start(file, careful)
        return made if careful and len(tried) == 2 else Wrong(made)

    monkeypatch.setattr(worker, "_session", first_wrong)
    model = worker.MiniLM(content)
    assert tried == [False, True]
    assert len(model.encode(["a", "b"])) == 2 * 384 * 4
    with pytest.raises(worker.Refused, match="other vectors"):
        worker.MiniLM(content)


async def test_the_memory_of_long_texts_is_given_back(embed: MiniLM) -> None:
    await embed(["a short one"])
    assert embed.pid is not None
    child = psutil.Process(embed.pid)
    before = child.memory_info().rss
    for _ in range(2):
        await embed(["word " * 250] * 8)
    assert child.memory_info().rss < before + 80_000_000, "it needed 170 MB and more"


async def test_a_batch_gives_what_single_texts_give_in_their_order(embed: MiniLM) -> None:
    texts = [" ".join(["word"] * (1 + 7 * number % 23)) + f" {number}" for number in range(45)]
    together = await embed(texts)
    for number in (0, 7, 44):
        assert await embed([texts[number]]) == [together[number]], number


async def test_closing_ends_what_is_asked_and_what_waits(embed: MiniLM) -> None:
    await embed(["word"])
    asked = [asyncio.create_task(embed([f"turn {number} " + "word " * 200])) for number in range(12)]
    await asyncio.sleep(0)
    async with asyncio.timeout(DEADLINE_S):
        await embed.close()
        told = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(one, UserError) for one in told) >= len(asked) - 1, told
    assert embed.pid is None, "what waited started no other child"
    assert await embed(["word"])


async def test_a_question_does_not_wait_for_all_of_a_long_list(embed: MiniLM) -> None:
    done: list[str] = []
    long_list = asyncio.create_task(embed([f"turn {number} " + "word " * 200 for number in range(40)]))
    long_list.add_done_callback(lambda _: done.append("list"))
    while not embed.loaded:
        await asyncio.sleep(0)
    await embed(["where do I live?"])
    done.append("question")
    await long_list
    assert done == ["question", "list"]


@pytest.mark.parametrize("text", ["", "   ", "\x00\x1b", "\ud800 half a pair", "😀" * 50, "é" * 5000, "x" * 100_000])
async def test_any_text_gets_a_vector(embed: MiniLM, text: str) -> None:
    (vector,) = await embed([text])
    assert all(math.isfinite(value) for value in floats(vector))


async def test_a_killed_child_is_started_again_by_the_next_text(embed: MiniLM) -> None:
    first = await embed(["a red bicycle"])
    before = embed.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    embed.cache.clear()
    assert await embed(["a red bicycle"]) == first
    assert embed.pid not in (None, before)


async def test_where_memory_is_short_an_idle_child_goes_and_one_at_work_stays(embed: MiniLM) -> None:
    working = asyncio.create_task(embed(["a red bicycle", "a blue bicycle"]))
    await asyncio.sleep(0)  # it waits for the child now
    await embed.give_back()
    assert len(await working) == 2
    first = embed.pid
    assert first is not None and embed.loaded, "it was not ended under its work"
    await embed.give_back()
    assert embed.pid is None and not embed.loaded
    assert len(await embed(["a green bicycle"])) == 1 and embed.pid not in (None, first)


async def test_a_child_that_dies_each_time_is_a_sentence_and_then_left_alone(minilm: Path) -> None:
    file = find_file([minilm])
    assert file is not None
    engine = MiniLM(file, 60, supervisor=Supervisor("embed", command=[sys.executable, "-c", "raise SystemExit(3)"]))
    with pytest.raises(UserError, match="can't be used"):
        await engine(["a"])
    assert not engine.load_soon() and engine.pid is None, "not started for every search"
    with pytest.raises(UserError, match="a moment ago"):
        await engine(["a"])
    await engine.close()


async def test_a_damaged_file_is_refused(tmp_path: Path, minilm: Path) -> None:
    content = bytearray((minilm / find_model(load_catalogue(), "all-minilm-l6-v2-int8").file).read_bytes())
    content[5_000_000] ^= 1
    (tmp_path / "all-MiniLM-L6-v2-int8.onnx").write_bytes(content)
    file = find_file([tmp_path])
    assert file is not None
    engine = MiniLM(file, 60)
    with pytest.raises(UserError, match="damaged"):
        await engine(["a"])
    await engine.close()


async def test_nobody_waits_for_the_load(embed: MiniLM, tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "m.db")
    memory = MemoryStore(database, embed)
    await memory.remember_many([NewMemory("the car is red"), NewMemory("the soup is hot")])
    await embed.close()
    embed.cache.clear()
    assert [hit.text for hit in await memory.recall("soup")] == ["the soup is hot"]
    assert not embed.loaded
    await until_loaded(embed)
    assert (await memory.recall("automobile"))[0].text == "the car is red"
    await memory.vectors.close()
    await database.close()


@pytest.mark.skipif(sys.platform != "linux", reason="threads are placed on Linux alone")
async def test_of_two_cores_one_makes_the_vector_and_the_other_reads_meanwhile(embed: MiniLM, tmp_path: Path) -> None:
    here = sorted(os.sched_getaffinity(0))
    database = await Database.open(tmp_path / "m.db")
    await MemoryStore(database, word_vectors()).vectors.open()
    everywhere = await database.read(lambda _: os.sched_getaffinity(0))
    assert sorted(everywhere) == here, "where no process is at work beside it, it reads anywhere"
    store = MemoryStore(database, embed)
    await store.remember(NewMemory("My sister keeps bees"))
    await store.vectors.open()
    await embed(["bees"])
    assert embed.pid is not None
    reads = sorted(await database.read(lambda _: os.sched_getaffinity(0)))
    makes = sorted(os.sched_getaffinity(embed.pid))
    assert (reads, makes) == ((here[:1], here[1:]) if len(here) == 2 else (here, here))
    assert sorted(os.sched_getaffinity(0)) == here
    await store.vectors.close()
    await database.close()


async def test_a_turn_waits_for_the_model_that_finds_by_meaning(minilm: Path, tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "m.db")
    file = find_file([minilm])
    assert file is not None
    engine = MiniLM(file, idle_s=60)
    store = MemoryStore(database, engine)
    await store.remember_many([NewMemory("She bought an automobile"), NewMemory("The soup needs salt")])
    await engine.close()
    turns = TurnStores(SessionStore(database), store)
    found = await turns.recall("which cars are there", 1)
    assert [memory.text for memory in found] == ["She bought an automobile"], "no word of it is in the question"
    assert found[0].relevance > 0.2 and engine.loaded
    await engine.close()
    gone = MemoryStore(database, MiniLM(tmp_path / "none.onnx", idle_s=60))
    found = await TurnStores(SessionStore(database), gone).recall("which automobile", 1)
    assert len(found) == 1, "words find where it can't be loaded"
    await gone.vectors.close()
    await store.vectors.close()
    await database.close()


async def test_it_goes_when_idle_and_comes_back(minilm: Path) -> None:
    file = find_file([minilm])
    assert file is not None
    engine = MiniLM(file, idle_s=0.01)
    await engine(["a"])
    child = psutil.Process(engine.pid)
    async with asyncio.timeout(DEADLINE_S):
        while engine.loaded:
            await asyncio.sleep(0)
        with contextlib.suppress(psutil.NoSuchProcess):  # it may go between the two looks
            while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
                await asyncio.sleep(0)
    assert len(await engine(["b"])) == 1
    await engine.close()


async def test_the_child_has_no_secret_and_no_network(embed: MiniLM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    await embed(["a"])
    child = psutil.Process(embed.pid)
    environment = child.environ()
    assert "canary" not in json.dumps(environment)
    assert environment["OMP_WAIT_POLICY"] == "passive"
    assert child.net_connections() == []


async def test_several_may_ask_at_once_and_one_may_give_up(embed: MiniLM) -> None:
    await embed(["warm"])
    long = asyncio.create_task(embed([f"text {number}" for number in range(200)]))
    short = asyncio.create_task(embed(["a question"]))
    given_up = asyncio.create_task(embed(["another"]))
    await asyncio.sleep(0)
    given_up.cancel()
    (vector,) = await short
    assert len(await long) == 200
    embed.cache.clear()
    assert cosine((await embed(["a question"]))[0], vector) > 0.9999


async def test_words_serve_until_minilm_has_made_its_vectors(embed: MiniLM, tmp_path: Path) -> None:
    words = word_vectors()
    database = await Database.open(tmp_path / "m.db")
    memory = MemoryStore(database, words)
    await memory.remember_many([NewMemory(f"fact {number} about cars") for number in range(50)])
    await memory.vectors.close()
    memory = MemoryStore(database, (embed, words))
    assert "meaning" in (await memory.recall("vehicles"))[0].why
    assert embed.pid is None, "the words' vectors answered"
    while await memory.vectors.work(60):
        pass
    assert await database.rows("select name, state from vector_engines") == [("all-minilm-l6-v2", "serving")]
    assert await database.rows("select count(*), min(length(vector)) from vectors") == [(50, 384)]
    assert "meaning" in (await memory.recall("vehicles"))[0].why
    await memory.vectors.close()
    words.close()
    await database.close()


async def test_open_memory_uses_it_where_its_file_is(
    minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCLAW_MODELS", str(minilm))
    async with open_memory(tmp_path / "m.db") as memory:
        await memory.remember_many([NewMemory("I sold my old automobile to Ben"), NewMemory("The soup needs salt")])
        while await memory.vectors.work(60):
            pass
        hits = await memory.recall("Who has the car now?")
        assert hits[0].text.startswith("I sold")
    database = await Database.open(tmp_path / "m.db")
    assert await database.rows("select name, dimension from vector_engines") == [("all-minilm-l6-v2", 384)]
    await database.close()


def _names(folders: Sequence[Path], setting: str | None = None) -> list[str]:
    return [engine.engine for engine in built_in(folders, setting)]


def test_the_setting_and_the_machine_choose(minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "usable_cores", lambda: 4)
    monkeypatch.setattr(engines, "read_memory", lambda: Memory(8 << 30, 4 << 30))
    assert _names([tmp_path, minilm]) == ["all-minilm-l6-v2", "wordllama"]
    assert _names([tmp_path]) == _names([minilm], "wordllama") == ["wordllama"]
    assert _names([minilm], "none") == []
    monkeypatch.setattr(engines, "usable_cores", lambda: 1)
    assert _names([minilm]) == ["wordllama"]
    assert _names([minilm], "minilm") == ["all-minilm-l6-v2", "wordllama"]


@pytest.mark.parametrize(("cores", "gib", "weak"), [(1, 8, True), (2, 2, True), (2, 3, False), (16, 64, False)])
def test_a_weak_machine(cores: int, gib: int, weak: bool) -> None:
    assert is_weak(cores, Memory(gib << 30, gib << 30)) == weak


def test_the_catalogue_names_the_same_file() -> None:
    model = find_model(load_catalogue(), "all-minilm-l6-v2-int8")
    assert (model.file, model.sha256, model.size_bytes) == (minilm.FILE, minilm.SHA256, minilm.SIZE_BYTES)
    assert isinstance(model.mirrors[0], PackageMirror)
