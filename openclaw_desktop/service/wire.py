"""The wire between a front end and the agent: one JSON object a line.

Owns the form of requests and replies and the codec of their values. Must not know what a command does. Both sides.

    {"id", "method", "params"}         a command
    {"id", "close": true}              the caller no longer wants the items of a stream
    {"id", "item": value}              one item of a stream
    {"id", "result": value}            the end of a command, or of a stream (null)
    {"id", "error": {"code", "sentence", "advice", "exit_code"}}
"""

from __future__ import annotations

import json
from typing import Any, TypeVar, get_args

import msgspec

from openclaw_desktop.core.events import AgentEvent, TurnEvent

FRAME_LIMIT_BYTES = 1 << 20

T = TypeVar("T")

_EVENTS: dict[str, type] = {event.__name__: event for event in (*get_args(TurnEvent), *get_args(AgentEvent))}


def encode_frame(frame: dict[str, Any]) -> bytes:
    """Return `frame` as one line."""
    # A path may hold bytes that are no text (as lone surrogates): as JSON's own escape they arrive as they went.
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"


def encode(value: Any) -> Any:
    """Return plain JSON values for a value of the API; an event carries its type's name."""
    plain = msgspec.to_builtins(value)
    return {"event": type(value).__name__, **plain} if type(value).__name__ in _EVENTS else plain


def decode(value: Any, kind: type[T]) -> T:
    """Return plain values as `kind`; raises msgspec.ValidationError where they don't fit."""
    return msgspec.convert(value, kind)


def decode_event(value: dict[str, Any]) -> Any:
    """Return the event that `encode` made plain."""
    fields = dict(value)
    return msgspec.convert(fields, _EVENTS[fields.pop("event")])
