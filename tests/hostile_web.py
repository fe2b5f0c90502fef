"""A web for tests: names at made-up public addresses, behind them real sockets that do whatever a test tells them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PUBLIC = "93.184.215.14"


class Exchange:
    """One request as a server sees it, and the way to answer."""

    def __init__(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, _ = lines[0].split(" ")
        pairs = (line.partition(": ") for line in lines[1:] if line)
        self.lines = lines[1:]
        self.headers = {name.lower(): value for name, _, value in pairs}
        self.body = body
        self.writer = writer

    async def say(self, body: bytes | str = b"", status: int = 200, kind: str = "text/html", **headers: str) -> None:
        """Answer as servers do."""
        data = body.encode() if isinstance(body, str) else body
        lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(data)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + data)

    async def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()


Answer = Callable[[Exchange], Awaitable[None]]


class HostileServer:
    """A server on loopback; `seen` are the requests that it read."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self._answer, self._tls = answer, tls
        self.seen: list[Exchange] = []
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> HostileServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            body = await reader.readexactly(int(length[0].partition(b":")[2])) if length else b""
            exchange = Exchange(head[:-4], body, writer)
            self.seen.append(exchange)
            await self._answer(exchange)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            writer.close()
            await writer.wait_closed()


class FakeNet:
    """Names and addresses of the tests' own web: what is dialled is noted in `dialled` and led to a local port."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: dict[str, list[Sequence[str]]] = {}
        self.ports: dict[tuple[str, int], int] = {}
        self.dialled: list[tuple[str, int]] = []
        self.asked: list[str] = []
        real = httpcore.AnyIOBackend.connect_tcp
        net = self

        async def connect_tcp(backend: Any, host: str, port: int, **more: Any) -> Any:
            net.dialled.append((host, port))
            if ip_address(host).is_loopback:
                return await real(backend, host, port, **more)
            if (host, port) not in net.ports:
                raise httpcore.ConnectError("nobody there")
            return await real(backend, "127.0.0.1", net.ports[host, port], **more)

        monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect_tcp)

    def put(self, name: str, port: int, local_port: int, address: str = PUBLIC) -> None:
        """Let `name` be at `address`, and its `port` be answered by a local server."""
        self.names[name] = [[address]]
        self.ports[address, port] = local_port

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Look a name up; each time the next of its answers, the last one stays."""
        self.asked.append(host)
        if host not in self.names:
            raise OSError("no such name")
        answers = self.names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


class KeptSecrets:
    """Hands out values, each for its host alone, as the keeper does."""

    def __init__(self, values: Mapping[tuple[str, str], str]) -> None:
        self.values = values

    async def get(self, name: str, host: str) -> str | None:
        known = {key[0]: key[1] for key in self.values}
        if name in known and known[name] != host:
            from openclaw_desktop.core.errors import UserError

            raise UserError("secret_bound", f"The secret {name} is for {known[name]} alone.")
        return self.values.get((name, host))


def certificate(folder: Path, *names: str, days: int = 1) -> Path:
    """Write a self-signed certificate for `names` with its key into one file; `days` below 0: it has ended."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    ends = now + timedelta(days=days)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(min(now, ends) - timedelta(days=1))
        .not_valid_after(ends).add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    place = folder / f"{names[0]}{days}.pem"
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private = key.private_bytes(serialization.Encoding.PEM, *plain)
    place.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return place


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def server_side(place: Path) -> ssl.SSLContext:
    """Return the context of a server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place)
    return context


def client_side(*places: Path) -> ssl.SSLContext:
    """Return the context of a client that trusts those certificates."""
    context = ssl.create_default_context()
    for place in places:
        context.load_verify_locations(place)
    return context
