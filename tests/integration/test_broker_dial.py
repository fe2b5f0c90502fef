"""Raw streams to checked addresses (mail, calendars), and the proxy of a jailed process."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hostile_web import PUBLIC, FakeNet, HostileServer, KeptSecrets, certificate, client_side, server_side

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import Connection, Dial
from openclaw_desktop.security.broker.dialling import Dialler
from openclaw_desktop.security.broker.proxy import CONNECTIONS, ConnectProxy

HOST = "mail.example.com"
CANARY = "canary-5be1-word"
SECRETS = KeptSecrets({("mail", HOST): CANARY, ("own", "127.0.0.1"): CANARY})
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> FakeNet:
    return FakeNet(monkeypatch)


@asynccontextmanager
async def listening(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve `talk` on a free port until the block ends."""
    tasks = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        with contextlib.suppress(OSError):
            try:
                await talk(reader, writer)
            finally:
                writer.close()
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(b"you said " + line)
        await writer.drain()


async def test_a_stream_is_encrypted_and_its_certificate_checked(net: FakeNet, tmp_path: Path) -> None:
    place = certificate(tmp_path, HOST)
    async with listening(echo, server_side(place)) as port:
        net.put(HOST, 993, port)
        dial: Dial = Dialler(SECRETS, resolve=net.resolve, trust=client_side(place)).dial
        connection: Connection = await dial(HOST, 993)
        await connection.write(b"hello\n")
        assert await connection.read() == b"you said hello\n"
        await connection.write_secret("secret:mail", lambda value: f"LOGIN me {value}\n".encode())
        assert await connection.read() == f"you said LOGIN me {CANARY}\n".encode()
        with pytest.raises(UserError) as caught:
            await connection.write_secret("none", lambda value: value.encode())
        assert caught.value.failure.code == "no_secret"
        await connection.close()
        await connection.close()
        with pytest.raises(UserError) as caught:
            await Dialler(resolve=net.resolve).dial(HOST, 993)
        assert caught.value.failure.code == "certificate"
    assert net.dialled == [(PUBLIC, 993)] * 2


async def test_starttls_comes_before_the_secret(net: FakeNet, tmp_path: Path) -> None:
    place = certificate(tmp_path, HOST)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        assert await reader.readline() == b"STARTTLS\r\n"
        writer.write(b"220 go\r\n")
        await writer.start_tls(server_side(place))
        await echo(reader, writer)

    async with listening(talk) as port:
        net.put(HOST, 587, port)
        dialler = Dialler(SECRETS, resolve=net.resolve, trust=client_side(place))
        connection = await dialler.dial(HOST, 587, tls=False)
        assert await connection.read() == b"220 ready\r\n"
        with pytest.raises(UserError) as caught:
            await connection.write_secret("mail", lambda value: value.encode())
        assert caught.value.failure.code == "unencrypted"
        await connection.write(b"STARTTLS\r\n")
        assert await connection.read() == b"220 go\r\n"
        await connection.start_tls()
        await connection.write_secret("mail", lambda value: f"AUTH {value}\n".encode())
        assert await connection.read() == f"you said AUTH {CANARY}\n".encode()
        await connection.close()


async def test_words_slipped_in_before_tls_are_no_words(net: FakeNet, tmp_path: Path) -> None:
    """What somebody in between adds to the plain part must not be read as if it had come encrypted."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"220 go\r\n")
        writer.write(b"* OK injected\r\n" * 1000)
        await writer.drain()
        await reader.read(100)
        writer.close()

    async with listening(talk) as port:
        net.put(HOST, 143, port)
        connection = await Dialler(resolve=net.resolve, trust=client_side()).dial(HOST, 143, tls=False)
        await connection.write(b"STARTTLS\r\n")
        await connection.read(8)
        with pytest.raises(UserError) as caught:
            await connection.start_tls()
        assert caught.value.failure.code == "no_tls"


async def test_what_is_read_is_capped_and_what_hangs_is_given_up(net: FakeNet) -> None:
    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"x" * 65_536)
            await writer.drain()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with listening(flood) as port:
        connection = await Dialler(resolve=net.resolve).dial("127.0.0.1", port, tls=False, limit_bytes=200_000)
        with pytest.raises(UserError) as caught:
            while True:
                await connection.read()
        assert caught.value.failure.code == "too_much"
    async with listening(silent) as port:
        connection = await Dialler(resolve=net.resolve).dial("127.0.0.1", port, tls=False, timeout_s=0.3)
        with pytest.raises(UserError) as caught:
            await connection.read()
        assert caught.value.failure.code == "too_slow"
        await connection.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "192.168.0.1", "::ffff:127.0.0.1"])
async def test_r19_a_mail_host_that_is_somewhere_else_is_not_dialled(net: FakeNet, address: str) -> None:
    net.names[HOST] = [[PUBLIC, address]]
    with pytest.raises(UserError) as caught:
        await Dialler(resolve=net.resolve).dial(HOST, 993)
    assert caught.value.failure.code in ("private_address", "forbidden_address") and net.dialled == []


async def test_a_secret_goes_plainly_to_this_machine_alone(net: FakeNet) -> None:
    async with listening(echo) as port:
        connection = await Dialler(SECRETS, resolve=net.resolve).dial("127.0.0.1", port, tls=False)
        await connection.write_secret("own", lambda value: f"{value}\n".encode())
        assert await connection.read() == f"you said {CANARY}\n".encode()
        await connection.close()


# --- the proxy ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def proxying(net: FakeNet, *scopes: str) -> AsyncIterator[ConnectProxy]:
    async def granted() -> Sequence[str]:
        return scopes

    proxy = ConnectProxy(Dialler(resolve=net.resolve), granted)
    await proxy.start()
    yield proxy
    await proxy.stop()


@asynccontextmanager
async def speak(
    proxy: ConnectProxy, request: str, token: str | None = None
) -> AsyncIterator[tuple[bytes, asyncio.StreamReader]]:
    """Send a request to the proxy with its token; give the first line of its answer, and the rest to read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    user = proxy.url.removeprefix("http://").partition("@")[0] if token is None else token
    word = base64.b64encode(user.encode()).decode()
    writer.write(f"{request}\r\nProxy-Authorization: Basic {word}\r\n\r\n".encode())
    await writer.drain()
    yield await reader.readline(), reader
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("CONNECT evil.example.com:443 HTTP/1.1", b"403"),
        (f"CONNECT {HOST}:80 HTTP/1.1", b"403"),
        (f"CONNECT {HOST}:22 HTTP/1.1", b"403"),
        ("CONNECT near.example.com:443 HTTP/1.1", b"403"),
        ("CONNECT 127.0.0.1:22 HTTP/1.1", b"403"),
        ("CONNECT 169.254.169.254:80 HTTP/1.1", b"403"),
        ("CONNECT nonsense HTTP/1.1", b"403"),
        ("CONNECT  HTTP/1.1", b"403"),
        (f"GET http://{HOST}/ HTTP/1.1", b"405"),
    ],
)
async def test_the_proxy_leads_to_granted_hosts_alone(net: FakeNet, request_: str, status: bytes) -> None:
    net.names[HOST], net.names["near.example.com"] = [[PUBLIC]], [["127.0.0.1"]]
    async with proxying(net, HOST, "near.example.com") as proxy, speak(proxy, request_) as (line, _):
        assert status in line
    assert net.dialled == []


@pytest.mark.parametrize("token", ["jail:wrong", "jail:", "", ":"])
async def test_the_proxy_is_for_its_own_process(net: FakeNet, token: str) -> None:
    net.names[HOST] = [[PUBLIC]]
    async with proxying(net, HOST) as proxy, speak(proxy, f"CONNECT {HOST}:443 HTTP/1.1", token) as (line, _):
        assert b"407" in line
    assert net.dialled == []


async def test_a_flood_to_the_proxy_is_dropped(net: FakeNet) -> None:
    async with proxying(net, HOST) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"X" * 500_000)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_connections_that_say_nothing_are_few(net: FakeNet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A jailed process that opens them without end takes none of the agent's descriptors beyond those."""
    monkeypatch.setattr("openclaw_desktop.security.broker.proxy.HEAD_S", 1000.0)
    net.names[HOST] = [[PUBLIC]]
    async with proxying(net, HOST) as proxy, contextlib.AsyncExitStack() as stack:
        writers = []
        for _ in range(CONNECTIONS):
            _, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writers.append(writer)
            stack.callback(writer.close)
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        stack.callback(writer.close)
        assert await asyncio.wait_for(reader.read(), 30) == b""  # closed at once, unheard
        for writer in writers:
            writer.close()
        while proxy._open:
            await asyncio.sleep(0)
        async with speak(proxy, "CONNECT evil.example.com:443 HTTP/1.1") as (line, _):
            assert b"403" in line


async def test_a_real_client_gets_through_the_proxy(net: FakeNet, tmp_path: Path) -> None:
    place = certificate(tmp_path, HOST)
    async with HostileServer(lambda e: e.say("through"), server_side(place)) as server, proxying(net, HOST) as proxy:
        net.put(HOST, 443, server.port)
        script = "import httpx, ssl, sys; print(httpx.get(sys.argv[1], verify=ssl.create_default_context()).text)"
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, f"https://{HOST}/", stdout=subprocess.PIPE,
            env={"HTTPS_PROXY": proxy.url, "SSL_CERT_FILE": str(place)},
        )  # fmt: skip
        out, _ = await asyncio.wait_for(child.communicate(), 60)
    assert out == b"through\n" and net.dialled == [(PUBLIC, 443)]


async def test_stopping_the_proxy_ends_its_tunnels(net: FakeNet, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with listening(echo) as port:
        net.put(HOST, 443, port)
        async with proxying(net, HOST) as proxy, speak(proxy, f"CONNECT {HOST}:443 HTTP/1.1") as (line, reader):
            assert b"200" in line and await reader.readline() == b"\r\n"
            await proxy.stop()
            assert await reader.read() == b""
    assert caplog.text == ""
