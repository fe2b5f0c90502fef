"""The model worker with the real SmolLM2: it streams, it obeys, and what kills it is a sentence in the chat."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import ModelState, NoticeShown, TextAdded, TextWithdrawn, TurnEvent, TurnFinished
from openclaw_desktop.core.labels import SYSTEM, USER
from openclaw_desktop.core.messages import Message
from openclaw_desktop.core.protocols import CompletionDone, CompletionEvent, Prompt, TextDelta, TextDropped
from openclaw_desktop.inference.client import ENVIRONMENT, LoadedModel, ModelClient
from openclaw_desktop.runtime import attach_or_start
from openclaw_desktop.service.api import AgentService, AskRequest
from openclaw_desktop.system.paths import find_home
from openclaw_desktop.workers.supervisor import Supervisor

DEADLINE_S = 60.0
STORY = "Tell me a very long story about a ship and its crew."
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def prompt(text: str, **options: object) -> Prompt:
    return Prompt((Message("system", "Answer shortly.", SYSTEM), Message("user", text, USER)), **options)  # type: ignore[arg-type]


async def collect(events: AsyncIterator[CompletionEvent]) -> tuple[str, CompletionDone]:
    text, done = "", None
    async with asyncio.timeout(DEADLINE_S):
        async for event in events:
            match event:
                case TextDelta(more):
                    text += more
                case CompletionDone():
                    done = event
    assert done is not None
    return text, done


@contextlib.asynccontextmanager
async def client_for(
    path: Path, command: list[str] | None = None, context_tokens: int = 2048
) -> AsyncIterator[tuple[ModelClient, list[ModelState]]]:
    states: list[ModelState] = []
    client = ModelClient(Supervisor("inference", ENVIRONMENT, command=command), lambda _, state: states.append(state))
    client.choose(LoadedModel("smollm2-135m", path, context_tokens))
    try:
        yield client, states
    finally:
        await client.stop()
        assert client.pid is None


@pytest.fixture
async def client(smollm2: Path) -> AsyncIterator[ModelClient]:
    async with client_for(smollm2 / FILE) as (client, _):
        yield client


async def test_it_streams_word_by_word(smollm2: Path) -> None:
    async with client_for(smollm2 / FILE) as (client, states):
        pieces = [event async for event in client(prompt(STORY, max_tokens=40))]
        assert sum(isinstance(piece, TextDelta) for piece in pieces) >= 5
        done = pieces[-1]
        assert isinstance(done, CompletionDone) and done.usage.prompt_tokens > 10
        assert 5 <= done.usage.completion_tokens <= 40
        assert states == ["unloaded", "loading", "busy", "ready"]
        assert client.tokens_per_s and client.tokens_per_s > 1


async def test_a_prompt_that_was_read_is_not_read_again(client: ModelClient) -> None:
    for cached in (False, True):
        text, done = await collect(client(prompt("Name three animals.", max_tokens=10)))
        assert text
        assert done.usage.cached_tokens == (done.usage.prompt_tokens - 1 if cached else 0)


async def test_a_tempered_answer_has_words(client: ModelClient) -> None:
    text, _ = await collect(client(prompt("Say hello.", max_tokens=20, temperature=0.3)))
    assert any(character.isalpha() for character in text)


async def test_closing_the_answer_stops_the_model_and_the_next_is_answered(client: ModelClient) -> None:
    async with contextlib.aclosing(client(prompt(STORY, max_tokens=1500))) as events:  # type: ignore[type-var]
        async for _ in events:
            break
        pid = client.pid
        async with asyncio.timeout(10):
            await events.aclose()
    assert client.state == "ready"
    text, _ = await collect(client(prompt("Say hello.", max_tokens=10)))
    assert text and client.pid == pid, "it obeyed: nothing had to be killed"


async def test_a_cancel_is_heard_while_the_prompt_is_read(client: ModelClient) -> None:
    await collect(client(prompt("Say hello.", max_tokens=2)))
    pid = client.pid
    long = asyncio.create_task(collect(client(prompt("word " * 1800))))
    while client.state != "busy":
        await asyncio.sleep(0)
    long.cancel()
    async with asyncio.timeout(10):
        await asyncio.gather(long, return_exceptions=True)
    text, _ = await collect(client(prompt("Say hello.", max_tokens=5)))
    assert text and client.pid == pid


async def test_a_model_that_does_not_obey_is_killed(client: ModelClient) -> None:
    events = client(prompt(STORY, max_tokens=1500))
    await anext(events)
    pid = client.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    async with asyncio.timeout(15):
        await events.aclose()  # type: ignore[attr-defined]
    text, _ = await collect(client(prompt("Say hello.", max_tokens=5)))
    assert text and client.pid != pid


async def test_questions_wait_for_one_another(client: ModelClient) -> None:
    answers = await asyncio.gather(*(collect(client(prompt("Say hello.", max_tokens=8))) for _ in range(4)))
    assert all(text for text, _ in answers)


@pytest.mark.parametrize("seed", range(10))
async def test_a_reply_with_a_schema_is_json_that_fits_it(client: ModelClient, seed: int) -> None:
    words = ["weather", "cats", "money", "ships", "rain", "music", "bread", "chess", "snow", "Paris"]
    schema = {
        "type": "object",
        "properties": {
            "mood": {"enum": ["glad", "sad", "neither"]},
            "sure": {"type": "boolean"},
            "words": {"type": "array", "items": {"type": "string", "maxLength": 12}, "maxItems": 3},
        },
        "required": ["mood", "sure", "words"],
        "additionalProperties": False,
    }
    text, done = await collect(
        client(prompt(f"What of {words[seed]}?", schema=schema, max_tokens=200, temperature=0.8 * (seed % 2)))
    )
    assert done.stop == "end"
    reply = json.loads(text)
    assert set(reply) == {"mood", "sure", "words"}
    assert reply["mood"] in schema["properties"]["mood"]["enum"] and isinstance(reply["sure"], bool)  # type: ignore[index]
    assert all(isinstance(word, str) and len(word) <= 12 for word in reply["words"]) and len(reply["words"]) <= 3


async def test_a_schema_that_makes_no_grammar_is_a_sentence_and_no_death(client: ModelClient) -> None:
    await collect(client(prompt("Say hello.", max_tokens=2)))
    pid = client.pid
    with pytest.raises(UserError):
        await collect(client(prompt("x", schema={"$ref": "#/nowhere"})))
    text, _ = await collect(client(prompt("Say hello.", max_tokens=5)))
    assert text and client.pid == pid


async def test_a_prompt_longer_than_the_context_is_a_sentence(client: ModelClient) -> None:
    with pytest.raises(UserError) as caught:
        await collect(client(prompt("word " * 9000)))
    assert caught.value.failure.code == "too_long"
    assert "2048" in caught.value.failure.sentence and "new chat" in caught.value.failure.advice
    text, _ = await collect(client(prompt("Say hello.", max_tokens=5)))
    assert text


async def test_an_answer_ends_where_the_context_ends(smollm2: Path) -> None:
    async with client_for(smollm2 / FILE, context_tokens=512) as (client, _):
        _, done = await collect(client(prompt("word " * 440, max_tokens=500)))
        assert done.usage.prompt_tokens + done.usage.completion_tokens <= 512


async def test_a_file_that_is_no_model_is_a_sentence_that_names_the_way_out(tmp_path: Path) -> None:
    for content in (b"", b"GGUF", b"GGUF\x03\x00\x00\x00" + b"\xff" * 4096, b"\x00" * 100_000):
        path = tmp_path / "model.gguf"
        path.write_bytes(content)
        async with client_for(path) as (client, states):
            with pytest.raises(UserError) as caught:
                await collect(client(prompt("Say hello.")))
            assert str(path) in caught.value.failure.sentence
            assert "model pull smollm2-135m" in caught.value.failure.advice
            assert states[-1] == "failed"


# A model whose worker always dies in the middle of a word.
DOOMED = """
import json, os, sys
for line in sys.stdin:
    request = json.loads(line)
    if request["op"] == "load":
        print(json.dumps({"id": request["id"], "loaded": {"context_tokens": 512}}), flush=True)
    else:
        print(json.dumps({"id": request["id"], "text": "Once upon a"}), flush=True)
        os.kill(os.getpid(), int(sys.argv[1]))
"""


@pytest.mark.parametrize(("number", "word"), [(signal.SIGSEGV, "crashed 4 times"), (signal.SIGKILL, "memory ran out")])
async def test_deaths_on_every_step_of_the_ladder_are_one_sentence(tmp_path: Path, number: int, word: str) -> None:
    async with client_for(tmp_path / "m", [sys.executable, "-c", DOOMED, str(int(number))]) as (client, states):
        events: list[CompletionEvent] = []
        with pytest.raises(UserError, match=word) as caught:
            async for event in client(prompt(STORY)):
                events.append(event)
        assert [type(event) for event in events] == [TextDelta, TextDropped] * 3 + [TextDelta]
        assert "model use" in caught.value.failure.advice
        assert states[-1] == "failed"


@pytest.fixture
async def service(tmp_path: Path, smollm2: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AgentService]:
    monkeypatch.setenv("OPENCLAW_MODELS", str(smollm2))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    agent = await attach_or_start(find_home(tmp_path / "home", {}), None, "test")
    yield agent.service
    await agent.stop()


async def turn(service: AgentService, request: AskRequest) -> list[TurnEvent]:
    async with asyncio.timeout(DEADLINE_S):
        return [event async for event in service.ask(request)]


@pytest.mark.parametrize(("number", "word"), [(signal.SIGSEGV, "crashed"), (signal.SIGKILL, "memory")])
async def test_a_death_in_mid_answer_is_told_and_the_question_asked_again(
    service: AgentService, doom: Callable[..., None], number: signal.Signals, word: str
) -> None:
    # Some way into the answer: what it begins with is drawn by lot, and its first pieces may be held back.
    doom(number, 1, piece=12)
    events = await turn(service, AskRequest("Tell me about the sea in three sentences."))
    kinds = [type(event) for event in events]
    (notice,) = (event for event in events if isinstance(event, NoticeShown))
    assert word in notice.text and "again" in notice.text
    withdrawn = kinds.index(TextWithdrawn)
    assert kinds[:withdrawn].count(TextAdded) >= 3 and TextAdded in kinds[withdrawn:]
    finished = events[-1]
    assert isinstance(finished, TurnFinished)
    later = "".join(event.text for event in events[withdrawn:] if isinstance(event, TextAdded))
    assert finished.answer.answer == later, "nothing of the withdrawn text is in the answer"


async def test_a_second_question_of_a_chat_reads_only_what_is_new(service: AgentService) -> None:
    session = await service.new_session()
    for text in ("Say hello.", "Say it again."):
        events = await turn(service, AskRequest(text, session))
        assert isinstance(events[-1], TurnFinished)
    usage = events[-1].answer.usage
    assert 0 < usage.cached_tokens < usage.prompt_tokens
