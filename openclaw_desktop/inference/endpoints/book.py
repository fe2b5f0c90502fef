"""The endpoints that the user added: config/endpoints.toml, read into frozen values.

Owns the names, fields and limits of that file, and the sentences for what is wrong in it. Keys are never in it, only
their names (`secret:NAME`). Must not know what an endpoint answers. Any thread; a few milliseconds of disk.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import tomlkit

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.inference.endpoints.address import Address, parse_address
from openclaw_desktop.storage.tables import TableFile

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
SECRET = re.compile(r"secret:[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, in seconds: for the connection, the first text, each further piece, the whole reply."""

    connect_s: float = 5.0
    first_token_s: float = 120.0
    between_tokens_s: float = 60.0
    whole_s: float = 900.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint. `model`: what `model use NAME` takes. `secret`: the name of its key, None where it needs none.

    `context_tokens`: how much its model reads; None: as the setting `model.context_tokens` says. `tools`: whether its
    models are asked for calls, or only talk. `kind`: what program serves there, where that is known.
    """

    name: str
    address: Address
    model: str | None = None
    secret: str | None = None
    context_tokens: int | None = None
    tools: bool = True
    kind: str = ""
    limits: Limits = field(default_factory=Limits)

    def leaves_machine(self, model: str) -> bool:
        """Whether what this model reads leaves this machine, as far as can be known from here."""
        # Ollama on loopback passes the text of its "cloud" models on to its maker's servers.
        return not self.address.on_this_machine or model.endswith((":cloud", "-cloud"))


class EndpointBook:
    """The file and what stands in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = TableFile(path, _broken)
        self.endpoints = self._parse(self._file.text())

    def get(self, name: str) -> Endpoint | None:
        """Return the endpoint of that name."""
        return next((endpoint for endpoint in self.endpoints if endpoint.name == name), None)

    def put(self, endpoint: Endpoint) -> None:
        """Write an endpoint, over the one of its name; the file's comments and further fields stay."""
        document = self._file.document()
        table = document.setdefault(endpoint.name, tomlkit.table())
        for key, value in _values(endpoint).items():
            if value is None:
                table.pop(key, None)
            else:
                table[key] = value
        self._write(tomlkit.dumps(document))

    def remove(self, name: str) -> None:
        """Take an endpoint out of the file."""
        document = self._file.document()
        document.pop(name, None)
        self._write(tomlkit.dumps(document))

    def _write(self, text: str) -> None:
        endpoints = self._parse(text)
        self._file.write(text)
        self.endpoints = endpoints

    def _parse(self, text: str) -> tuple[Endpoint, ...]:
        return tuple(_endpoint(name, table, self.path) for name, table in self._file.tables(text).items())


def check_name(name: str) -> str:
    """Return `name` where an endpoint may be called so; raises UserError."""
    if not NAME.fullmatch(name):
        raise UserError(
            "wrong_name",
            tr("An endpoint can't be called {name}.", name=visible(name[:80])),
            tr("Use lower-case letters, digits, dots and dashes, 32 at most."),
            ExitCode.USAGE,
        )
    return name


def check_secret(reference: str | None) -> str | None:
    """Return the name of a key, `secret:NAME`; raises UserError for anything else, without repeating it."""
    if reference is None or SECRET.fullmatch(reference):
        return reference
    raise UserError(
        "key_typed",
        tr("A key is given by its name, as secret:NAME, never itself: commands are kept in the shell's history."),
        tr("Keep it first with openclaw-agent secret set NAME --host HOST, then give --key secret:NAME."),
        ExitCode.USAGE,
    )


def _values(endpoint: Endpoint) -> dict[str, Any]:
    """Return what the file says of an endpoint; None where it says nothing, because that is the default."""
    standard = asdict(Limits())
    limits = {key: value if value != standard[key] else None for key, value in asdict(endpoint.limits).items()}
    return {
        "url": endpoint.address.url,
        "model": endpoint.model,
        "secret": endpoint.secret,
        "context_tokens": endpoint.context_tokens,
        "tools": None if endpoint.tools else False,
        "kind": endpoint.kind or None,
        **limits,
    }


def _endpoint(name: str, table: object, path: Path) -> Endpoint:
    if not NAME.fullmatch(name) or not isinstance(table, Mapping):
        raise _broken(path, tr("[{name}] is no endpoint", name=visible(name[:80])))
    times = {limit.name for limit in fields(Limits)}
    for key, value in table.items():
        if not _fits(key, value, times):
            raise _broken(path, tr("[{name}] can't have that {key}", name=name, key=visible(str(key)[:80])))
    if "url" not in table:
        raise _broken(path, tr("[{name}] has no url", name=name))
    limits = replace(Limits(), **{key: float(value) for key, value in table.items() if key in times})
    others = {key: value for key, value in table.items() if key not in times and key != "url"}
    return Endpoint(name, parse_address(table["url"]), limits=limits, **others)


def _fits(key: str, value: object, times: set[str]) -> bool:
    if key in times:
        return type(value) in (int, float) and 0 < value <= 86_400  # type: ignore[operator]
    match key:
        case "url" | "model" | "kind":
            return isinstance(value, str) and value.strip() != "" and value.isprintable()
        case "secret":
            return isinstance(value, str) and SECRET.fullmatch(value) is not None
        case "context_tokens":
            return type(value) is int and 512 <= value <= 16_777_216
        case "tools":
            return type(value) is bool
    return False


def _broken(path: Path, reason: str) -> UserError:
    return UserError(
        "endpoints_broken",
        tr("The endpoints in {path} can't be understood: {reason}.", path=visible(str(path)), reason=reason),
        tr("Correct that place, or move the file away; nothing in it was changed."),
        ExitCode.USAGE,
    )
