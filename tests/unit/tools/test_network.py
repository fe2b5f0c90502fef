"""The network of an agent, put together from its settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.storage.settings import Settings, set_setting
from openclaw_desktop.tools.network import PLAIN, make_network, private_hosts

SCENE = CallScene("s", "t", USER)


class NoSecrets:
    async def get(self, name: str, host: str) -> str | None:
        return None


class NoGrants:
    async def active(self) -> frozenset[Grant]:
        return frozenset()


async def test_the_settings_choose_who_searches_without_a_new_start(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    call = ToolCall("c", "web_search", {"query": "x"})
    tools = {tool.spec.name: tool for tool in make_network(Settings(), NoSecrets(), NoGrants(), path).tools}
    with pytest.raises(UserError) as caught:
        await tools["web_search"].freeze(call, SCENE)
    assert caught.value.failure.code == "no_search_provider"
    set_setting(path, "web_search.provider", "searxng")
    set_setting(path, "web_search.url", "http://127.0.0.1:8888/")
    assert (await tools["web_search"].freeze(call, SCENE)).arguments["provider"] == "http://127.0.0.1:8888/"
    assert {form.tool for form in PLAIN} == set(tools)


def test_private_hosts_are_read_as_people_type_them() -> None:
    assert private_hosts(None) == private_hosts(" ") == private_hosts("a b, *, ,") == frozenset()
    assert private_hosts("NAS.example.com:443, 127.0.0.1:8888") == {"nas.example.com:443", "127.0.0.1:8888"}


async def test_nothing_runs_before_the_first_call(tmp_path: Path) -> None:
    network = make_network(Settings(), NoSecrets(), NoGrants(), tmp_path / "settings.toml")
    assert network.parsers.pid is None
    await network.stop()
