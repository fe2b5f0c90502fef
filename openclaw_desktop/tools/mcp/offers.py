"""What a server says that its tools are, made harmless: names, descriptions and schemas are text of strangers.

Owns what is kept of such a list, its fingerprint, and what differs between two of them. A schema is rebuilt from the
few keywords that we know, so that nothing in it is fetched, compiled as a pattern, or grows without end. Pure.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from openclaw_desktop.core.text import tr, visible

TOOLS = 128
DESCRIPTION_CHARS, ARGUMENT_CHARS = 600, 200
SCHEMA_CHARS = 20_000
# A schema that refers to itself, or to the same part over and over, would grow without end.
NODES, DEPTH = 600, 10
_TOOL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ARGUMENT_NAME = re.compile(r"[A-Za-z_$@][\w$@.-]{0,63}", re.ASCII)
_TYPES = frozenset(("string", "number", "integer", "boolean", "object", "array", "null"))
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_CHOICES = 100


class BadSchema(ValueError):
    """A tool describes its arguments in a way that makes no sense; the text says how."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One tool as its server describes it. `problem`: why it is not offered, "" where it is.

    `destructive`: the server itself says that it destroys; what it says in its favour counts for nothing.
    """

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    destructive: bool = False
    problem: str = ""


def read_offers(listed: Any) -> tuple[Offer, ...]:
    """Return what is kept of a list of tools as a server gave it; what makes no sense is kept with its problem."""
    found: dict[str, Offer] = {}
    for raw in (listed if isinstance(listed, list) else [])[:TOOLS]:
        offer = _read(raw)
        if offer.name in found:
            offer = Offer(offer.name, offer.description, problem=tr("two tools have that name"))
        found[offer.name] = offer
    return tuple(offer for _, offer in sorted(found.items()))


def stored_offers(rows: Sequence[Mapping[str, Any]]) -> tuple[Offer, ...]:
    """Return what `as_rows` gave; raises TypeError or ValueError."""
    return tuple(Offer(**row) for row in rows)


def as_rows(offers: Sequence[Offer]) -> list[dict[str, Any]]:
    """Return offers as JSON."""
    return [asdict(offer) for offer in offers]


def fingerprint(offers: Sequence[Offer]) -> str:
    """Return the SHA-256 of all that the model or the gate would see of `offers`."""
    return hashlib.sha256(json.dumps(as_rows(offers), sort_keys=True).encode()).hexdigest()


def differences(old: Sequence[Offer], new: Sequence[Offer]) -> tuple[str, ...]:
    """Return what changed from `old` to `new`, a line each."""
    before, after = ({offer.name: offer for offer in offers} for offers in (old, new))
    lines = [tr("+ {tool}: {what}", tool=visible(name), what=after[name].description) for name in after.keys() - before]
    lines += [tr("- {tool}", tool=visible(name)) for name in before.keys() - after]
    for name in before.keys() & after:
        one, other = before[name], after[name]
        if one.description != other.description:
            lines.append(tr("~ {tool} now says: {what}", tool=visible(name), what=other.description))
        if (one.schema, one.problem) != (other.schema, other.problem):
            lines.append(tr("~ {tool} now takes other arguments", tool=visible(name)))
        if one.destructive != other.destructive:
            lines.append(tr("~ {tool} now says something else about what it destroys", tool=visible(name)))
    return tuple(sorted(lines, key=lambda line: line[2:]))


def one_line(text: Any, limit_chars: int) -> str:
    """Return foreign text on one line, without what can hide in it, cut to `limit_chars`."""
    if not isinstance(text, str):
        return ""
    words = " ".join(text[: limit_chars * 4].split())
    words = "".join(letter for letter in words if letter.isprintable())
    return words if len(words) <= limit_chars else words[: limit_chars - 1] + "…"


def _read(raw: Any) -> Offer:
    if not isinstance(raw, Mapping):
        return Offer("?", "", problem=tr("it is no tool"))
    name, description = raw.get("name"), one_line(raw.get("description"), DESCRIPTION_CHARS)
    if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name):
        return Offer(one_line(name, 64) or "?", description, problem=tr("its name makes no sense"))
    hints = raw.get("annotations")
    destructive = isinstance(hints, Mapping) and hints.get("destructiveHint") is True
    try:
        schema = plain_schema(raw.get("inputSchema"))
    except BadSchema as error:
        return Offer(name, description, destructive=destructive, problem=str(error))
    return Offer(name, description, schema, destructive)


def plain_schema(raw: Any) -> dict[str, Any]:
    """Return the schema of a tool's arguments in keywords that we know; raises BadSchema."""
    if not isinstance(raw, Mapping) or raw.get("type", "object") != "object":
        raise BadSchema(tr("its arguments are no object"))
    schema = _Rebuilding(raw).rebuild(raw, 0)
    for name in schema.get("properties", {}):
        if not _ARGUMENT_NAME.fullmatch(name):
            raise BadSchema(tr("an argument has a name that makes no sense"))
        if name == "tool":  # in a call that word names the tool: a schema of this could let it name another one
            raise BadSchema(tr('an argument is called "tool", which has a meaning of its own here'))
    schema |= {"type": "object", "properties": schema.get("properties", {})}
    # What is not described is not shown to anybody either.
    if "additionalProperties" not in schema:
        schema["additionalProperties"] = False
    if len(json.dumps(schema)) > SCHEMA_CHARS:
        raise BadSchema(tr("it describes its arguments at a length that nobody reads"))
    return schema


class _Rebuilding:
    """One schema, rebuilt. References are put in their place; what they would grow beyond is any value."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._nodes = 0

    def rebuild(self, raw: Any, depth: int) -> dict[str, Any]:
        self._nodes += 1
        if raw is True:
            return {}
        if not isinstance(raw, Mapping):
            raise BadSchema(tr("a part of its description is no schema"))
        if depth > DEPTH or self._nodes > NODES:
            return {}
        if "$ref" in raw:
            return self._describe(raw) | self.rebuild(self._find(raw["$ref"]), depth + 1)
        found = self._describe(raw) | self._kinds(raw) | self._limits(raw)
        if "properties" in raw:
            parts = raw["properties"]
            if not isinstance(parts, Mapping) or not all(map(_is_name, parts)):
                raise BadSchema(tr("its arguments are not listed by name"))
            found["properties"] = {name: self.rebuild(part, depth + 1) for name, part in parts.items()}
        if "required" in raw:
            names = raw["required"]
            if not isinstance(names, list) or not all(map(_is_name, names)):
                raise BadSchema(tr("the arguments that it needs are not named"))
            found["required"] = list(dict.fromkeys(names))
        if "items" in raw and not isinstance(raw["items"], list):
            found["items"] = self.rebuild(raw["items"], depth + 1)
        if "additionalProperties" in raw:
            more = raw["additionalProperties"]
            found["additionalProperties"] = more if isinstance(more, bool) else self.rebuild(more, depth + 1)
        for word in ("anyOf", "oneOf"):
            if word in raw:
                branches = raw[word]
                if not isinstance(branches, list) or not branches:
                    raise BadSchema(tr("a part of its description is no schema"))
                found["anyOf"] = [self.rebuild(branch, depth + 1) for branch in branches[:16]]
        return found

    def _find(self, reference: Any) -> Any:
        """Return what a reference within the schema points to; no other place is ever looked at."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise BadSchema(tr("its description points to another place"))
        place: Any = self._root
        for step in reference[1:].strip("/").split("/") if len(reference) > 1 else ():
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(place, Mapping) or key not in place:
                raise BadSchema(tr("its description points to nothing"))
            place = place[key]
        return place

    def _describe(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        text = one_line(raw.get("description"), ARGUMENT_CHARS)
        return {"description": text} if text else {}

    def _kinds(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if "type" in raw:
            kinds = raw["type"] if isinstance(raw["type"], list) else [raw["type"]]
            if not kinds or not all(isinstance(kind, str) and kind in _TYPES for kind in kinds):
                raise BadSchema(tr("an argument is of a kind that does not exist"))
            found["type"] = kinds if isinstance(raw["type"], list) else kinds[0]
        if "enum" in raw:
            choices = raw["enum"]
            if not isinstance(choices, list) or not choices or not all(_is_scalar(choice) for choice in choices):
                raise BadSchema(tr("the choices of an argument make no sense"))
            found["enum"] = choices[:_CHOICES]
        if "const" in raw and _is_scalar(raw["const"]):
            found["const"] = raw["const"]
        return found

    def _limits(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for word in (*_COUNTS, *_NUMBERS):
            if word in raw:
                value = raw[word]
                whole = word in _COUNTS
                number = not isinstance(value, bool) and isinstance(value, int if whole else (int, float))
                if not number or not math.isfinite(value) or (whole and value < 0):
                    raise BadSchema(tr("a limit of an argument is no number"))
                found[word] = value
        return found


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= ARGUMENT_CHARS and value.isprintable()


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= ARGUMENT_CHARS and value.isprintable()
    return value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value))
