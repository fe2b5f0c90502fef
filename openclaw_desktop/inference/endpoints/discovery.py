"""Finding model servers on this machine.

Owns the ports where they usually listen and the marks by which they are told apart. What it sends is `GET /v1/models`
and, for Ollama, `GET /api/version`, to 127.0.0.1 alone; never a key. Must not know who asks. Loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.inference.endpoints.address import parse_address
from openclaw_desktop.inference.endpoints.book import Endpoint, Limits
from openclaw_desktop.inference.endpoints.client import EndpointClient, ServedModel
from openclaw_desktop.inference.endpoints.dialect import Dialects
from openclaw_desktop.inference.endpoints.failures import Broken, Refused
from openclaw_desktop.inference.endpoints.wire import Wire

# Where they listen by default, and who it is where that port is nobody else's: llama-server and others share 8080;
# vLLM, Ray Serve and llama_cpp.server share 8000.
PORTS: Mapping[int, str] = {
    11434: "ollama",
    1234: "lm-studio",
    8080: "",
    8000: "",
    1337: "jan",
    4891: "gpt4all",
    30000: "sglang",
}
# What a server writes as the owner of its models.
OWNERS = {"vllm": "vllm", "llamacpp": "llama-server", "me": "llama-cpp-python", "sglang": "sglang"}
CONNECT_LIMIT_S = 1.0
LOOK_LIMIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Found:
    """A server that answers on this machine. `problem`: why its models can't be told, a sentence."""

    endpoint: Endpoint
    models: tuple[ServedModel, ...]
    problem: str = ""


async def discover(ports: Mapping[int, str] = PORTS, skip: Sequence[str] = ()) -> tuple[Found, ...]:
    """Return the servers that answer, looked for at once; `skip`: URLs that are known already."""
    looks = [_look(port, usual) for port, usual in ports.items() if _url(port) not in skip]
    found = [server for server in await asyncio.gather(*looks) if server is not None]
    names: set[str] = set()
    return tuple(_named_apart(server, names) for server in found)


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/v1"


async def _look(port: int, usual: str) -> Found | None:
    if not await _listens(port):
        return None
    endpoint = Endpoint(f"local-{port}", parse_address(_url(port)), limits=Limits(connect_s=CONNECT_LIMIT_S))
    client = EndpointClient(endpoint, None, Dialects())
    try:
        models = await client.models(LOOK_LIMIT_S)
    except UserError as error:
        # A server that wants a key is one; anything else there is some other program.
        if error.failure.code != "wrong_key":
            return None
        return Found(endpoint, (), error.failure.sentence)
    finally:
        await client.close()
    kind = await _kind(port, usual, models)
    return Found(Endpoint(kind or endpoint.name, endpoint.address, kind=kind), models)


async def _listens(port: int) -> bool:
    try:
        async with asyncio.timeout(CONNECT_LIMIT_S):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def _kind(port: int, usual: str, models: Sequence[ServedModel]) -> str:
    """Return what program serves there; "" where that cannot be told."""
    told = next((OWNERS[model.owner] for model in models if model.owner in OWNERS), "")
    if told or usual != "ollama":
        return told or usual
    # Ollama's models are owned by whoever made them; nobody else has this page.
    wire = Wire(Endpoint("ollama", parse_address(f"http://127.0.0.1:{port}/api")), None)
    try:
        answer = await wire.get("/version", LOOK_LIMIT_S)
        return "ollama" if isinstance(answer, dict) and "version" in answer else ""
    except (UserError, Refused, Broken):
        return ""
    finally:
        await wire.close()


def _named_apart(server: Found, names: set[str]) -> Found:
    """Return the server with a name that no other has."""
    name = server.endpoint.name
    if name in names:
        name = f"{name}-{server.endpoint.address.url.removesuffix('/v1').rpartition(':')[2]}"
    names.add(name)
    endpoint = Endpoint(name, server.endpoint.address, kind=server.endpoint.kind)
    return Found(endpoint, server.models, server.problem)
