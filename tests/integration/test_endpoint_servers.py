"""Endpoints against two real servers, llama-cpp-python's and llama.cpp's own (as xllamacpp packs it), with SmolLM2."""

from __future__ import annotations

import importlib.util
import json
import math
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from agent_process import Program, eventually
from model_servers import CONTEXT_TOKENS, KEY, ModelServer, llama_cpp_server, xllamacpp_server

from openclaw_desktop.agent.reply import reply_schema
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import Message, ToolSpec
from openclaw_desktop.core.protocols import CompletionDone, CompletionEvent, Prompt, TextDelta, TextDropped
from openclaw_desktop.inference.endpoints import discovery
from openclaw_desktop.inference.endpoints.address import parse_address
from openclaw_desktop.inference.endpoints.book import Endpoint
from openclaw_desktop.inference.endpoints.client import EndpointClient
from openclaw_desktop.inference.endpoints.desk import EndpointDesk
from openclaw_desktop.inference.endpoints.dialect import Dialect, Dialects
from openclaw_desktop.inference.endpoints.discovery import discover
from openclaw_desktop.inference.endpoints.embedding import EndpointEmbedder
from openclaw_desktop.memory import NewMemory
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.storage.database import Database

READ = ToolSpec(
    "read_file",
    "read a file",
    {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    "read",
)
HELLO = Prompt((Message("user", "Say hello.", USER),), max_tokens=12)
# Long enough that it is still being written when the server is killed.
STORY = Prompt((Message("user", "Tell me a very long story about a ship and its crew.", USER),), max_tokens=1500)
CHAT = Prompt((Message("user", "Read notes.txt", USER),), reply_schema([READ]), max_tokens=60)
LONG = Prompt((Message("user", "word " * 2 * CONTEXT_TOKENS, USER),))
if importlib.util.find_spec("xllamacpp") is None:
    pytest.skip("xllamacpp is not installed", allow_module_level=True)
STYLES = {"llama-cpp-python": "json_object", "xllamacpp": "json_schema"}


@pytest.fixture(scope="module")
def servers(smollm2: Path) -> Iterator[dict[str, ModelServer]]:
    model = next(smollm2.iterdir())
    with llama_cpp_server(model) as first, xllamacpp_server(model, KEY) as second:
        yield {"llama-cpp-python": first, "xllamacpp": second}


def is_free(port: int) -> bool:
    """Return whether nobody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture(params=list(STYLES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class OneSecret:
    async def get(self, name: str, host: str) -> str | None:
        return KEY if (name, host) == ("local", "127.0.0.1") else None


@asynccontextmanager
async def asking(
    server: ModelServer, dialects: Dialects | None = None, secret: str | None = "secret:local"
) -> AsyncIterator[EndpointClient]:
    endpoint = Endpoint("here", parse_address(server.url), secret=secret)
    client = EndpointClient(endpoint, OneSecret(), dialects or Dialects())
    try:
        yield client
    finally:
        await client.close()


async def model_of(client: EndpointClient) -> str:
    return (await client.models())[0].id


async def events_of(client: EndpointClient, prompt: Prompt) -> list[CompletionEvent]:
    async with aclosing(client.complete(await model_of(client), prompt)) as events:
        return [event async for event in events]


def text_of(events: list[CompletionEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_text_streams_in_pieces_and_is_counted(servers: dict[str, ModelServer], kind: str) -> None:
    async with asking(servers[kind]) as client:
        events = await events_of(client, HELLO)
        assert (await client.models())[0].context_tokens == (CONTEXT_TOKENS if kind == "xllamacpp" else None)
        assert client.tokens_per_s and client.tokens_per_s > 0
    done = events[-1]
    assert len(events) > 4 and text_of(events).strip()
    assert isinstance(done, CompletionDone) and done.stop == "length"
    assert done.usage.prompt_tokens > 0 and done.usage.completion_tokens == 12


async def test_a_prompt_that_was_read_before_is_counted_as_cached(servers: dict[str, ModelServer]) -> None:
    async with asking(servers["xllamacpp"]) as client:
        await events_of(client, HELLO)
        done = (await events_of(client, HELLO))[-1]
    assert isinstance(done, CompletionDone) and done.usage.cached_tokens > 10


async def test_a_reply_keeps_the_form_and_the_way_to_it_is_learned(
    servers: dict[str, ModelServer], kind: str, tmp_path: Path
) -> None:
    dialects = Dialects(tmp_path / "endpoints.json")
    async with asking(servers[kind], dialects) as client:
        model = await model_of(client)
        reply = json.loads(text_of(await events_of(client, CHAT)))
    assert reply["tool"] in ("read_file", "answer") and len(reply) == 2
    assert Dialects(tmp_path / "endpoints.json").get(f"here/{model}").style == STYLES[kind]


@pytest.mark.parametrize("style", ["tools", "plain"])
async def test_the_weaker_ways_end_in_one_object_too(servers: dict[str, ModelServer], kind: str, style: str) -> None:
    dialects = Dialects()
    async with asking(servers[kind], dialects) as client:
        dialects.put(f"here/{await model_of(client)}", Dialect(style=style))  # type: ignore[arg-type]
        reply = json.loads(text_of(await events_of(client, CHAT)))
    assert reply["tool"] in ("read_file", "answer")


async def test_words_are_weighed(servers: dict[str, ModelServer], kind: str) -> None:
    question = Prompt((Message("user", "Is the sky blue? Answer Yes or No.", USER),))
    async with asking(servers[kind]) as client:
        yes, no = await client.weigh(await model_of(client), question, ("Yes", "No"))
    assert yes + no == pytest.approx(1) and 0 < no < 1


async def test_what_is_too_long_is_told(servers: dict[str, ModelServer], kind: str) -> None:
    async with asking(servers[kind]) as client:
        with pytest.raises(UserError) as caught:
            await events_of(client, LONG)
    assert caught.value.failure.code == "too_long"


async def test_a_wrong_key_is_told(servers: dict[str, ModelServer]) -> None:
    async with asking(servers["xllamacpp"], secret=None) as client:
        with pytest.raises(UserError) as caught:
            await client.models()
    assert caught.value.failure.code == "wrong_key"


async def test_after_a_cancel_the_next_question_is_answered(servers: dict[str, ModelServer], kind: str) -> None:
    async with asking(servers[kind]) as client:
        async with aclosing(client.complete(await model_of(client), STORY)) as events:
            await anext(events)
        assert text_of(await events_of(client, HELLO))


async def test_both_are_found_on_this_machine(servers: dict[str, ModelServer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "LOOK_LIMIT_S", 30.0)  # they may still be busy with the answer that was cancelled
    found = {
        server.endpoint.address.url: server
        for server in await discover(dict.fromkeys([server.port for server in servers.values()], ""))
    }
    first, second = (found[server.url] for server in servers.values())
    assert first.endpoint.name == "llama-cpp-python" and len(first.models) == 1
    assert second.models == () and "wants a key" in second.problem


@pytest.mark.skipif(not is_free(8080), reason="another program listens where llama-server usually does")
def test_llama_server_without_a_key_is_found_and_named_by_the_product(smollm2: Path, program: Program) -> None:
    with xllamacpp_server(next(smollm2.iterdir()), port=8080) as server:
        assert server.port == 8080
        found = eventually(lambda: listed_at(program, server.url), "llama-server in the list")
        assert "llama-server/" in program.run("model", "list").done().out
    assert [model["id"].partition("/")[0] for model in found] == ["llama-server"]


def listed_at(program: Program, url: str) -> list[dict[str, Any]]:
    models = program.run("model", "list", "--json").done().document["models"]
    return [model for model in models if model["endpoint"] == url]


async def test_a_server_killed_in_the_middle_of_its_answer_is_told_of(smollm2: Path) -> None:
    events: list[CompletionEvent] = []
    with xllamacpp_server(next(smollm2.iterdir())) as server:
        async with asking(server, secret=None) as client:
            stream = client.complete(await model_of(client), STORY)
            with pytest.raises(UserError) as caught:
                async with aclosing(stream):
                    async for event in stream:
                        events.append(event)
                        if len(events) == 3:
                            server.kill()
    assert isinstance(events[0], TextDelta) and isinstance(events[-1], TextDropped)
    assert caught.value.failure.code == "refused" and "Nothing answers at" in caught.value.failure.text


async def test_memory_finds_by_vectors_of_an_endpoint(smollm2: Path, tmp_path: Path) -> None:
    with xllamacpp_server(next(smollm2.iterdir()), embedding=True) as server:
        desk = EndpointDesk(tmp_path / "endpoints.toml", None)
        await desk.add(server.url, "vectors", None, None)
        embed = EndpointEmbedder(desk, "endpoint:vectors")
        database = await Database.open(tmp_path / "memory.db")
        try:
            memories = MemoryStore(database, embed)
            await memories.remember_many([NewMemory("The cat sleeps on the sofa", source="test")])
            assert (await memories.recall("cat"))[0].text == "The cat sleeps on the sofa"
            engines = await database.rows("select name, version, dimension from vector_engines")
            long = "word " * 2 * CONTEXT_TOKENS
            with pytest.raises(UserError) as caught:
                await desk.client("vectors").embed(embed.version, [long])
            first, second = await embed(["The cat sleeps", long])  # cut to what the server takes
        finally:
            await database.close()
            await desk.close()
    assert caught.value.failure.code == "too_long"
    assert engines == [("endpoint:vectors", embed.version, 576)]
    assert math.hypot(*struct.unpack("<576f", first)) == pytest.approx(1, abs=1e-5) and first != second


def test_the_product_answers_by_an_endpoint(servers: dict[str, ModelServer], program: Program) -> None:
    url = servers["llama-cpp-python"].url
    assert program.run("ask", "--no-tools", "Hello").code == 1  # there is no model of its own
    added = program.run("model", "add", url, "--name", "near", "--json").done().document["models"]
    assert [(model["endpoint"], model["leaves_machine"]) for model in added] == [(url, False)]
    chosen = program.run("model", "use", "near", "--json").done().document
    assert chosen["id"] == added[0]["id"] and chosen["chosen"]
    answer = program.run("ask", "--no-tools", "--json", "Say hello.").done().document
    assert answer["answer"] and answer["model"] == chosen["id"] and answer["usage"]["completion_tokens"] > 0
    status = program.run("status", "--json").done().document["model"]
    assert (status["name"], status["endpoint"], status["leaves_machine"]) == (chosen["id"], url, False)
    assert "on this machine: " + url in program.run("model", "list").done().out
    assert f"{chosen['id']} answers." in program.run("doctor").out
    program.run("model", "remove", "near").done()
    assert program.run("status", "--json").done().document["model"]["name"] is None


def test_what_leaves_the_machine_is_marked(program: Program) -> None:
    config = program.home / "config"
    program.run("status").done()
    # An address that is kept for documentation: nobody is asked, and nobody would answer.
    (config / "endpoints.toml").write_text('[far]\nurl = "https://192.0.2.1/v1"\nmodel = "m"\n')
    (config / "settings.toml").write_text('[model]\nid = "far/m"\n[memory]\nembeddings = "endpoint:far/vec"\n')
    status = program.run("status", "--json").done().document
    assert (status["model"]["name"], status["model"]["leaves_machine"]) == ("far/m", True)
    assert status["memory"]["vectors_leave_machine"]
    said = program.run("status").done().out
    assert "leaves this machine and goes to https://192.0.2.1/v1" in said and "ITS TEXTS LEAVE THIS MACHINE" in said


def test_the_key_comes_from_the_store_and_stands_nowhere(servers: dict[str, ModelServer], program: Program) -> None:
    url = servers["xllamacpp"].url
    program.run("model", "add", url, "--key", KEY).failed("given by its name", code=2)
    agent = program.serve()
    program.run("secret", "set", "local", "--host", "127.0.0.1", "--store", "session", stdin=KEY).done()
    program.run("model", "add", url, "--name", "keyed", "--key", "secret:local").done()
    program.run("model", "use", "keyed").done()
    assert program.run("ask", "--no-tools", "--json", "Say hello.").done().document["answer"]
    ended = agent.stop()
    assert KEY not in ended.out + ended.err
    kept = [path for path in program.home.rglob("*") if path.is_file()]
    assert kept and not [path for path in kept if KEY.encode() in path.read_bytes()]
