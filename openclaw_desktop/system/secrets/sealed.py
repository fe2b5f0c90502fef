"""The form of the passphrase file: JSON whose values are sealed one by one.

Owns the bytes and the cryptography: scrypt makes the key of the passphrase, AES-256-GCM seals each value together with
its entry's name, so that no box opens under another name. A checksum tells damage from a wrong passphrase. Must not
know files. Any thread; making a key takes 128 MiB for its time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

FORMAT = "openclaw-secrets-1"
# scrypt's work: the least that OWASP's "Password Storage Cheat Sheet" asks for.
WORK = {"n": 1 << 17, "r": 8, "p": 1}
_MEMORY_BYTES = 160 << 20  # 128 * n * r, and room
_KEY_BYTES = 32
_SALT_BYTES = 16
_NONCE_BYTES = 12
# Sealed with the file's own key, so that a wrong passphrase shows before anything is sealed with it.
_CHECK = "\0check"


@dataclass(frozen=True, slots=True)
class Sealed:
    """The file's content: `entries` and `check` are boxes, each a nonce and a sealed text."""

    salt: bytes
    check: bytes
    entries: Mapping[str, bytes]


def begin(passphrase: str) -> tuple[Sealed, bytes]:
    """Return an empty file for `passphrase`, and its key."""
    salt = os.urandom(_SALT_BYTES)
    key = _derive(passphrase, salt)
    return Sealed(salt, _seal(key, _CHECK, ""), {}), key


def make_key(box: Sealed, passphrase: str) -> bytes | None:
    """Return the key; None where `passphrase` is not the one that the file was made with."""
    key = _derive(passphrase, box.salt)
    return key if _open(key, _CHECK, box.check) is not None else None


def seal(box: Sealed, key: bytes, entry: str, value: str) -> Sealed:
    """Return the content with `value` under `entry`."""
    return replace(box, entries={**box.entries, entry: _seal(key, entry, value)})


def open_entry(box: Sealed, key: bytes, entry: str) -> str | None:
    """Return the value under `entry`; None where its box does not open."""
    return _open(key, entry, box.entries[entry])


def without(box: Sealed, entry: str) -> Sealed:
    """Return the content without `entry`."""
    return replace(box, entries={name: sealed for name, sealed in box.entries.items() if name != entry})


def to_bytes(box: Sealed) -> bytes:
    """Return the file's bytes."""
    body = {
        "format": FORMAT,
        "scrypt": {**WORK, "salt": _text(box.salt)},
        "check": _text(box.check),
        "entries": {name: _text(sealed) for name, sealed in box.entries.items()},
    }
    return json.dumps({**body, "sha256": _checksum(body)}, indent=2).encode() + b"\n"


def from_bytes(content: bytes) -> Sealed | None:
    """Return the content; None where a byte of it is not as it was written."""
    try:
        body = json.loads(content)
        checksum = body.pop("sha256")
        scrypt = body["scrypt"]
        salt = _bytes(scrypt.pop("salt"))
        # Other work than ours is no file of ours, and could take any amount of memory.
        if body["format"] != FORMAT or scrypt != WORK:
            return None
        scrypt["salt"] = _text(salt)
        if checksum != _checksum(body):
            return None
        return Sealed(salt, _bytes(body["check"]), {name: _bytes(text) for name, text in body["entries"].items()})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        return None


def _derive(passphrase: str, salt: bytes) -> bytes:
    # Keyboards write one letter in different ways; NFC makes them one.
    typed = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(typed, salt=salt, maxmem=_MEMORY_BYTES, dklen=_KEY_BYTES, **WORK)


def _seal(key: bytes, entry: str, value: str) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, value.encode(), entry.encode())


def _open(key: bytes, entry: str, box: bytes) -> str | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], entry.encode()).decode()
    except (InvalidTag, ValueError):
        return None


def _checksum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
