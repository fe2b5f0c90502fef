"""Servers of this machine: on its usual port each kind is found and named, by the product's own tables."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from endpoint_server import EndpointServer, Reply, Script, Seen, refuses

from openclaw_desktop.inference.endpoints import discovery
from openclaw_desktop.inference.endpoints.discovery import OWNERS, PORTS, discover


def owned_by(owner: str) -> Script:
    """Return a server that names the owner of its models so."""
    return lambda seen: listing(owner) if seen.path == "/v1/models" else refuses(404, "no")


def listing(owner: str) -> Reply:
    return Reply(200, {"object": "list", "data": [{"id": "m", "object": "model", "owned_by": owner}]})


def ollama(seen: Seen) -> Reply:
    return Reply(200, {"version": "0.9.0"}) if seen.path == "/api/version" else owned_by("library")(seen)


# What each writes of its models, where it listens by default, and what it is called.
SERVERS: dict[str, tuple[int, Script, str]] = {
    "Ollama": (11434, ollama, "ollama"),
    "another program on Ollama's port": (11434, owned_by("library"), "local-11434"),
    "LM Studio": (1234, owned_by("organization_owner"), "lm-studio"),
    "llama-server": (8080, owned_by("llamacpp"), "llama-server"),
    "another program on 8080": (8080, owned_by("somebody"), "local-8080"),
    "vLLM": (8000, owned_by("vllm"), "vllm"),
    "llama_cpp.server": (8000, owned_by("me"), "llama-cpp-python"),
    "another program on 8000": (8000, owned_by("organization-owner"), "local-8000"),
    "Jan": (1337, owned_by(""), "jan"),
    "GPT4All": (4891, owned_by("humanity"), "gpt4all"),
    "SGLang": (30000, owned_by("sglang"), "sglang"),
    "vLLM on LM Studio's port": (1234, owned_by("vllm"), "vllm"),
}


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "LOOK_LIMIT_S", 30.0)  # this machine may be busy


@pytest.mark.parametrize("server", list(SERVERS))
async def test_on_its_usual_port_it_is_found_and_named(server: str) -> None:
    port, script, name = SERVERS[server]
    try:
        async with EndpointServer(script, port=port) as running:
            (one,) = [each for each in await discover() if each.endpoint.address.url == running.url]
    except OSError as error:
        assert error.errno == errno.EADDRINUSE
        pytest.skip(f"another program listens on {port}")
    assert one.endpoint.name == name and [model.id for model in one.models] == ["m"] and not one.problem


@pytest.mark.parametrize("server", list(SERVERS))
async def test_on_a_port_that_stands_for_it_too(server: str) -> None:
    usual, script, name = SERVERS[server]
    async with EndpointServer(script) as running:
        (one,) = await discover({running.port: PORTS[usual]})
    assert one.endpoint.name == name.replace(f"local-{usual}", f"local-{running.port}")


def test_no_port_and_no_owner_is_without_its_server() -> None:
    by_port: dict[int, set[str]] = {}
    for port, _, name in SERVERS.values():
        by_port.setdefault(port, set()).add(name)
    assert set(PORTS) == set(by_port) >= {11434, 1234, 8080, 8000}
    assert set(OWNERS.values()) <= {name for names in by_port.values() for name in names}


async def test_two_of_a_kind_are_told_apart() -> None:
    servers: Any = [EndpointServer(owned_by("vllm")) for _ in range(2)]
    async with servers[0] as first, servers[1] as second:
        found = await discover({first.port: "", second.port: ""})
    assert [one.endpoint.name for one in found] == ["vllm", f"vllm-{second.port}"]
