"""A server as the user describes it: the JSON that every client of MCP takes, pasted as it is.

Owns the reading of that form, and which of its values look like secrets. Must not know where servers are kept. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.broker.hosts import clean_scope, parse_url
from openclaw_desktop.tools.mcp.offers import Offer

DEFAULT_TIMEOUT_S, LONGEST_TIMEOUT_S = 60.0, 600.0
SERVERS = 50
NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,29}[a-z0-9_])?")
SECRET = re.compile(r"secret:(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,63})")
# "none"; "hosts", those that are listed, through the broker; "full", no jail for the network.
Network = Literal["none", "hosts", "full"]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,100}")
# What would change how the bridge or the loader behaves, instead of what the server is told.
_LOADER = re.compile(r"LD_.*|DYLD_.*|PYTHON(?:HOME|PATH|STARTUP|INSPECT)|GCONV_PATH")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_SAYS_SECRET = re.compile(
    r"(?:^|[^a-z])(?:api_?-?key|key|token|secret|passw(?:or)?d|pwd|auth(?:orization)?|credentials?|cookie|pat|bearer)s?"
    r"(?:$|[^a-z])", re.I,
)  # fmt: skip
_LOOKS_SECRET = re.compile(
    r"(?:sk|pk|rk|ghp|gho|ghs|ghu|github_pat|glpat|xox[abpr]|npm|hf|AKIA|ASIA|AIza|eyJ)[-_A-Za-z0-9][-_A-Za-z0-9.=+]{11,}"
    r"|(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])(?=[^0-9]*[0-9])[A-Za-z0-9_+=.-]{28,}|[0-9a-f]{32,}"
)
_SCHEME = re.compile(r"(?P<scheme>(?:Bearer|Basic|Token|token|ApiKey|Bot) )(?P<value>\S+)")


@dataclass(frozen=True, slots=True)
class Server:
    """One server. Either `command` (with its arguments, over stdio) or `url` (streamable HTTP).

    `env` and `headers`: values may be `secret:NAME`. `read`, `write`: canonical paths that a command may read, change.
    `network` and `hosts`: what it may reach. `off`: tools that are not offered; `reads`: tools that the user says only
    read. `tools`: what the user approved, None before that; `offered`: another list that waits for approval.
    """

    name: str
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    network: Network = "none"
    hosts: tuple[str, ...] = ()
    on: bool = True
    timeout_s: float = DEFAULT_TIMEOUT_S
    off: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    tools: tuple[Offer, ...] | None = None
    offered: tuple[Offer, ...] | None = None

    @property
    def origin(self) -> str:
        """Whose text it is that comes from here."""
        return f"mcp:{self.name}"

    @property
    def secret_host(self) -> str:
        """The one host that its secrets are for: its own, or a name that no request can ever reach."""
        return parse_url(self.url).host if self.url else f"{self.name}.mcp.invalid"

    @property
    def process(self) -> Server:
        """What of it a running process was started with: all but what is offered of it."""
        return replace(self, on=True, off=(), reads=(), tools=None, offered=None)

    @property
    def sends(self) -> bool:
        """Whether what it is asked may leave this machine."""
        return bool(self.url) or self.network != "none"

    @property
    def level(self) -> int:
        """How well it is walled in: 3, or 1 where the user gave it the network."""
        return 1 if self.network == "full" and not self.url else 3


@dataclass(frozen=True, slots=True)
class FoundSecret:
    """A value that looks like a secret: where it stands, and what of it is the secret. `before`: such as `Bearer `."""

    server: str
    place: Literal["env", "headers"]
    key: str
    value: str
    before: str = ""

    @property
    def name(self) -> str:
        """What it would be kept under."""
        words = re.sub(r"[^A-Za-z0-9]+", "-", f"{self.server}-{self.key}").strip("-").lower()
        return words[:64]


def read_form(text: str, name: str = "") -> tuple[Server, ...]:
    """Return the servers in a pasted JSON, with or without the `mcpServers` around it; raises UserError.

    `name`: what to call a server that stands there without a name.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, Mapping):
        raise _wrong(tr("it is no JSON object"))
    for wrapper in ("mcpServers", "servers"):
        if isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
    if isinstance(found.get("command"), (str, list)) or isinstance(found.get("url"), str):
        if not name:
            raise UserError(
                "mcp_name_needed",
                tr("That server has no name."),
                tr("Give it one: openclaw-agent mcp add --name NAME"),
                ExitCode.USAGE,
            )
        found = {name: found}
    elif name and len(found) == 1:
        found = {name: next(iter(found.values()))}
    if not found or len(found) > SERVERS:
        raise _wrong(tr("it names no server, or too many"))
    servers = tuple(_read(str(key), value) for key, value in found.items())
    if len({server.name for server in servers}) < len(servers):
        raise _wrong(tr("two servers have the same name"))
    return servers


def find_secrets(server: Server) -> tuple[FoundSecret, ...]:
    """Return the values that look like secrets and stand there in the open."""
    found = []
    for place, values in (("env", server.env), ("headers", server.headers)):
        for key, whole in values.items():
            match = _SCHEME.fullmatch(whole)
            before, value = (match["scheme"], match["value"]) if match and place == "headers" else ("", whole)
            if not value or SECRET.fullmatch(value) or value.startswith("${"):
                continue
            if _SAYS_SECRET.search(key) or _LOOKS_SECRET.fullmatch(value) or match:
                found.append(FoundSecret(server.name, place, key, value, before))  # type: ignore[arg-type]
    return tuple(found)


def free_name(found: FoundSecret, host: str, hosts: Mapping[str, str | None]) -> str:
    """Return what to keep a secret for `host` under, so that none of `hosts` (by name) is put in another's place.

    One of that name and host was kept for this server before: the new value takes its place.
    """
    names = (found.name, *(f"{found.name[:60]}-{number}" for number in range(2, 2 + len(hosts))))
    return next(name for name in names if name not in hosts or hosts[name] == host)


def put_secret(server: Server, found: FoundSecret, name: str = "") -> Server:
    """Return the server with the secret's name in the place of its value; `name`: another one than its own."""
    value = f"{found.before}secret:{name or found.name}"
    if found.place == "env":
        return replace(server, env={**server.env, found.key: value})
    return replace(server, headers={**server.headers, found.key: value})


def open_secrets(server: Server) -> tuple[str, ...]:
    """Return arguments of the command that look like secrets: any program of the user can read those."""
    words = [word.rpartition("=")[2] for word in server.command[1:]]
    shown = tuple(word for word in words if _LOOKS_SECRET.fullmatch(word))
    return shown or ((server.url,) if re.search(r"[?&](?:[\w-]*(?:key|token|secret)[\w-]*)=", server.url, re.I) else ())


def unknown_server(name: str) -> UserError:
    """Return what is said where there is no server of that name."""
    return UserError(
        "unknown_mcp_server",
        tr("There is no MCP server {name}.", name=visible(name[:80])),
        tr("openclaw-agent mcp list shows them."),
        ExitCode.USAGE,
    )


def already_there(name: str) -> UserError:
    """Return what is said where a server of that name was added before."""
    return UserError(
        "mcp_known",
        tr("There is a server {server} already.", server=name),
        tr("Remove it first: openclaw-agent mcp remove {server}", server=name),
        ExitCode.USAGE,
    )


def clean_name(name: str) -> str:
    """Return the name of a server in its one form; raises UserError."""
    cleaned = re.sub(r"[\s./@]+", "-", name.strip().lower()).strip("-")
    if not NAME.fullmatch(cleaned):
        raise UserError(
            "mcp_name",
            tr("A server can't be called {name}.", name=visible(name[:80]) or '""'),
            tr("Use up to 31 letters, digits, hyphens and underscores."),
            ExitCode.USAGE,
        )
    return cleaned


def clean_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Return hosts that a server may reach in their one form; raises UserError."""
    return tuple(dict.fromkeys(clean_scope(host) for host in hosts))


def _read(key: str, raw: Any) -> Server:
    name = clean_name(key)
    if not isinstance(raw, Mapping):
        raise _wrong(tr("{name} is no object", name=name))
    on = raw.get("disabled") is not True and raw.get("enabled") is not False
    kind = raw.get("type", raw.get("transport", ""))
    if kind == "sse":
        raise UserError(
            "mcp_sse",
            tr("{name} speaks the old form over SSE, which is not understood here.", name=name),
            tr("Ask who runs it for the address for streamable HTTP; it often ends in /mcp."),
            ExitCode.USAGE,
        )
    url = raw.get("url", raw.get("serverUrl", raw.get("httpUrl", "")))
    if url:
        if not isinstance(url, str) or raw.get("command"):
            raise _wrong(tr("{name} has a command and an address", name=name))
        headers = _texts(name, raw.get("headers"))
        if not all(_HEADER.fullmatch(header) for header in headers):
            raise _wrong(tr("a header of {name} makes no sense", name=name))
        return Server(name, url=parse_url(url).url, headers=headers, on=on)
    command, more = raw.get("command"), raw.get("args", [])
    words = command if isinstance(command, list) else [command]
    if not isinstance(more, list) or not all(isinstance(word, (str, int, float)) for word in (*words, *more)):
        raise _wrong(tr("{name} has neither a command nor an address", name=name))
    argv = tuple(str(word) for word in (*words, *more))
    if not argv or not argv[0] or any("\0" in word or len(word) > 4000 for word in argv) or len(argv) > 100:
        raise _wrong(tr("the command of {name} makes no sense", name=name))
    env = _texts(name, raw.get("env"))
    for variable in env:
        if not _VARIABLE.fullmatch(variable) or _LOADER.fullmatch(variable):
            raise _wrong(
                tr("{name} can't be given the variable {variable}", name=name, variable=visible(variable[:80]))
            )
    return Server(name, argv, env, on=on)


def _texts(name: str, raw: Any) -> dict[str, str]:
    values = raw if raw is not None else {}
    if not isinstance(values, Mapping) or len(values) > 100:
        raise _wrong(tr("the values of {name} are not listed by name", name=name))
    texts = {}
    for key, value in values.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if not isinstance(value, (str, int, float)) or "\0" in text or len(text) > 8000:
            raise _wrong(tr("a value of {name} is no text", name=name))
        texts[str(key)] = text
    return texts


def _wrong(reason: str) -> UserError:
    return UserError(
        "mcp_form",
        tr("That describes no MCP server: {reason}.", reason=reason),
        tr("It looks like {example}", example='{"mcpServers": {"time": {"command": "mcp-server-time", "args": []}}}'),
        ExitCode.USAGE,
    )
