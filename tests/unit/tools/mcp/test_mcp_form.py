"""What users paste: forms of servers, and the secrets in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.tools.mcp.form import (
    Server,
    clean_name,
    find_secrets,
    free_name,
    open_secrets,
    put_secret,
    read_form,
)

TIME = {"command": "mcp-server-time", "args": ["--local-timezone=UTC"]}


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ({"mcpServers": {"time": TIME}}, ""),
        ({"servers": {"time": TIME}}, ""),
        ({"time": TIME}, ""),
        (TIME, "time"),
        ({"mcpServers": {"anything": TIME}}, "time"),
        ({"time": {"command": ["mcp-server-time", "--local-timezone=UTC"]}}, ""),
        ({"time": {**TIME, "alwaysAllow": ["*"], "autoApprove": ["convert_time"], "cwd": "/", "gallery": True}}, ""),
    ],
)
def test_a_form_is_read_with_or_without_what_is_around_it(form: Any, name: str) -> None:
    (server,) = read_form(json.dumps(form), name)
    assert server == Server("time", ("mcp-server-time", "--local-timezone=UTC"))
    # What a form allows by itself counts for nothing.
    assert (server.tools, server.network, server.reads, server.level) == (None, "none", (), 3)


def test_servers_over_http_are_read_too() -> None:
    form = {
        "Git Hub": {"type": "http", "url": "https://API.example.com/mcp", "headers": {"X-A": "b"}, "disabled": True}
    }
    (server,) = read_form(json.dumps(form))
    assert (server.name, server.url, server.on) == ("git-hub", "https://api.example.com/mcp", False)
    assert server.headers == {"X-A": "b"} and server.secret_host == "api.example.com"
    assert Server("time", ("x",)).secret_host == "time.mcp.invalid"  # no request ever goes there


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "mcp_form"),
        ("[]", "mcp_form"),
        ("{}", "mcp_form"),
        ('{"mcpServers": {}}', "mcp_form"),
        ('{"a": 1}', "mcp_form"),
        ('{"a": {}}', "mcp_form"),
        ('{"a": {"command": "x", "args": [null]}}', "mcp_form"),
        ('{"a": {"command": "x", "url": "https://e.com"}}', "mcp_form"),
        ('{"a": {"command": "x\\u0000"}}', "mcp_form"),
        ('{"a": {"command": "x", "env": {"LD_PRELOAD": "/evil.so"}}}', "mcp_form"),
        ('{"a": {"command": "x", "env": {"PYTHONPATH": "/evil"}}}', "mcp_form"),
        ('{"a": {"command": "x", "env": {"A=B": "c"}}}', "mcp_form"),
        ('{"a": {"url": "https://e.com", "headers": {"A:": "b"}}}', "mcp_form"),
        ('{"a": {"url": "https://u:p@e.com"}}', "url_login"),
        ('{"a": {"url": "file:///etc/passwd"}}', "url_scheme"),
        ('{"a": {"type": "sse", "url": "https://e.com/sse"}}', "mcp_sse"),
        ('{"command": "x"}', "mcp_name_needed"),
        ('{"../etc": {"command": "x"}, "etc": {"command": "y"}}', "mcp_form"),
        ('{"\\u202e": {"command": "x"}}', "mcp_name"),
        (json.dumps({f"s{number}": TIME for number in range(60)}), "mcp_form"),
        ("[" * 100_000, "mcp_form"),
    ],
)
def test_what_is_no_server_gets_a_sentence(text: str, code: str) -> None:
    with pytest.raises(UserError) as caught:
        read_form(text)
    assert caught.value.failure.code == code


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(("command", "args", "env", "url", "headers", "type", "disabled"))


@given(st.dictionaries(st.text(max_size=6), st.dictionaries(WORDS, JSON_VALUES, max_size=4), max_size=3))
def test_no_form_crashes(form: Any) -> None:
    try:
        servers = read_form(json.dumps({"mcpServers": form}))
    except UserError:
        return
    for server in servers:
        assert bool(server.command) != bool(server.url) and server.name == clean_name(server.name)


def test_values_that_look_like_secrets_are_found_and_put_elsewhere() -> None:
    env = {
        "GITHUB_TOKEN": "ghp_0123456789abcdefABCDEF", "API_KEY": "short", "REGION": "eu-west-1", "DEBUG": "true",
        "KEPT": "secret:known", "FROM_HOST": "${env:KEY}", "MONKEY": "see", "BLOB": "a8Fk29dKx01PqZm47TyuWv33Lsbc",
    }  # fmt: skip
    server = Server("git", ("x",), env)
    found = {secret.key: secret for secret in find_secrets(server)}
    assert found.keys() == {"GITHUB_TOKEN", "API_KEY", "BLOB"}
    changed = put_secret(server, found["GITHUB_TOKEN"])
    assert changed.env["GITHUB_TOKEN"] == "secret:git-github-token" and "ghp_" not in repr(changed)
    remote = Server("api", url="https://e.com/", headers={"Authorization": "Bearer abc", "X-Version": "2"})
    (bearer,) = find_secrets(remote)
    assert put_secret(remote, bearer).headers == {"Authorization": "Bearer secret:api-authorization", "X-Version": "2"}
    assert find_secrets(put_secret(remote, bearer)) == ()


def test_a_secret_takes_no_other_ones_place() -> None:
    server = Server("git", ("x",), {"API_KEY": "first-value", "API-KEY": "another-value"})
    first, second = find_secrets(server)
    assert first.name == second.name == "git-api-key"
    host = server.secret_host
    assert free_name(first, host, {}) == free_name(first, host, {"git-api-key": host}) == "git-api-key"
    assert free_name(first, host, {"git-api-key": "api.example.com"}) == "git-api-key-2"
    taken = {"git-api-key": None, "git-api-key-2": "api.example.com"}
    assert free_name(second, host, taken) == "git-api-key-3"
    assert put_secret(server, second, "git-api-key-3").env["API-KEY"] == "secret:git-api-key-3"


def test_secrets_where_any_program_can_read_them_are_told() -> None:
    assert open_secrets(Server("a", ("x", "--api-key=sk-0123456789abcdefghij"))) == ("sk-0123456789abcdefghij",)
    assert open_secrets(Server("a", url="https://e.com/mcp?apiKey=1")) == ("https://e.com/mcp?apiKey=1",)
    assert open_secrets(Server("a", ("x", "--local-timezone=Europe/Berlin", "/home/u/Documents"))) == ()
