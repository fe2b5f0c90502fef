"""The servers that the user added: config/mcp.json, read into frozen values.

Owns the file. Secrets are never in it, only their names. Must not know what a server does. Loop; a file of a few KB.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.storage.atomic import write_atomically
from openclaw_desktop.tools.mcp.form import NAME, Server, unknown_server
from openclaw_desktop.tools.mcp.offers import as_rows, stored_offers

_LISTS = ("command", "read", "write", "hosts", "off", "reads")
_MAPS = ("env", "headers")
_OFFERS = ("tools", "offered")


class McpBook:
    """The file. It is read again whenever it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, ...] | None = None
        self._servers: Mapping[str, Server] = {}

    def servers(self) -> Mapping[str, Server]:
        """Return the servers by name, sorted; the same object while the file stays as it is. Raises UserError."""
        stamp = self._look()
        if stamp != self._stamp or stamp is None:
            self._servers = self._read() if stamp is not None else {}
            self._stamp = stamp
        return self._servers

    def get(self, name: str) -> Server:
        """Return the server of that name; raises UserError."""
        found = self.servers().get(name)
        if found is None:
            raise unknown_server(name)
        return found

    def put(self, *servers: Server) -> None:
        """Keep servers, each in the place of the one that had its name; raises UserError."""
        self._write({**self.servers(), **{server.name: server for server in servers}})

    def change(self, name: str, change: Callable[[Server], Server]) -> Server:
        """Replace a server by what `change` makes of it, and return that; raises UserError."""
        changed = change(self.get(name))
        self.put(changed)
        return changed

    def remove(self, name: str) -> None:
        """Forget a server; raises UserError."""
        self.get(name)
        self._write({key: server for key, server in self.servers().items() if key != name})

    def _look(self) -> tuple[int, ...] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _read(self) -> dict[str, Server]:
        try:
            rows = json.loads(self._path.read_bytes())["servers"]
            return {name: _server(name, row) for name, row in sorted(rows.items())}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(
                "mcp_file_damaged",
                tr("The list of MCP servers in {path} can't be read.", path=visible(str(self._path))),
                tr("Put a good copy of that file back, or move it away and add the servers again."),
            ) from error

    def _write(self, servers: Mapping[str, Server]) -> None:
        rows = {name: _row(server) for name, server in sorted(servers.items())}
        write_atomically(self._path, json.dumps({"servers": rows}, indent=1).encode() + b"\n")
        self._stamp = None


def _row(server: Server) -> dict[str, Any]:
    row = {one.name: getattr(server, one.name) for one in fields(Server) if one.name != "name"}
    row |= {name: as_rows(row[name]) for name in _OFFERS if row[name] is not None}
    return row | {"env": dict(server.env), "headers": dict(server.headers)}


def _server(name: str, row: Mapping[str, Any]) -> Server:
    if not NAME.fullmatch(name) or row["network"] not in ("none", "hosts", "full") or not isinstance(row["on"], bool):
        raise ValueError("not a row of ours")
    values: dict[str, Any] = {key: tuple(row[key]) if key in _LISTS else row[key] for key in row}
    values |= {key: stored_offers(row[key]) for key in _OFFERS if row.get(key) is not None}
    if not all(isinstance(row[key], list) for key in _LISTS if key in row):
        raise TypeError("a list is none")
    return _checked(replace(Server(name), **values))


def _checked(server: Server) -> Server:
    """Return the server; raises TypeError or ValueError where somebody wrote values of another kind into the file."""
    lists = (word for key in _LISTS for word in getattr(server, key))
    maps = (word for key in _MAPS for pair in getattr(server, key).items() for word in pair)
    if not all(isinstance(word, str) for word in (server.url, *lists, *maps)):
        raise TypeError("a value is no text")
    if isinstance(server.timeout_s, bool) or not isinstance(server.timeout_s, (int, float)):
        raise TypeError("a time limit is no number")
    if bool(server.command) == bool(server.url):
        raise ValueError("neither a command nor an address, or both")
    return server
