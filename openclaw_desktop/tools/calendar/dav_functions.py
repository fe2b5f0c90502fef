"""Reading what a CalDAV server answers: the functions that run inside the jail.

Owns how a multistatus (RFC 4918, RFC 4791) becomes plain values. Must not know what was asked. Parsers' worker, in the
jailed child.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from xml.parsers import expat

from openclaw_desktop.workers.calls import JSON, CallFailed, Handler

RESPONSES = 5000
DEPTH = 40
TEXT_CHARS = 2000
_DAV, _CAL = "DAV:", "urn:ietf:params:xml:ns:caldav"
# Where the text of an element goes, and how much of it is kept.
_TEXTS = {
    f"{_DAV} getetag": ("etag", TEXT_CHARS),
    f"{_DAV} displayname": ("name", TEXT_CHARS),
    f"{_CAL} calendar-data": ("data", 4_000_000),
}
_LINKS = {f"{_DAV} current-user-principal": "principal", f"{_CAL} calendar-home-set": "home"}


class _Reader:
    """Collects the responses while the text goes by; nothing of it is kept as a tree."""

    def __init__(self) -> None:
        self.responses: list[dict[str, Any]] = []
        self.truncated = False
        self.root = ""
        self._path: list[str] = []
        self._text: list[str] = []
        self._response: dict[str, Any] | None = None
        self._props: dict[str, Any] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if len(self._path) >= DEPTH:
            raise CallFailed("not_dav", "it is nested without end")
        self._path.append(name)
        self._text = []
        if len(self._path) == 1:
            self.root = name
        elif name == f"{_DAV} response":
            if len(self.responses) >= RESPONSES:
                self.truncated = True
            self._response = {"href": "", "etag": "", "name": "", "data": "", "principal": "", "home": "",
                              "calendar": False, "components": []}  # fmt: skip
        elif name == f"{_DAV} propstat":
            self._props = {"components": []}
        elif name == f"{_CAL} calendar" and f"{_DAV} resourcetype" in self._path:
            self._props["calendar"] = True
        elif name == f"{_CAL} comp" and f"{_CAL} supported-calendar-component-set" in self._path:
            self._props["components"].append(str(attributes.get("name", ""))[:40].upper())

    def text(self, data: str) -> None:
        self._text.append(data)

    def end(self, name: str) -> None:
        self._path.pop()
        text = "".join(self._text)
        self._text = []
        if self._response is None:
            return
        above = self._path[-1] if self._path else ""
        if name in _TEXTS:
            key, limit = _TEXTS[name]
            self._props[key] = text[:limit] if key == "data" else text.strip()[:limit]
        elif name == f"{_DAV} href":
            if above in _LINKS:
                self._props[_LINKS[above]] = text.strip()[:TEXT_CHARS]
            elif above == f"{_DAV} response":
                self._response["href"] = text.strip()[:TEXT_CHARS]
        elif name == f"{_DAV} status" and above == f"{_DAV} propstat":
            self._props["status"] = text.strip()[:100]
        elif name == f"{_DAV} propstat":
            # What a server does not have stands there too, with a status of its own.
            if " 200" in self._props.get("status", ""):
                components = [*self._response["components"], *self._props["components"]][:20]
                self._response |= {**self._props, "components": components}
            self._props = {"components": []}
        elif name == f"{_DAV} response":
            if not self.truncated:
                self._response.pop("status", None)
                self.responses.append(self._response)
            self._response = None


def read_multistatus(data: str) -> JSON:
    """Return {"responses", "truncated"} of an answer (base64).

    A response is {"href", "etag", "name", "data", "principal", "home", "calendar", "components"}: what the server has,
    "" for what it has not. Raises CallFailed `not_dav`.
    """
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _no_doctype
    try:
        parser.Parse(base64.b64decode(data), True)
    except (expat.ExpatError, ValueError):
        raise CallFailed("not_dav", "this is no answer of a calendar server") from None
    if reader.root != f"{_DAV} multistatus":
        raise CallFailed("not_dav", "this is no answer of a calendar server")
    return {"responses": reader.responses, "truncated": reader.truncated}


def _no_doctype(*_: object) -> None:
    # Entities are a way to grow a kilobyte into a gigabyte; no server needs them.
    raise CallFailed("not_dav", "it declares entities")


HANDLERS: Mapping[str, Handler] = MappingProxyType({"calendar.dav": read_multistatus})
