"""The search tool through the real broker, against servers that speak SearXNG's and Brave's own APIs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hostile_web import Exchange, FakeNet, HostileServer, KeptSecrets, certificate, client_side, server_side
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.protocols import CallScene, ToolResult, WebRequest, WebResponse
from openclaw_desktop.security.broker.dialling import Dialler
from openclaw_desktop.security.broker.fetching import Broker
from openclaw_desktop.security.broker.hosts import covers_url
from openclaw_desktop.tools.web_search import PLAIN, SearchChoice, WebSearchTool

BRAVE = "api.search.brave.com"
KEY = "BSA-canary-7b21"
SCENE = CallScene("s", "t", USER)

# As SearXNG 2025 answers format=json, shortened.
SEARXNG = {
    "query": "python", "number_of_results": 0, "answers": [], "corrections": [], "infoboxes": [], "suggestions": [],
    "unresponsive_engines": [["google", "timeout"]],
    "results": [
        {"url": "https://www.python.org/", "title": "Welcome to Python.org", "content": "The official home &amp; more.",
         "engine": "duckduckgo", "engines": ["duckduckgo"], "score": 1.0, "category": "general", "publishedDate": None},
        {"url": "https://en.wikipedia.org/wiki/Python", "title": "Python\u0007", "content": "A <b>language</b>.",
         "publishedDate": "2025-03-01T00:00:00"},
        {"url": "javascript:alert(1)", "title": "Bad", "content": ""}, "nonsense", {"title": "No address"},
    ],
}  # fmt: skip
# As Brave's web search answers, shortened.
BRAVE_ANSWER = {
    "type": "search", "query": {"original": "python"}, "mixed": {},
    "web": {"type": "search", "results": [
        {"title": "Python", "url": "https://www.python.org/", "description": "The <strong>Python</strong> home.",
         "page_age": "2025-02-03T10:00:00", "profile": {"name": "Python"}},
    ]},
}  # fmt: skip


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> FakeNet:
    return FakeNet(monkeypatch)


async def search(tool: WebSearchTool, query: str = "python", **more: Any) -> ToolResult:
    return await tool.run(await tool.freeze(ToolCall("c", "web_search", {"query": query, **more}), SCENE), SCENE)


@asynccontextmanager
async def searxng(
    net: FakeNet, answer: Callable[[Exchange], Awaitable[None]], path: str = ""
) -> AsyncIterator[tuple[WebSearchTool, HostileServer]]:
    async with HostileServer(answer) as server:
        choice = SearchChoice("searxng", f"http://127.0.0.1:{server.port}{path}")
        yield WebSearchTool(Broker(Dialler(resolve=net.resolve)), lambda: choice), server


@pytest.mark.parametrize("path", ["", "/", "/searx", "/searx/"])
async def test_searxng_on_this_machine_is_asked_by_its_own_api(net: FakeNet, path: str) -> None:
    async with searxng(net, lambda e: e.say(json.dumps(SEARXNG), kind="application/json"), path) as (tool, server):
        result = await search(tool, "  python\n news & more ")
        call = await tool.freeze(
            ToolCall("c", "web_search", {"query": "x", "provider": "https://evil.example/"}), SCENE
        )
    seen = urlsplit(server.seen[0].path)
    assert seen.path == f"{path.rstrip('/')}/search"
    assert parse_qs(seen.query) == {"q": ["python news & more"], "format": ["json"]}
    assert [hit["url"] for hit in result.data] == ["https://www.python.org/", "https://en.wikipedia.org/wiki/Python"]
    assert result.text == (
        "1. Welcome to Python.org\nhttps://www.python.org/\nThe official home & more.\n\n"
        "2. Python\n2025-03-01\nhttps://en.wikipedia.org/wiki/Python\nA language."
    )
    place = f"http://127.0.0.1:{server.port}{path.rstrip('/') or '/'}"
    assert result.label == Label("untrusted", "private", (f"web:{place}",))
    assert result.receipts[0].kind == "web.searched"
    assert call.arguments["provider"] == place and covers_url(f"127.0.0.1:{server.port}", place)


async def test_brave_gets_its_key_from_the_broker_alone(net: FakeNet, tmp_path: Path) -> None:
    place = certificate(tmp_path, BRAVE)

    async def answer(exchange: Exchange) -> None:
        assert exchange.headers["x-subscription-token"] == KEY
        echo = {**BRAVE_ANSWER, "echo": exchange.headers["x-subscription-token"]}
        await exchange.say(json.dumps(echo), kind="application/json")

    async with HostileServer(answer, server_side(place)) as server:
        net.put(BRAVE, 443, server.port)
        secrets = KeptSecrets({("brave", BRAVE): KEY})
        broker = Broker(Dialler(secrets, resolve=net.resolve, trust=client_side(place)))
        result = await search(WebSearchTool(broker, lambda: SearchChoice("brave", secret="secret:brave")), count=3)
    assert parse_qs(urlsplit(server.seen[0].path).query) == {"q": ["python"], "count": ["3"]}
    assert result.text == "1. Python\n2025-02-03\nhttps://www.python.org/\nThe Python home."
    assert KEY not in repr(result)


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        (SearchChoice(), "no_search_provider"),
        (SearchChoice("altavista"), "unknown_search_provider"),
        (SearchChoice("searxng"), "no_search_url"),
        (SearchChoice("searxng", "ftp://x.example"), "url_scheme"),
        (SearchChoice("brave"), "no_search_key"),
        (SearchChoice("brave", secret="the key itself"), "wrong_request"),
        (SearchChoice("brave", secret="secret:none"), "no_secret"),
    ],
)
async def test_what_is_not_set_up_is_told(net: FakeNet, choice: SearchChoice, code: str) -> None:
    net.names[BRAVE] = [["93.184.215.14"]]
    tool = WebSearchTool(Broker(Dialler(KeptSecrets({}), resolve=net.resolve)), lambda: choice)
    with pytest.raises(UserError) as caught:
        await search(tool)
    assert caught.value.failure.code == code and "the key itself" not in caught.value.failure.text
    assert net.dialled == []


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, "<h1>Forbidden</h1>", "searxng_no_json"),
        (401, "", "search_key"),
        (429, "", "search_busy"),
        (500, "", "search_answer"),
        (200, "<html>not json", "search_answer"),
        (200, "[" * 100_000, "search_answer"),
        (200, '{"results": 5}', "search_answer"),
        (200, "[]", "search_answer"),
        (200, '{"results": [' + "5," * 1_500_000 + "5]}", "search_answer"),
    ],
)
async def test_a_provider_that_fails_is_a_sentence(net: FakeNet, status: int, body: str, code: str) -> None:
    async with searxng(net, lambda e: e.say(body, status)) as (tool, _):
        with pytest.raises(UserError) as caught:
            await search(tool)
    assert caught.value.failure.code == code


async def test_nothing_found_is_told(net: FakeNet) -> None:
    async with searxng(net, lambda e: e.say('{"results": []}')) as (tool, _):
        assert (await search(tool)).text == "[nothing was found for python]"


async def test_a_provider_that_sends_on_leads_nowhere(net: FakeNet) -> None:
    async with searxng(net, lambda e: e.say(status=302, Location="http://127.0.0.1:1/")) as (tool, _):
        with pytest.raises(UserError) as caught:
            await search(tool)
    assert caught.value.failure.code == "sent_elsewhere" and len(net.dialled) == 1


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.just("https://a.example/"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["results", "web", "url", "title", "content", "description", "type", "publishedDate"]),
            inner,
        )
    ),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(_ANY, st.sampled_from(["searxng", "brave"]), st.text(min_size=1, max_size=100))
async def test_no_answer_is_more_than_an_error(answer: Any, provider: str, query: str) -> None:
    async def fetch(request: WebRequest, hosts: Any) -> WebResponse:
        assert request.url.isascii() and request.url.isprintable()
        return WebResponse(request.url, 200, {}, json.dumps(answer).encode())

    tool = WebSearchTool(fetch, lambda: SearchChoice(provider, "https://s.example", "secret:x"))
    try:
        assert (await search(tool, query)).label.integrity == "untrusted"
    except UserError as error:
        assert error.failure.sentence


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("search the web for cheap trains to Lyon", "cheap trains to Lyon"),
        ("Please search the internet for 'python 3.14'?", "python 3.14"),
        ("google how to boil an egg", "how to boil an egg"),
        ("web search: nothing", None), ("search my notes for web", None), ("search for trains", None),
        ("who founded google", None), ("googling is fun", None), ("don't search the web for x", None),
    ],
)  # fmt: skip
def test_a_plain_search_needs_no_model(text: str, query: str | None) -> None:
    found = [form.arguments(match) for form in PLAIN if (match := form.pattern.fullmatch(text))]
    assert found == ([] if query is None else [{"query": query}])
