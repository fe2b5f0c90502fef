"""R19 and the limits of the broker, against real sockets that misbehave."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hostile_web import (
    PUBLIC,
    Answer,
    Exchange,
    FakeNet,
    HostileServer,
    certificate,
    client_side,
    server_side,
)

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import WebRequest, WebResponse
from openclaw_desktop.security.broker.dialling import Dialler
from openclaw_desktop.security.broker.fetching import REDIRECTS, Broker
from openclaw_desktop.security.broker.problems import SentElsewhere

HOST = "page.example.com"
URL = f"https://{HOST}/"


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> FakeNet:
    return FakeNet(monkeypatch)


class Site:
    """A host at a public address with a good certificate, and a broker that trusts it."""

    def __init__(self, net: FakeNet, server: HostileServer, broker: Broker) -> None:
        self.net, self.server, self.broker = net, server, broker

    async def get(self, url: str = URL, *hosts: str, **more: Any) -> WebResponse:
        return await self.broker(WebRequest(url, **{"timeout_s": 30.0, **more}), hosts or (HOST,))

    async def code(self, url: str = URL, *hosts: str, **more: Any) -> str:
        with pytest.raises(UserError) as caught:
            await self.get(url, *hosts, **more)
        assert caught.value.failure.sentence
        return caught.value.failure.code


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return certificate(tmp_path, HOST, "other.example.com", "*.wild.example.com")


@asynccontextmanager
async def site(net: FakeNet, place: Path, answer: Answer, **more: Any) -> AsyncIterator[Site]:
    async with HostileServer(answer, server_side(place)) as server:
        net.put(HOST, 443, server.port)
        dialler = Dialler(resolve=net.resolve, trust=client_side(place), **more)
        yield Site(net, server, Broker(dialler))


async def test_a_page_comes_from_exactly_the_checked_address(net: FakeNet, place: Path) -> None:
    async with site(net, place, lambda e: e.say("hello")) as web:
        answer = await web.get(f"{URL}a?b=c")
    assert (answer.status, answer.body, answer.truncated, answer.url) == (200, b"hello", False, f"{URL}a?b=c")
    assert net.dialled == [(PUBLIC, 443)] and net.asked == [HOST]
    seen = web.server.seen[0]
    assert seen.path == "/a?b=c" and seen.headers["host"] == HOST


async def test_each_header_is_sent_once_however_it_is_spelled(net: FakeNet, place: Path) -> None:
    """Of two, servers hear the first alone, or refuse the request."""
    own = {"accept": "application/json", "USER-AGENT": "own", "x-key": "a", "X-Key": "b"}
    async with site(net, place, lambda e: e.say("hello")) as web:
        await web.get(headers=own)
    lines = web.server.seen[0].lines
    assert [line for line in lines if line.lower().startswith(("accept:", "user-agent:", "x-key:"))] == [
        "USER-AGENT: own", "accept: application/json", "X-Key: b"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.1.1", "::1", "::ffff:10.0.0.1", "0.0.0.0", "100.64.0.1",
     "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "fd00:ec2::254", "fe80::1", "224.0.0.1"],
)  # fmt: skip
@pytest.mark.parametrize("among", [(), (PUBLIC,)])
async def test_r19_a_name_with_one_bad_address_is_not_reached(
    net: FakeNet, place: Path, address: str, among: tuple[str, ...]
) -> None:
    async with site(net, place, lambda e: e.say("hello")) as web:
        net.names[HOST] = [[*among, address]]
        assert await web.code() in ("private_address", "forbidden_address")
        assert await web.code(URL, f"{HOST}:443") in ("private_address", "forbidden_address")
    assert net.dialled == [] and web.server.seen == []


async def test_r19_a_name_that_changes_its_address_is_looked_up_once(net: FakeNet, place: Path) -> None:
    async with site(net, place, lambda e: e.say("hello")) as web:
        net.names[HOST] = [[PUBLIC], ["127.0.0.1"]]
        assert (await web.get()).body == b"hello"
        assert net.asked == [HOST] and net.dialled == [(PUBLIC, 443)]
        assert await web.code() == "private_address"  # the next request looks again, and sees it
    assert net.dialled == [(PUBLIC, 443)]


async def test_r19_a_redirect_looks_again(net: FakeNet, place: Path) -> None:
    async with site(net, place, lambda e: e.say(status=302, Location="/next")) as web:
        net.names[HOST] = [[PUBLIC], ["127.0.0.1"]]
        assert await web.code() == "private_address"
    assert net.dialled == [(PUBLIC, 443)]


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://169.254.169.254/latest/meta-data/", "sent_elsewhere"),
        ("https://169.254.169.254/latest/meta-data/", "forbidden_address"),
        ("https://127.0.0.1/", "private_address"),
        ("https://[::ffff:127.0.0.1]/", "private_address"),
        ("https://localhost/", "unknown_host"),
        ("https://2130706433/", "sent_elsewhere"),
        ("file:///etc/passwd", "sent_elsewhere"),
        ("gopher://page.example.com/", "sent_elsewhere"),
        ("//other.example.com/x", "unknown_host"),
        ("https://user@page.example.com/", "sent_elsewhere"),
        (f"http://{HOST}/", "sent_elsewhere"),
        (f"https://{HOST}:8443/", "sent_elsewhere"),
        ("https://[", "sent_elsewhere"),
    ],
)
async def test_r19_each_redirect_is_checked_anew(net: FakeNet, place: Path, location: str, code: str) -> None:
    async with site(net, place, lambda e: e.say(status=302, Location=location)) as web:
        assert await web.code(URL, "*") == code
    assert net.dialled == [(PUBLIC, 443)] and len(web.server.seen) == 1


async def test_a_redirect_goes_to_granted_hosts_alone(net: FakeNet, place: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        if exchange.headers["host"] == HOST:
            await exchange.say(status=301, Location="https://other.example.com/moved")
        else:
            await exchange.say("moved")

    async with site(net, place, answer) as web:
        net.put("other.example.com", 443, web.server.port)
        with pytest.raises(SentElsewhere) as caught:
            await web.get()
        assert caught.value.url == "https://other.example.com/moved"
        assert "other.example.com" not in caught.value.failure.text  # the server's words are not the agent's own
        answer_there = await web.get(URL, HOST, "other.example.com")
    assert (answer_there.body, answer_there.url) == (b"moved", "https://other.example.com/moved")


async def test_a_chain_of_redirects_has_an_end(net: FakeNet, place: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.say(status=302, Location=f"/{int(exchange.path[1:] or 0) + 1}")

    async with site(net, place, answer) as web:
        assert await web.code() == "too_many_redirects"
    assert len(web.server.seen) == REDIRECTS + 1


async def test_what_is_near_needs_its_host_and_port_named(net: FakeNet) -> None:
    async with HostileServer(lambda e: e.say("own")) as server:
        broker, url = Broker(Dialler(resolve=net.resolve)), f"http://127.0.0.1:{server.port}/"
        place = f"127.0.0.1:{server.port}"
        assert (await broker(WebRequest(url), (place,))).body == b"own"
        for scopes in ((), ("*",), ("127.0.0.1",), ("127.0.0.1:1",), (f"localhost:{server.port}",)):
            with pytest.raises(UserError) as caught:
                await broker(WebRequest(url), scopes)
            assert caught.value.failure.code == "place_not_granted"
    assert len(server.seen) == 1


async def test_a_name_that_a_name_server_knows_is_near_only_by_the_settings(net: FakeNet) -> None:
    async with HostileServer(lambda e: e.say("own")) as server:
        net.names["nas.example.com"] = [["127.0.0.1"]]
        place = f"nas.example.com:{server.port}"
        request = WebRequest(f"http://{place}/")
        with pytest.raises(UserError) as caught:
            await Broker(Dialler(resolve=net.resolve))(request, (place,))
        assert caught.value.failure.code == "private_address" and server.seen == []
        allowed = Dialler(resolve=net.resolve, private_hosts={place})
        assert (await Broker(allowed)(request, (place,))).body == b"own"


async def drip(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        await exchange.raw(b"x")
        await asyncio.sleep(0.01)  # not for the test: this is what such a server does


async def endless(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        await exchange.raw(b"x" * 65_536)


async def test_a_slow_drip_is_given_up(net: FakeNet, place: Path) -> None:
    async with site(net, place, drip) as web:
        assert await web.code(timeout_s=0.5) == "too_slow"


async def test_a_server_that_never_answers_is_given_up(net: FakeNet, place: Path) -> None:
    async def silent(exchange: Exchange) -> None:
        await asyncio.Event().wait()

    async with site(net, place, silent) as web:
        assert await web.code(timeout_s=0.5) == "too_slow"


async def test_an_endless_body_is_cut(net: FakeNet, place: Path) -> None:
    async with site(net, place, endless) as web:
        answer = await web.get(limit_bytes=100_000)
    assert answer.truncated and answer.body == b"x" * 100_000


@pytest.mark.parametrize("packing", ["gzip", "deflate", "raw deflate", "x-gzip"])
async def test_a_bomb_is_cut_while_it_is_unpacked(net: FakeNet, place: Path, packing: str) -> None:
    content = bytes(64 << 20)
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": lambda: gzip.compress(content), "x-gzip": lambda: gzip.compress(content),
        "deflate": lambda: zlib.compress(content), "raw deflate": lambda: raw.compress(content) + raw.flush(),
    }[packing]()  # fmt: skip
    async with site(net, place, lambda e: e.say(packed, Content_Encoding=packing.rsplit(maxsplit=1)[-1])) as web:
        answer = await web.get(limit_bytes=50_000)
    assert answer.truncated and answer.body == bytes(50_000)


async def test_packed_pages_are_unpacked(net: FakeNet, place: Path) -> None:
    async with site(net, place, lambda e: e.say(gzip.compress(b"hello"), Content_Encoding="GZIP")) as web:
        assert (await web.get()).body == b"hello"
    assert web.server.seen[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize("packing", ["gzip, gzip", "br", "gzip", "deflate"])
async def test_what_is_packed_otherwise_is_told(net: FakeNet, place: Path, packing: str) -> None:
    async with site(net, place, lambda e: e.say(b"\x01\x02not packed", Content_Encoding=packing)) as web:
        assert await web.code() == "not_http"


HEADS = {
    "longer than it is": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "broken_off"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 5\r\n\r\nshort", "not_http"),
    "no number": (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nshort", "not_http"),
    "a flood of headers": (b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100_000, "not_http"),
    "one endless header": (b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 500_000, "not_http"),
    "bad chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nshort", "not_http"),
    "a chunk that ends": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nshort", "broken_off"),
    "nothing": (b"", "broken_off"),
    "not http": (b"SSH-2.0-OpenSSH_9\r\n\r\n", "not_http"),
    "binary": (bytes(range(256)) * 10, "not_http"),
    "half a head": (b"HTTP/1.1 200 OK\r\nX-A:", "broken_off"),
}


@pytest.mark.parametrize("kind", HEADS)
async def test_a_broken_answer_is_a_sentence(net: FakeNet, place: Path, kind: str) -> None:
    head, code = HEADS[kind]
    async with site(net, place, lambda e: e.raw(head)) as web:
        assert await web.code() == code


async def test_more_than_was_announced_is_not_read(net: FakeNet, place: Path) -> None:
    async with site(net, place, lambda e: e.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nshort and more")) as web:
        assert (await web.get()).body == b"short"


@pytest.mark.parametrize("names", [("evil.example.com",), (PUBLIC,)])
async def test_a_certificate_for_somebody_else_is_refused(net: FakeNet, tmp_path: Path, names: tuple[str, ...]) -> None:
    other = certificate(tmp_path, *names)
    async with site(net, other, lambda e: e.say("hello")) as web:
        assert await web.code() == "certificate"
    assert web.server.seen == []


async def test_a_certificate_that_has_ended_or_that_nobody_knows_is_refused(net: FakeNet, tmp_path: Path) -> None:
    async with site(net, certificate(tmp_path, HOST, days=-1), lambda e: e.say("hello")) as web:
        assert await web.code() == "certificate"
    unknown = certificate(tmp_path, HOST)
    async with HostileServer(lambda e: e.say("hello"), server_side(unknown)) as server:
        net.put(HOST, 443, server.port)
        with pytest.raises(UserError) as caught:
            await Broker(Dialler(resolve=net.resolve))(WebRequest(URL), (HOST,))
    assert caught.value.failure.code == "certificate" and "self-signed" in caught.value.failure.text


async def test_a_server_without_tls_is_a_sentence(net: FakeNet) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 welcome, this is no TLS\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    net.put(HOST, 443, server.sockets[0].getsockname()[1])
    with pytest.raises(UserError) as caught:
        await Broker(Dialler(resolve=net.resolve))(WebRequest(URL), (HOST,))
    server.close()
    assert caught.value.failure.code == "no_tls"


async def test_nobody_there_and_no_such_name_are_sentences(net: FakeNet) -> None:
    broker = Broker(Dialler(resolve=net.resolve))
    for name, code in (("gone.example.com", "no_connection"), ("unknown.example.com", "unknown_host")):
        if code == "no_connection":
            net.names[name] = [[PUBLIC, "93.184.215.15"]]
        with pytest.raises(UserError) as caught:
            await broker(WebRequest(f"https://{name}/"), ("*",))
        assert caught.value.failure.code == code
    assert net.dialled == [(PUBLIC, 443), ("93.184.215.15", 443)]


async def test_no_proxy_of_the_environment_is_heard(net: FakeNet, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with site(net, place, lambda e: e.say("hello")) as web:
        assert (await web.get()).body == b"hello"
    assert net.dialled == [(PUBLIC, 443)]


@pytest.mark.parametrize(
    "request_",
    [
        WebRequest(URL, "GET / HTTP/1.1\r\nX: y"), WebRequest(URL, "CONNECT"),
        WebRequest(URL, headers={"X": "a\r\nY: b"}),
        WebRequest(URL, headers={"Host": "evil.example.com"}), WebRequest(URL, headers={"X\n": "a"}),
        WebRequest(URL, headers={"Transfer-Encoding": "chunked"}), WebRequest(URL, headers={"X": "ü"}),
        WebRequest(URL, secrets={"X": "not a secret"}), WebRequest(URL, limit_bytes=0),
    ],
)  # fmt: skip
async def test_our_own_side_can_send_no_nonsense(net: FakeNet, place: Path, request_: WebRequest) -> None:
    async with site(net, place, lambda e: e.say("hello")) as web:
        with pytest.raises(UserError) as caught:
            await web.broker(request_, (HOST,))
    assert caught.value.failure.code == "wrong_request" and web.server.seen == []


async def test_a_body_goes_with_a_redirect_only_to_the_same_place(net: FakeNet, place: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        where = {"/a": "/b", "/c": "https://other.example.com/"}.get(exchange.path)
        await (exchange.say(status=307, Location=where) if where else exchange.say(exchange.body))

    async with site(net, place, answer) as web:
        net.put("other.example.com", 443, web.server.port)
        assert (await web.get(f"{URL}a", "*", method="POST", body=b"words")).body == b"words"
        assert await web.code(f"{URL}c", "*", method="POST", body=b"words") == "sent_elsewhere"
    assert [seen.headers["host"] for seen in web.server.seen] == [HOST] * 3


async def test_cancelling_ends_the_connection(net: FakeNet, place: Path) -> None:
    begun, left = asyncio.Event(), asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        begun.set()
        try:
            await endless(exchange)
        finally:
            left.set()

    async with site(net, place, answer) as web:
        task = asyncio.create_task(web.get(limit_bytes=1 << 40))
        await asyncio.wait_for(begun.wait(), 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(left.wait(), 30)
