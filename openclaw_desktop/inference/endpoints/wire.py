"""The connection to one endpoint: requests, server-sent events, and every way in which that fails.

Owns the HTTP client and the key's way into the one request. It follows no redirect, sends the key to no other host, and
reads no more than a bounded answer. Must not know what a request asks. Loop.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from openclaw_desktop.core.protocols import Secrets
from openclaw_desktop.core.text import visible
from openclaw_desktop.inference.endpoints.book import Endpoint
from openclaw_desktop.inference.endpoints.failures import (
    Broken,
    Refused,
    explain_connection,
    hide_key,
    no_secret,
    not_openai,
    read_refusal,
    redirected,
    said_in,
    too_slow,
    unencrypted,
)

if TYPE_CHECKING:
    import httpx

BODY_LIMIT_BYTES = 32 << 20
LINE_LIMIT_BYTES = 1 << 20
REFUSAL_LIMIT_BYTES = 64 << 10


class Wire:
    """One endpoint's connections, kept open between requests.

    `secrets` None: no key can be had. `proxy`: the user's; None: the environment says which (HTTPS_PROXY, NO_PROXY).
    """

    def __init__(self, endpoint: Endpoint, secrets: Secrets | None, proxy: str | None = None) -> None:
        self._endpoint = endpoint
        self._secrets = secrets
        # A proxy has no business between this machine and itself.
        self._proxy = None if endpoint.address.on_this_machine else proxy
        self._client: httpx.AsyncClient | None = None

    async def get(self, path: str, limit_s: float) -> Any:
        """Return the JSON at `path` below the endpoint; raises UserError or Refused."""
        return await self._ask("GET", path, None, limit_s)

    async def post(self, path: str, body: dict[str, Any], limit_s: float) -> Any:
        """Send `body` as JSON and return the JSON that comes back; raises UserError or Refused."""
        return await self._ask("POST", path, body, limit_s)

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None, limit_s: float) -> Any:
        try:
            async with asyncio.timeout(limit_s), self._response(method, path, body) as response:
                content = await self._read(response, BODY_LIMIT_BYTES)
        except TimeoutError:
            raise too_slow(self._endpoint, None, limit_s) from None
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise not_openai(self._endpoint) from None

    async def stream(self, path: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the objects of a streamed reply until `[DONE]`, or until the connection ends in good order.

        Raises UserError, Refused (also for an error within the stream) or Broken. Closing it closes the connection.
        """
        async with self._response("POST", path, body) as response:
            if "json" in response.headers.get("content-type", ""):
                # A server that does not stream gives its reply whole.
                yield _object(await self._read(response, BODY_LIMIT_BYTES))
                return
            async for line in _lines(response):
                field, _, value = line.partition(":")
                if field not in ("data", "error") or not value.strip():
                    continue
                if value.strip() == "[DONE]":
                    return
                item = _object(value.encode())
                if field == "error" or item.get("error"):
                    raise Refused(0, hide_key(said_in(item), await self._key()))
                yield item

    @asynccontextmanager
    async def _response(self, method: str, path: str, body: dict[str, Any] | None) -> AsyncIterator[httpx.Response]:
        """Open a response that is neither an error nor a redirect nor a web page."""
        import httpx

        key = await self._key()
        # A packed reply could unpack to any size.
        headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {key}"} if key else {})
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")  # no half surrogate pairs
        try:
            client = self._open()
            request = client.build_request(method, self._endpoint.address.url + path, content=content, headers=headers)
            response = await client.send(request, stream=True)
        except httpx.ConnectTimeout:
            raise too_slow(self._endpoint, "connect_s", self._endpoint.limits.connect_s) from None
        # ValueError: what the environment calls a proxy is none.
        except (httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol, httpx.InvalidURL, ValueError) as error:
            raise explain_connection(self._endpoint, error) from error
        except httpx.TransportError as error:
            raise Broken(str(error)) from error
        try:
            await self._check(response, key)
            yield response
        except httpx.TransportError as error:
            raise Broken(str(error)) from error
        finally:
            # Also on a cancel: a closed connection is what tells the server to stop.
            await response.aclose()

    async def _check(self, response: httpx.Response, key: str | None) -> None:
        if response.is_redirect:
            raise redirected(self._endpoint, _target(hide_key(response.headers.get("location", ""), key)))
        kind = response.headers.get("content-type", "")
        if "html" in kind:
            raise (
                Refused(response.status_code, "") if response.status_code in (401, 403) else not_openai(self._endpoint)
            )
        if response.status_code != 200:
            raise read_refusal(response.status_code, await self._read(response, REFUSAL_LIMIT_BYTES), key)

    async def _read(self, response: httpx.Response, limit_bytes: int) -> bytes:
        content = bytearray()
        async for piece in response.aiter_raw():
            content += piece
            if len(content) > limit_bytes:
                raise not_openai(self._endpoint)
        return bytes(content)

    async def _key(self) -> str | None:
        """Ask for the key anew for each request: it stays in memory no longer than that."""
        if self._endpoint.secret is None:
            return None
        address = self._endpoint.address
        if not address.encrypted and not address.on_this_machine:
            raise unencrypted(self._endpoint)  # written into the file by hand
        name = self._endpoint.secret.removeprefix("secret:")
        key = await self._secrets.get(name, self._endpoint.address.host) if self._secrets else None
        # Anything else can't be a header, and the library's complaint would quote it.
        if key is None or not (key.isascii() and key.isprintable()):
            raise no_secret(self._endpoint)
        return key

    def _open(self) -> httpx.AsyncClient:
        # Imported with the first request: 0.2 s and some megabytes that who uses the built-in model never needs.
        import httpx

        if self._client is None:
            for name in ("httpx", "httpcore"):
                # They would note URLs, and at their finest level headers with the key.
                logging.getLogger(name).setLevel(logging.WARNING)
            address = self._endpoint.address
            self._client = httpx.AsyncClient(
                timeout=httpx.Timeout(None, connect=self._endpoint.limits.connect_s),
                follow_redirects=False,
                proxy=self._proxy,
                trust_env=not address.on_this_machine,
                verify=_trust() if address.encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            )
        return self._client

    async def close(self) -> None:
        """End the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def _trust() -> ssl.SSLContext:
    """Return what this system trusts (SSL_CERT_FILE is heard), and the authorities that certifi knows."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _target(location: str) -> str:
    """Return where a redirect points to, without what it would send there."""
    try:
        target = urlsplit(location)
    except ValueError:
        return visible(location[:200])
    return visible(f"{target.scheme}://{target.netloc}{target.path}"[:200])


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise Broken("not JSON") from None
    if not isinstance(value, dict):
        raise Broken("not an object")
    return value


async def _lines(response: httpx.Response) -> AsyncIterator[str]:
    """Yield the lines of an event stream; one without an end would otherwise fill the memory."""
    rest = bytearray()
    async for piece in response.aiter_raw():
        rest += piece
        if b"\n" in piece:
            *lines, rest = rest.split(b"\n")
            for line in lines:
                yield line.removesuffix(b"\r").decode("utf-8", "replace")
        if len(rest) > LINE_LIMIT_BYTES:
            raise Broken("a line without an end")
    if rest:
        yield rest.decode("utf-8", "replace")
