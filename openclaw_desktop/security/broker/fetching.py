"""One request to the web, from its check to its bounded answer: `core.protocols.Fetch`.

Owns redirects, limits, and the way of a secret into the one request that it is for. Must not know what is asked or who
asks, and logs neither. Loop.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import WebRequest, WebResponse
from openclaw_desktop.core.text import tr
from openclaw_desktop.security.broker import problems
from openclaw_desktop.security.broker.addresses import Address
from openclaw_desktop.security.broker.blotting import Blotter
from openclaw_desktop.security.broker.dialling import Dialler
from openclaw_desktop.security.broker.hosts import URL_CHARS, Target, find_pass, parse_url
from openclaw_desktop.security.broker.unpacking import ACCEPTED, Unpacker, UnpackingError

if TYPE_CHECKING:
    import httpcore

REDIRECTS = 10
USER_AGENT = "OpenCLaw-Desktop/0.1"

_METHOD = re.compile(r"[A-Z]{1,20}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_SECRET = re.compile(
    r"(?P<before>(?:[\x21-\x7e]+ )?)(?P<user>(?:[^\x00-\x20]+:)?)secret:(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,63})"
)
# The transport's own, and what would send a request elsewhere than was checked.
_OURS = frozenset(("host", "content-length", "transfer-encoding", "connection", "accept-encoding", "te", "upgrade"))
# What was meant for one origin is not for the next.
_BOUND = frozenset(("authorization", "cookie", "proxy-authorization"))


@dataclass(frozen=True, slots=True)
class _Hop:
    """One request of a chain: where to, how, and with what of the first one's."""

    target: Target
    method: str
    headers: Mapping[str, str]
    body: bytes
    with_secrets: bool


@dataclass(slots=True)
class _Made:
    """The headers that secrets went into, and the texts that must not come back, by the secret's name."""

    headers: dict[str, str] = field(default_factory=dict)
    texts: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WebStream:
    """What is coming back: its pieces are unpacked and hold no secret."""

    url: str
    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]


class Broker:
    """`core.protocols.Fetch` over checked connections, each for one request alone."""

    def __init__(self, dialler: Dialler) -> None:
        self._dialler = dialler

    async def __call__(self, request: WebRequest, hosts: Sequence[str]) -> WebResponse:
        """Do `request`; see `core.protocols.Fetch`."""
        _check(request)
        target = parse_url(request.url)
        try:
            async with asyncio.timeout(request.timeout_s):
                return await self._follow(request, target, hosts)
        except TimeoutError:
            raise problems.too_slow(target.host, request.timeout_s) from None

    async def _follow(self, request: WebRequest, first: Target, hosts: Sequence[str]) -> WebResponse:
        hop = _Hop(first, request.method, request.headers, request.body, with_secrets=True)
        made = _Made()
        for _ in range(REDIRECTS + 1):
            answer = await self._ask(request, hop, hosts, first, made)
            if isinstance(answer, WebResponse):
                return answer
            hop = answer
        raise problems.too_many_redirects(first.host, REDIRECTS)

    async def _ask(
        self, request: WebRequest, hop: _Hop, hosts: Sequence[str], first: Target, made: _Made
    ) -> WebResponse | _Hop:
        """Return the answer, or the next hop where it is a redirect."""
        target = hop.target
        addresses = await self._reach(request, hop, hosts, first, made)
        extra = made.headers if hop.with_secrets else {}
        async with self._response(hop, addresses, extra, request.timeout_s) as response:
            headers = _joined(response.headers)
            if response.status in (301, 302, 303, 307, 308) and "location" in headers:
                return _next(hop, response.status, headers["location"], first)
            return await _read(request, target, response, headers, Blotter(made.texts))

    async def _reach(
        self, request: WebRequest, hop: _Hop, hosts: Sequence[str], first: Target, made: _Made
    ) -> tuple[Address, ...]:
        """Return the checked addresses of a hop that may be made, its secrets put in; raises UserError."""
        target = hop.target
        way = find_pass(target, hosts)
        if way is None:
            if target is not first:
                raise problems.SentElsewhere(first.host, Blotter(made.texts).clean_text(target.url))
            if target.scheme == "https" and target.standard_port:
                raise problems.not_granted(target.host)
            raise problems.needs_port(f"{target.place}:80" if target.standard_port else target.place)
        addresses = await self._dialler.find(target.host, target.port, named=way.named)
        if hop.with_secrets and request.secrets:
            await self._put_secrets(request, target, addresses, made)
        return addresses

    @contextlib.asynccontextmanager
    async def stream(
        self, request: WebRequest, hosts: Sequence[str], *, idle_s: float | None = None
    ) -> AsyncIterator[WebStream]:
        """Do `request` and hand out its body while it comes, such as the events of a server; raises UserError.

        Checked as any request, but no redirect is followed. `timeout_s` is until the body begins, `idle_s` then between
        two pieces of it (None: as long as it takes); more than `limit_bytes` of it is an error.
        """
        _check(request)
        target, made = parse_url(request.url), _Made()
        hop = _Hop(target, request.method, request.headers, request.body, with_secrets=True)
        async with contextlib.AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(request.timeout_s):
                    addresses = await self._reach(request, hop, hosts, target, made)
                    response = await stack.enter_async_context(
                        self._response(hop, addresses, made.headers, request.timeout_s)
                    )
            except TimeoutError:
                raise problems.too_slow(target.host, request.timeout_s) from None
            headers, blotter = _joined(response.headers), Blotter(made.texts)
            shown = {name: blotter.clean_text(value) for name, value in headers.items()}
            pieces = _pieces(request, target, response, headers, blotter, idle_s)
            async with contextlib.aclosing(pieces):
                yield WebStream(blotter.clean_text(target.url), response.status, shown, pieces)

    async def _put_secrets(
        self, request: WebRequest, target: Target, addresses: Sequence[Address], made: _Made
    ) -> None:
        if target.scheme != "https" and not all(address.is_loopback for address in addresses):
            raise problems.unencrypted(target.host)
        for header, reference in request.secrets.items():
            match = _SECRET.fullmatch(reference)
            if match is None:
                raise problems.wrong_request(tr("a secret is named as secret:NAME"))
            name, user = match["name"], match["user"]
            value = await self._dialler.secrets.get(name, target.host) if self._dialler.secrets else None
            # Anything else can't be a header, and the library's complaint would quote it.
            if value is None or not (value.isascii() and value.isprintable()):
                raise problems.no_secret(name, target.host)
            shown = base64.b64encode(f"{user}{value}".encode()).decode() if user else value
            made.headers[header] = match["before"] + shown
            made.texts[name] = (*made.texts.get(name, ()), value, shown)

    @contextlib.asynccontextmanager
    async def _response(
        self, hop: _Hop, addresses: Sequence[Address], extra: Mapping[str, str], limit_s: float
    ) -> AsyncIterator[httpcore.Response]:
        """Open a connection to one of `addresses` and send the request; what goes wrong is a UserError."""
        # With the first request: an idle agent fetches nothing.
        import httpcore

        # It would note headers at its finest level.
        logging.getLogger("httpcore").setLevel(logging.WARNING)
        target = hop.target
        stream = await self._dialler.connect(target.host, addresses, target.port, limit_s)
        try:
            if target.scheme == "https":
                try:
                    stream = await stream.start_tls(self._dialler.trust, target.host, timeout=limit_s)
                except (httpcore.ConnectError, ssl.SSLError) as error:
                    raise problems.no_tls(target.host, error) from None
            origin = httpcore.Origin(target.scheme.encode(), target.host.encode(), target.port)
            connection = httpcore.AsyncHTTP11Connection(origin, stream)
            url = httpcore.URL(
                scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
            )
            request = httpcore.Request(hop.method, url, headers=_headers(hop, extra), content=hop.body)
            response = await connection.handle_async_request(request)
            try:
                yield response
            finally:
                # Half-read bodies are let go here, not whenever their iterator is collected.
                with contextlib.suppress(httpcore.NetworkError, httpcore.ProtocolError, OSError):
                    await response.aclose()
        except httpcore.ProtocolError as error:
            broken = isinstance(error, httpcore.RemoteProtocolError) and "without" in str(error)
            raise (problems.broken_off if broken else problems.not_understood)(target.host) from None
        except (httpcore.TimeoutException, TimeoutError):
            raise problems.too_slow(target.host, limit_s) from None
        except (httpcore.NetworkError, OSError):
            raise problems.broken_off(target.host) from None
        finally:
            with contextlib.suppress(httpcore.NetworkError, OSError):
                await stream.aclose()


def _check(request: WebRequest) -> None:
    if not _METHOD.fullmatch(request.method) or request.method in ("CONNECT", "TRACE"):
        raise problems.wrong_request(tr("there is no such method"))
    for name, value in {**request.headers, **request.secrets}.items():
        if not _HEADER_NAME.fullmatch(name) or not (value.isascii() and value.isprintable()) or len(value) > 8000:
            raise problems.wrong_request(tr("a header holds what headers can't"))
        if name.lower() in _OURS or name.lower().startswith("proxy-"):
            raise problems.wrong_request(tr("a header is the broker's own"))
    if request.limit_bytes < 1 or request.timeout_s <= 0:
        raise problems.wrong_request(tr("it has no room or no time"))


def _headers(hop: _Hop, extra: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the headers to send, each once however it is spelled: of two, some servers hear the first alone."""
    ours = {
        "Host": hop.target.place,
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
        "Accept-Encoding": ACCEPTED,
        "Connection": "close",
    }
    if hop.body or hop.method in ("POST", "PUT", "PATCH"):
        ours["Content-Length"] = str(len(hop.body))
    given = (*ours.items(), *hop.headers.items(), *extra.items())
    return list({name.lower(): (name, value) for name, value in given}.values())


def _joined(pairs: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name; cookies are not kept."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name != "set-cookie":
            headers[name] = f"{headers[name]}, {value}" if name in headers and name != "location" else value
    return headers


def _next(hop: _Hop, status: int, location: str, first: Target) -> _Hop:
    """Return the hop that a redirect asks for; raises UserError where it can't be followed."""
    # Servers write UTF-8 there, whatever the rules say.
    location = location.encode("latin-1").decode("utf-8", "replace")
    try:
        target = hop.target.joined(location)
    except UserError:
        # That sentence would quote the server.
        raise problems.SentElsewhere(first.host, location[:URL_CHARS]) from None
    same = target.origin == first.origin
    keeps_body = status in (307, 308) or (status != 303 and hop.method in ("GET", "HEAD"))
    if keeps_body and hop.body and not same:
        raise problems.SentElsewhere(first.host, target.url)
    headers = hop.headers if same else {name: v for name, v in hop.headers.items() if name.lower() not in _BOUND}
    followed = replace(hop, target=target, headers=headers, with_secrets=hop.with_secrets and same)
    return followed if keeps_body else replace(followed, method="GET", body=b"")


async def _read(
    request: WebRequest, target: Target, response: httpcore.Response, headers: Mapping[str, str], blotter: Blotter
) -> WebResponse:
    """Read no more than was asked for, unpacked, with no secret in it."""
    room = request.limit_bytes + blotter.longest_bytes + 1
    content, packed_bytes, cut = bytearray(), 0, False
    try:
        unpacker = Unpacker(headers.get("content-encoding", ""))
        async for piece in response.aiter_stream():
            packed_bytes += len(piece)
            content += unpacker.feed(piece, room - len(content))
            # What unpacks to nothing, without end, is stopped too.
            if len(content) >= room or packed_bytes > 2 * room + 65_536:
                cut = True
                break
    except UnpackingError:
        raise problems.not_understood(target.host) from None
    body = blotter.clean(bytes(content))
    cut = cut or len(body) > request.limit_bytes
    shown = {name: blotter.clean_text(value) for name, value in headers.items()}
    return WebResponse(
        blotter.clean_text(target.url), response.status, shown, body[: request.limit_bytes], truncated=cut
    )


async def _pieces(
    request: WebRequest,
    target: Target,
    response: httpcore.Response,
    headers: Mapping[str, str],
    blotter: Blotter,
    idle_s: float | None,
) -> AsyncGenerator[bytes, None]:
    """Yield the body piece by piece; what may be the beginning of a secret waits for the next one."""
    coming, limit = aiter(response.aiter_stream()), request.limit_bytes
    packed_bytes, unpacked_bytes, held = 0, 0, b""
    try:
        unpacker = Unpacker(headers.get("content-encoding", ""))
        while True:
            try:
                async with asyncio.timeout(idle_s):
                    piece = await anext(coming)
            except StopAsyncIteration:
                break
            except TimeoutError:
                raise problems.too_slow(target.host, idle_s or 0.0) from None
            packed_bytes += len(piece)
            unpacked = unpacker.feed(piece, limit - unpacked_bytes + 1)
            unpacked_bytes += len(unpacked)
            if unpacked_bytes > limit or packed_bytes > 2 * limit + 65_536:
                raise problems.too_much(target.host)
            clean = blotter.clean(held + unpacked)
            kept = len(clean) - blotter.held_bytes(clean)
            held = clean[kept:]
            if kept:
                yield clean[:kept]
    except UnpackingError:
        raise problems.not_understood(target.host) from None
    if held:
        yield held
