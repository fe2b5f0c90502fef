"""The form of the record of keys: who holds the key of the file, and the box that the recovery code opens.

Owns the JSON. It has no secret in it and is no secret. Must not know where keys are. Any thread.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.system.secrets.recovery_code import Box

FORMAT = "openclaw-key-1"

KeyHolder = Literal["keyring", "file"]


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key by its id. `path`: the file that held it when it was last kept. `box`: it, sealed by the recovery code.

    `code_kept`: somebody has that code; False from when it is made until it was shown.
    """

    id: str
    holder: KeyHolder
    path: str | None = None
    box: Box | None = None
    code_kept: bool = True


# None: the file is plain.
KeyState = HeldKey | None


def record_bytes(states: tuple[KeyState, ...]) -> bytes:
    """Return the record's bytes."""
    return json.dumps({"format": FORMAT, "states": [_plain(state) for state in states]}, indent=2).encode() + b"\n"


def read_record(path: Path) -> tuple[KeyState, ...] | None:
    """Return the states that the file may be in, the likeliest first; None where nothing was decided yet.

    Raises UserError where the record can't be understood.
    """
    try:
        document = json.loads(path.read_bytes())
        states = tuple(_state(row) for row in document["states"])
        if document["format"] != FORMAT or not 1 <= len(states) <= 2:
            raise ValueError("not a record of ours")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise UserError(
            "key_record_damaged",
            tr("The record of the memory's key in {path} can't be read.", path=visible(str(path))),
            tr(
                "Put a good copy back (there is one in the backups folder), or move it away: the keyring is then asked."
            ),
        ) from error
    return states


def _plain(state: KeyState) -> dict[str, Any] | None:
    if state is None:
        return None
    box = state.box and {"salt": _text(state.box.salt), "sealed": _text(state.box.sealed)}
    return {
        "id": state.id, "holder": state.holder, "path": state.path, "recovery": box, "code_kept": state.code_kept,
    }  # fmt: skip


def _state(row: Any) -> KeyState:
    if row is None:
        return None
    box = row["recovery"] and Box(_bytes(row["recovery"]["salt"]), _bytes(row["recovery"]["sealed"]))
    path = row["path"]
    kept = row.get("code_kept", True)  # of a record from before, nobody knows
    if row["holder"] not in get_args(KeyHolder) or not isinstance(row["id"], str) or not isinstance(path, str | None):
        raise ValueError("not a record of ours")
    if "\0" in (path or "") or not isinstance(kept, bool):
        raise ValueError("not a record of ours")
    return HeldKey(row["id"], row["holder"], path, box, kept)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
