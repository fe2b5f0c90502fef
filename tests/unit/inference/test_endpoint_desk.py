"""Which endpoints there are: addresses, the book, what is found on this machine, the switch between models."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from endpoint_server import EndpointServer, Reply, Seen, refuses, says

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import Message, Usage
from openclaw_desktop.core.protocols import CompletionDone, CompletionEvent, Prompt, TextDelta
from openclaw_desktop.inference.endpoints import discovery
from openclaw_desktop.inference.endpoints.address import parse_address
from openclaw_desktop.inference.endpoints.book import Endpoint, EndpointBook, Limits
from openclaw_desktop.inference.endpoints.client import EndpointClient
from openclaw_desktop.inference.endpoints.desk import EndpointDesk
from openclaw_desktop.inference.endpoints.dialect import Dialects
from openclaw_desktop.inference.endpoints.discovery import Found, discover
from openclaw_desktop.inference.endpoints.embedding import EndpointEmbedder, is_endpoint
from openclaw_desktop.inference.records import CompletionRecord
from openclaw_desktop.inference.router import BuiltIn, ModelRouter

HI = Prompt((Message("user", "Hi", USER),))


async def text_of(events: AsyncIterator[CompletionEvent]) -> str:
    return "".join([event.text async for event in events if isinstance(event, TextDelta)])


@pytest.mark.parametrize(
    ("typed", "url", "here"),
    [
        ("http://127.0.0.1:1234", "http://127.0.0.1:1234/v1", True),
        ("http://localhost:8080/v1/", "http://localhost:8080/v1", True),
        ("http://[::1]:8000/v1/chat/completions", "http://[::1]:8000/v1", True),
        ("http://127.8.9.1/v1", "http://127.8.9.1/v1", True),
        ("HTTPS://Models.Example/api/v1/models", "https://models.example/api/v1", False),
        ("http://192.168.0.7:8000", "http://192.168.0.7:8000/v1", False),
        ("http://localhost.evil.example", "http://localhost.evil.example/v1", False),
        ("http://127.0.0.1.evil.example", "http://127.0.0.1.evil.example/v1", False),
        ("http://evil.localhost", "http://evil.localhost/v1", False),  # a name server may know that one
        ("http://0.0.0.0:8000", "http://127.0.0.1:8000/v1", True),
        ("http://[0:0::1]", "http://[::1]/v1", True),
        ("https://Stra\u00dfe.example", "https://strasse.example/v1", False),  # as the key's host is written
    ],
)
def test_an_address_says_whether_it_is_on_this_machine(typed: str, url: str, here: bool) -> None:
    address = parse_address(typed)
    assert (address.url, address.on_this_machine) == (url, here)


@pytest.mark.parametrize(
    "typed", ["ftp://a", "http://", "http://u:k@host", "http://h/v1?key=k", "http://h:99999", "http://a b", "http://[::1",
              "http://a\\b", "http://a..b", "http://a%41", "http://h;x", "http://\u202eh"]
)  # fmt: skip
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_address(typed)
    assert caught.value.failure.exit_code == 2


def test_a_cloud_model_of_a_local_server_leaves_the_machine() -> None:
    ollama = Endpoint("ollama", parse_address("http://127.0.0.1:11434"))
    assert ollama.leaves_machine("gpt-oss:120b-cloud") and not ollama.leaves_machine("llama3.2:3b")


def test_the_book_keeps_comments_and_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "endpoints.toml"
    path.write_text('# mine\n[old]\nurl = "http://127.0.0.1:1/v1"\n', encoding="utf-8")
    work = Endpoint(
        "work", parse_address("https://m.example"), "big/one", "secret:work", 32768, False, "vllm", Limits(1)
    )
    EndpointBook(path).put(work)
    book = EndpointBook(path)
    assert book.get("work") == work and book.get("old") is not None
    assert path.read_text(encoding="utf-8").startswith("# mine\n") and path.stat().st_mode & 0o777 == 0o600
    book.remove("work")
    assert [endpoint.name for endpoint in EndpointBook(path).endpoints] == ["old"]


@pytest.mark.parametrize(
    "text",
    [
        "[a]\n",
        "[a]\nurl = 3\n",
        '[a]\nurl = "http://h"\nkey = "sk-1"\n',
        '[a]\nurl = "http://h"\nsecret = "sk-1"\n',
        '[a]\nurl = "http://h"\nwhole_s = -1\n',
        '["A/B"]\nurl = "http://h"\n',
        "a = 1\n",
        "[[\n",
    ],
)
def test_a_broken_book_is_told_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "endpoints.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        EndpointBook(path)
    assert str(path) in caught.value.failure.text and path.read_text(encoding="utf-8") == text


def models(*ids: str, owner: str = "", **more: Any) -> Reply:
    return Reply(200, {"object": "list", "data": [{"id": one, "owned_by": owner, **more} for one in ids]})


def ollama(seen: Seen) -> Reply:
    if seen.path == "/api/version":
        return Reply(200, {"version": "0.9.0"})
    return models("llama3.2:3b", owner="library") if seen.path == "/v1/models" else refuses(404, "no")


async def test_servers_on_this_machine_are_found_and_sent_nothing_but_two_questions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(discovery, "LOOK_LIMIT_S", 30.0)  # this machine may be busy
    vllm = EndpointServer(lambda _: models("m", owner="vllm", max_model_len=32768))
    page = EndpointServer(lambda _: Reply(200, b"<html>", kind="text/html"))
    async with EndpointServer(ollama) as first, vllm, page, EndpointServer(lambda _: refuses(401, "key")) as keyed:
        found = await discover({first.port: "ollama", **dict.fromkeys([vllm.port, page.port, keyed.port, 1], "")})
        known = await discover({vllm.port: ""}, skip=[vllm.url])
        seen = [(one.method, one.path) for server in (first, vllm, page, keyed) for one in server.seen]
        sent = [one.headers.get("authorization") or one.body for server in (first, vllm) for one in server.seen]
    assert known == ()
    assert [(one.endpoint.name, len(one.models)) for one in found] == [
        ("ollama", 1),
        ("vllm", 1),
        (f"local-{keyed.port}", 0),
    ]
    assert found[1].models[0].context_tokens == 32768 and "wants a key" in found[2].problem
    assert set(seen) == {("GET", "/v1/models"), ("GET", "/api/version")} and not any(sent)


def desk_at(folder: Path, *found: Found) -> EndpointDesk:
    async def find(**_: Any) -> tuple[Found, ...]:
        return found

    return EndpointDesk(folder / "endpoints.toml", None, folder / "endpoints.json", find_servers=find)


async def test_an_endpoint_is_added_chosen_and_removed_by_the_user(tmp_path: Path) -> None:
    async with EndpointServer(lambda _: models("a/one", "two", max_model_len=16384)) as server:
        desk = desk_at(tmp_path)
        added = await desk.add(server.url, "work", None, None)
        assert [model.id for model in added] == ["work/a/one", "work/two"]
        assert desk.find("work") is None and desk.known() == ()  # which of the two, nobody has said
        chosen = await desk.choose("work/a/one")
        assert chosen is not None and desk.card("work/a/one") == desk.card("work")
        card = desk.card("work")
        assert card is not None and (card.context_tokens, card.leaves_machine) == (16384, False)
        assert [model.id for model in await desk.look()] == ["work/a/one", "work/two"]
        with pytest.raises(UserError) as caught:
            await desk.choose("work/three")
        assert caught.value.failure.code == "wrong_model" and "work/two" in caught.value.failure.advice
        assert await desk.choose("elsewhere/x") is None
        assert await desk.remove("work") and not await desk.remove("work") and desk.card("work/two") is None
        await desk.close()


async def test_a_server_found_here_is_written_down_when_it_is_chosen(tmp_path: Path) -> None:
    async with EndpointServer(ollama) as server:
        (found,) = await discover({server.port: "ollama"})
        desk = desk_at(tmp_path, found)
        (listed,) = await desk.look()
        assert (listed.id, desk.book.endpoints) == ("ollama/llama3.2:3b", ())
        chosen = await desk.choose("ollama")
        assert chosen is not None and EndpointBook(desk.book.path).get("ollama") == desk.book.get("ollama") is not None
        await desk.close()


async def test_an_endpoint_that_fails_is_not_written_down(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    async with EndpointServer(lambda _: refuses(401, "no")) as server:
        for arguments in ((server.url, "a", None, None), ("http://m.example", "a", "secret:k", None),
                          (server.url, "a", "sk-12345678", None), (server.url, "No/Name", None, None)):  # fmt: skip
            with pytest.raises(UserError) as caught:
                await desk.add(*arguments)
            assert "12345678" not in caught.value.failure.text
        assert len(server.seen) == 1
    assert not desk.book.path.exists()
    await desk.close()


async def test_an_endpoint_that_lists_no_models_is_added_with_one_that_is_named(tmp_path: Path) -> None:
    async with EndpointServer(lambda seen: refuses(404, "Not Found") if seen.method == "GET" else says("Hi")) as server:
        desk = desk_at(tmp_path)
        with pytest.raises(UserError):
            await desk.add(server.url, "gate", None, None)
        await desk.add(server.url, "gate", None, "m")
        assert await text_of(desk.client("gate").complete("m", HI)) == "Hi"
        await desk.close()


async def test_how_much_one_model_reads_is_not_taken_for_another(tmp_path: Path) -> None:
    sizes = {"long": 32768, "short": 4096}
    listed = [{"id": name, "max_model_len": size} for name, size in sizes.items()]
    async with EndpointServer(lambda _: Reply(200, {"data": listed})) as server:
        desk = desk_at(tmp_path)
        await desk.add(server.url, "work", None, "long")
        for name, size in (*sizes.items(), ("long", 32768)):
            await desk.choose(f"work/{name}")
            card = desk.card(f"work/{name}")
            assert card is not None and card.context_tokens == size
            assert {model.model: model.context_tokens for model in await desk.look()} == sizes
        await desk.close()


async def test_what_is_no_name_of_a_model_is_not_listed(tmp_path: Path) -> None:
    names = ("", " ", "a\u202eb", "x" * 201, "m", 3)
    async with EndpointServer(lambda _: Reply(200, {"data": [{"id": name} for name in names]})) as server:
        desk = desk_at(tmp_path)
        assert [model.model for model in await desk.add(server.url, "work", None, None)] == ["m"]
        await desk.close()


async def test_a_server_that_was_added_by_name_is_not_found_again(tmp_path: Path) -> None:
    skipped: list[str] = []

    async def find(skip: Sequence[str]) -> tuple[Found, ...]:
        skipped.extend(skip)
        return ()

    desk = EndpointDesk(tmp_path / "endpoints.toml", None, find_servers=find)
    desk.book.put(Endpoint("near", parse_address("http://localhost:1"), "m"))
    await desk.look()
    assert skipped == ["http://127.0.0.1:1/v1"]
    await desk.close()


async def test_a_silent_endpoint_stays_in_the_list_with_its_problem(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    desk.book.put(Endpoint("gone", parse_address("http://127.0.0.1:1"), "m"))
    (model,) = await desk.look()
    assert model.id == "gone/m" and "Nothing answers" in model.problem
    await desk.close()


async def test_a_proxy_is_for_other_machines_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with EndpointServer(lambda _: models("m")) as server, EndpointServer(lambda _: models("p")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        here = EndpointClient(server.endpoint(), None, Dialects())
        away = EndpointClient(Endpoint("away", parse_address("http://m.invalid")), None, Dialects())
        assert [(await client.models())[0].id for client in (here, away)] == ["m", "p"]
        for client in (here, away):
            await client.close()
    assert proxy.seen[0].path == "http://m.invalid/v1/models" and len(server.seen) == 1


class BuiltInModel:
    """Stands for the model of this program."""

    def __init__(self) -> None:
        self.asked = 0

    async def complete(self, prompt: Prompt) -> AsyncIterator[CompletionEvent]:
        self.asked += 1
        yield TextDelta("built in")
        yield CompletionDone(Usage(), "end")

    async def weigh(self, prompt: Prompt, choices: Sequence[str]) -> tuple[float, ...]:
        self.asked += 1
        return (1.0,)


async def test_each_prompt_goes_to_the_model_that_the_user_chose(tmp_path: Path) -> None:
    told: list[Any] = []
    records: list[CompletionRecord] = []
    wanted = ["smollm2-135m"]
    model = BuiltInModel()
    async with EndpointServer(lambda seen: says("from there") if seen.body else models("m")) as server:
        desk = desk_at(tmp_path)
        await desk.add(server.url, "there", None, None)
        router = ModelRouter(
            BuiltIn(model.complete, model.weigh), desk, lambda: wanted[0], lambda *state: told.append(state)
        )
        router.on_finished(records.append)
        assert await text_of(router(HI)) == "built in"
        router.note_built_in("smollm2-135m", "ready")
        wanted[0] = "there/m"
        router.note_built_in(None, "unloaded")
        assert await text_of(router(Prompt(HI.messages, model="there/m"))) == "from there"
        with pytest.raises(UserError) as caught:
            _ = [event async for event in router(Prompt(HI.messages, model="smollm2-135m"))]
        await desk.close()
    assert caught.value.failure.code == "model_changed" and model.asked == 1
    assert told == [("smollm2-135m", "ready", False), ("there/m", "busy", False), ("there/m", "ready", False)]
    assert [(record.model, record.completion_tokens) for record in records] == [("there/m", 1)]


async def test_a_model_that_fails_is_not_replaced_by_another(tmp_path: Path) -> None:
    desk, model = desk_at(tmp_path), BuiltInModel()
    desk.book.put(Endpoint("gone", parse_address("http://127.0.0.1:1"), "m"))
    router = ModelRouter(BuiltIn(model.complete, model.weigh), desk, lambda: "gone/m", lambda *_: None)
    with pytest.raises(UserError):
        _ = [event async for event in router(HI)]
    assert router.state == "failed" and model.asked == 0
    await desk.close()


async def test_stopping_an_answer_closes_the_connection(tmp_path: Path) -> None:
    def script(seen: Seen) -> Reply:
        return says("Hel", stop=None, hold=asyncio.Event()) if seen.body else models("m")

    async with EndpointServer(script) as server:
        desk, model = desk_at(tmp_path), BuiltInModel()
        await desk.add(server.url, "there", None, None)
        router = ModelRouter(BuiltIn(model.complete, model.weigh), desk, lambda: "there/m", lambda *_: None)
        async with aclosing(router(HI)) as events:  # type: ignore[type-var]
            assert await anext(events) == TextDelta("Hel")
        await asyncio.wait_for(server.left.wait(), 30)
        assert router.state == "ready"
        await desk.close()


async def test_vectors_are_normalised_and_named_after_their_endpoint(tmp_path: Path) -> None:
    def script(seen: Seen) -> Reply:
        if not seen.body:
            return models("vec")
        rows = [{"index": index, "embedding": [3.0, 4.0 + index]} for index, _ in enumerate(seen.body["input"])]
        return Reply(200, {"data": rows[::-1]})

    async with EndpointServer(script) as server:
        desk = desk_at(tmp_path)
        await desk.add(server.url, "there", None, None)
        embed = EndpointEmbedder(desk, "endpoint:there")
        first, second = await embed(["a", "b"])
        assert (embed.engine, embed.version, embed.dimension) == ("endpoint:there", "vec", 2)
        assert struct.unpack("<2f", first) == pytest.approx((0.6, 0.8)) and first != second
        asked = len(server.seen)
        assert await embed(["a"]) == await embed(["a"]) == [first]
        assert len(server.seen) == asked + 1
        await desk.close()


@pytest.mark.parametrize(
    "rows", [[], [{"index": 0, "embedding": [[1.0]]}], [{"index": 0, "embedding": [float("nan")]}], "x",
             [{"index": 0, "embedding": [10**400]}]]
)  # fmt: skip
async def test_what_is_no_vector_is_told(tmp_path: Path, rows: Any) -> None:
    async with EndpointServer(lambda seen: Reply(200, {"data": rows}) if seen.body else models("vec")) as server:
        desk = desk_at(tmp_path)
        await desk.add(server.url, "there", None, None)
        with pytest.raises(UserError) as caught:
            await EndpointEmbedder(desk, "endpoint:there")(["a"])
        await desk.close()
    assert caught.value.failure.code == "no_vectors"


def test_the_setting_for_vectors_names_an_engine() -> None:
    assert not is_endpoint(None) and not is_endpoint("wordllama") and is_endpoint("endpoint:a/b")
    with pytest.raises(UserError):
        is_endpoint("cloud")
