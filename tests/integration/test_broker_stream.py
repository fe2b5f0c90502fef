"""A body that comes piece by piece: checked like any request, capped, and with no secret in it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hostile_web import Exchange, FakeNet, HostileServer, KeptSecrets, certificate, client_side, server_side

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import WebRequest
from openclaw_desktop.security.broker.blotting import Blotter
from openclaw_desktop.security.broker.dialling import Dialler
from openclaw_desktop.security.broker.fetching import Broker, WebStream

HOST = "events.example.com"
CANARY = "sk-canary+9f3e/Q&7"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> FakeNet:
    return FakeNet(monkeypatch)


@asynccontextmanager
async def streaming(
    net: FakeNet,
    folder: Path,
    answer: Callable[[Exchange], Awaitable[None]],
    *hosts: str,
    idle_s: float | None = 20.0,
    **more: object,
) -> AsyncIterator[WebStream]:
    place = certificate(folder, HOST)
    async with HostileServer(answer, server_side(place)) as server:
        net.put(HOST, 443, server.port)
        secrets = KeptSecrets({("api", HOST): CANARY})
        broker = Broker(Dialler(secrets, resolve=net.resolve, trust=client_side(place)))
        fields: dict[str, object] = {"url": f"https://{HOST}/", "secrets": {"Authorization": "Bearer secret:api"}}
        request = WebRequest(**{**fields, **more})  # type: ignore[arg-type]
        async with broker.stream(request, hosts or (HOST,), idle_s=idle_s) as answered:
            yield answered


async def test_pieces_are_handed_out_while_the_rest_is_still_to_come(net: FakeNet, tmp_path: Path) -> None:
    read = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        assert exchange.headers["authorization"] == f"Bearer {CANARY}"
        await exchange.raw(HEAD + b"data: one\n\n")
        await read.wait()  # the second event is sent only after the first was read
        await exchange.raw(b"data: two\n\n")

    async with streaming(net, tmp_path, answer) as stream:
        assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream")
        assert await anext(stream.pieces) == b"data: one\n\n"
        read.set()
        assert b"".join([piece async for piece in stream.pieces]) == b"data: two\n\n"


async def test_r15_a_secret_that_is_cut_in_two_comes_back_in_nothing(net: FakeNet, tmp_path: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.raw(HEAD + b"data: " + CANARY[:7].encode())
        await exchange.raw(CANARY[7:].encode() + b"\n\ndata: " + CANARY[:4].encode())

    async with streaming(net, tmp_path, answer) as stream:
        whole = b"".join([piece async for piece in stream.pieces])
    assert whole == b"data: [secret:api]\n\ndata: " + CANARY[:4].encode()


def test_only_what_may_be_the_beginning_of_a_secret_waits() -> None:
    blotter = Blotter({"api": (CANARY,)})
    assert [blotter.held_bytes(data) for data in (b"", b"\n\n", b"x sk-can", CANARY.encode()[:-1])] == [0, 0, 6, 17]
    assert Blotter({}).held_bytes(b"anything") == 0
    for text in (CANARY, CANARY + "x" * 100):  # every beginning of it, in any of its forms, and nothing else
        blotter = Blotter({"api": (text,)})
        for form, _ in blotter._marks:
            assert [blotter.held_bytes(b"\n\n" + form[:size]) for size in range(1, 9)] == [*range(1, 9)]


@pytest.mark.parametrize("packed", [False, True])
async def test_r19_what_has_no_end_is_cut_off(net: FakeNet, tmp_path: Path, packed: bool) -> None:
    async def answer(exchange: Exchange) -> None:
        kind = b"Content-Encoding: gzip\r\n" if packed else b""
        await exchange.raw(HEAD[:-2] + kind + b"\r\n")
        while True:
            await exchange.raw(gzip.compress(b"x" * (1 << 20)) if packed else b"x" * 1000)

    with pytest.raises(UserError, match="sent more than is read"):
        async with streaming(net, tmp_path, answer, limit_bytes=100_000) as stream:
            async for _ in stream.pieces:
                pass


async def test_a_server_that_falls_silent_is_given_up(net: FakeNet, tmp_path: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.raw(HEAD + b"data: one\n\n")
        await asyncio.Event().wait()

    with pytest.raises(UserError, match="took longer"):
        async with streaming(net, tmp_path, answer, idle_s=0.1) as stream:
            async for piece in stream.pieces:
                assert piece == b"data: one\n\n"


async def test_r19_a_redirect_is_handed_back_and_not_followed(net: FakeNet, tmp_path: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.say(status=307, Location="http://169.254.169.254/")

    async with streaming(net, tmp_path, answer) as stream:
        assert (stream.status, stream.headers["location"]) == (307, "http://169.254.169.254/")
    assert [address for address, _ in net.dialled] == ["93.184.215.14"]


async def test_r19_other_hosts_and_addresses_are_refused_before_anything_is_sent(net: FakeNet, tmp_path: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        raise AssertionError("nothing comes here")

    for url, hosts, words in (
        ("https://other.example.com/", (HOST,), "may not go to other.example.com"),
        ("http://169.254.169.254/latest", ("169.254.169.254:80",), "no page on the web"),
        (f"https://{HOST}/", ("other.example.com",), f"may not go to {HOST}"),
    ):
        with pytest.raises(UserError, match=words):
            async with streaming(net, tmp_path, answer, *hosts, url=url, secrets={}):
                pass
