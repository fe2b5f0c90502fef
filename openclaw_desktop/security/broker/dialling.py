"""Connecting: a name is looked up once, every address of it is checked, and exactly those are connected to.

Owns the check of addresses, TLS and the raw streams of `core.protocols.Dial`. Must not know what is sent. Loop.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TYPE_CHECKING

from openclaw_desktop.core.protocols import Secrets
from openclaw_desktop.security.broker import problems
from openclaw_desktop.security.broker.addresses import Address, kind_of
from openclaw_desktop.security.broker.hosts import is_local_name
from openclaw_desktop.security.secrets import clean_host

if TYPE_CHECKING:
    from httpcore import AsyncNetworkStream

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

# An address that does not answer leaves the next ones their chance.
ATTEMPT_S = 5.0
ADDRESSES = 6


async def look_up(host: str, port: int) -> Sequence[str]:
    """Return the addresses of `host` as the system knows them; raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def system_trust() -> ssl.SSLContext:
    """Return what this system trusts (SSL_CERT_FILE is heard), and the authorities that certifi knows."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class Dialler:
    """Opens connections to checked addresses.

    `private_hosts`: `host:port` of the user's own servers whose names a name server knows. `resolve` and `trust` are
    for tests; the system's else. No proxy of the environment is heard.
    """

    def __init__(
        self,
        secrets: Secrets | None = None,
        *,
        private_hosts: Collection[str] = (),
        resolve: Resolve = look_up,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.secrets = secrets
        self._private_hosts = frozenset(place.lower() for place in private_hosts)
        self._resolve = resolve
        self._trust = trust

    @property
    def trust(self) -> ssl.SSLContext:
        """Whose certificates are accepted."""
        if self._trust is None:
            self._trust = system_trust()
        return self._trust

    async def find(self, host: str, port: int, *, named: bool) -> tuple[Address, ...]:
        """Return the addresses of `host`, each of them checked; raises UserError.

        `named`: host and port were given by the user themselves, so that it may be near.
        """
        try:
            found: list[Address] = [ipaddress.ip_address(host)]
        except ValueError:
            try:
                found = [ipaddress.ip_address(address) for address in await self._resolve(host, port)]
            except (OSError, ValueError):
                raise problems.unknown_host(host) from None
        near = named and (is_local_name(host) or f"{host}:{port}" in self._private_hosts)
        for address in found:
            kind = kind_of(address)
            # One bad address spoils the name: who controls it chooses which one is used.
            if kind == "never" or (kind == "near" and not near):
                raise problems.forbidden_address(host, port, can_be_allowed=kind == "near")
        if not found:
            raise problems.unknown_host(host)
        return tuple(dict.fromkeys(found))[:ADDRESSES]

    async def connect(self, host: str, addresses: Sequence[Address], port: int, limit_s: float) -> AsyncNetworkStream:
        """Connect to the first of the checked `addresses` that answers; raises UserError."""
        import httpcore

        backend, deadline_s = httpcore.AnyIOBackend(), time.monotonic() + limit_s
        too_slow = False
        for address in addresses:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                break
            try:
                return await backend.connect_tcp(str(address), port, timeout=min(left_s, max(ATTEMPT_S, limit_s / 2)))
            except httpcore.ConnectTimeout:
                too_slow = True
            except (httpcore.ConnectError, OSError):
                continue
        raise problems.too_slow(host, limit_s) if too_slow else problems.no_connection(host, port)

    async def dial(
        self, host: str, port: int, *, tls: bool = True, limit_bytes: int = 64_000_000, timeout_s: float = 20.0
    ) -> DialledConnection:
        """Connect to a host that the user named; see `core.protocols.Dial`."""
        host = clean_host(host)
        try:
            async with asyncio.timeout(timeout_s):
                addresses = await self.find(host, port, named=True)
                stream = await self.connect(host, addresses, port, timeout_s)
        except TimeoutError:
            raise problems.too_slow(host, timeout_s) from None
        here = all(address.is_loopback for address in addresses)
        connection = DialledConnection(self, host, stream, limit_bytes, timeout_s, on_this_machine=here)
        if tls:
            await connection.start_tls()
        return connection


class DialledConnection:
    """`core.protocols.Connection` over a stream to one checked address."""

    def __init__(
        self,
        dialler: Dialler,
        host: str,
        stream: AsyncNetworkStream,
        limit_bytes: int,
        timeout_s: float,
        *,
        on_this_machine: bool,
    ) -> None:
        self._on_this_machine = on_this_machine
        self._dialler = dialler
        self._host = host
        self._stream = stream
        self._left_bytes = limit_bytes
        self._timeout_s = timeout_s
        self._encrypted = False

    async def read(self, limit_bytes: int = 65_536) -> bytes:
        """Return the next bytes; see the protocol."""
        import httpcore

        try:
            data = await self._stream.read(limit_bytes, timeout=self._timeout_s)
        except httpcore.ReadTimeout:
            raise problems.too_slow(self._host, self._timeout_s) from None
        except (httpcore.ReadError, OSError):
            raise problems.broken_off(self._host) from None
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            await self.close()
            raise problems.too_much(self._host)
        return data

    async def write(self, data: bytes) -> None:
        """Send `data`; see the protocol."""
        import httpcore

        try:
            await self._stream.write(data, timeout=self._timeout_s)
        except httpcore.WriteTimeout:
            raise problems.too_slow(self._host, self._timeout_s) from None
        except (httpcore.WriteError, OSError):
            raise problems.broken_off(self._host) from None

    async def write_secret(self, name: str, make: Callable[[str], bytes]) -> None:
        """Send what `make` makes of a secret; see the protocol."""
        if not self._encrypted and not self._on_this_machine:
            raise problems.unencrypted(self._host)
        name = name.removeprefix("secret:")
        value = await self._dialler.secrets.get(name, self._host) if self._dialler.secrets else None
        if value is None:
            raise problems.no_secret(name, self._host)
        await self.write(make(value))

    async def start_tls(self) -> None:
        """Go on encrypted; see the protocol."""
        import httpcore

        try:
            self._stream = await self._stream.start_tls(self._dialler.trust, self._host, timeout=self._timeout_s)
        except (httpcore.ConnectError, OSError) as error:
            await self.close()
            raise problems.no_tls(self._host, error) from None
        except httpcore.ConnectTimeout:
            await self.close()
            raise problems.too_slow(self._host, self._timeout_s) from None
        self._encrypted = True

    async def close(self) -> None:
        """End it; see the protocol."""
        await self._stream.aclose()
