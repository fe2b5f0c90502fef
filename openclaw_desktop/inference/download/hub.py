"""A file on a web server, from any byte on.

Owns the requests for ranges, and asking again where a connection breaks, stalls or is cut short. Must not know what the
bytes are. Loop.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.inference.download.network import Network
from openclaw_desktop.inference.download.part import PartFile, SegmentDamaged

if TYPE_CHECKING:
    import httpx

# In a row, without a byte of progress between them.
ATTEMPTS = 4
RETRY_WAIT_S = 1.0
DAMAGED_ATTEMPTS = 3


class _Interrupted(Exception):
    """The server may do better if it is asked again."""


async def fetch(url: str, part: PartFile, network: Network) -> None:
    """Fetch what `part` lacks from `url`; raises UserError where the server does not have it, or gives up. OSError."""
    import httpx

    fruitless = damaged = 0
    async with network.client() as client:
        while part.size < part.model.size_bytes:
            before = part.size
            try:
                await _stream(client, url, part)
                reason = tr("the file ends too early")
            except SegmentDamaged as error:
                damaged += 1
                reason = tr("piece {number} arrives damaged", number=int(str(error)) + 1)
                if damaged == DAMAGED_ATTEMPTS:
                    raise _gave_up(url, reason) from error
            except httpx.TimeoutException:
                reason = tr("it sends nothing")
            except (_Interrupted, httpx.TransportError) as error:
                reason = str(error) or type(error).__name__
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise _gave_up(url, str(error)) from error
            fruitless = 0 if part.size > before else fruitless + 1
            if fruitless == ATTEMPTS:
                raise _gave_up(url, reason)
            if fruitless:
                await asyncio.sleep(RETRY_WAIT_S * 2**fruitless)


async def _stream(client: httpx.AsyncClient, url: str, part: PartFile) -> None:
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={part.size}-"} if part.size else {})}
    async with client.stream("GET", url, headers=headers) as response:
        if response.status_code in (408, 425, 429) or response.status_code >= 500:
            raise _Interrupted(tr("it answers {status}", status=response.status_code))
        if response.status_code not in (200, 206):
            raise _gave_up(url, tr("it answers {status}", status=response.status_code))
        start, total = _extent(response.status_code, response.headers)
        if start > part.size or total not in (None, part.model.size_bytes):
            raise _gave_up(url, tr("the file there has another size"))
        skip = part.size - start  # a server that knows no ranges sends it all again
        # As it comes: what is gathered first is lost where the connection breaks, and shows no progress.
        async for chunk in response.aiter_bytes():
            fresh = chunk[skip:]
            skip = max(0, skip - len(chunk))
            if fresh:
                await asyncio.to_thread(part.append, fresh)


def _extent(status: int, headers: httpx.Headers) -> tuple[int, int | None]:
    """Return the first byte of what is sent and the size of the whole file, where it is told."""
    if status == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
        if match is None:
            raise _Interrupted(tr("it does not say which bytes it sends"))
        return int(match[1]), None if match[2] == "*" else int(match[2])
    length = headers.get("Content-Length", "") if "Content-Encoding" not in headers else ""
    return 0, int(length) if length.isdigit() else None


def _gave_up(url: str, reason: str) -> UserError:
    return UserError(
        "download_failed",
        tr("{host} does not give the model: {reason}.", host=urlsplit(url).hostname or url, reason=reason.rstrip(".")),
        tr("Check the network connection, then run the same command again."),
    )
