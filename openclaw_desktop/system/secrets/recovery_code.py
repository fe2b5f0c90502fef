"""The recovery code: a printed line that opens a box with a key in it.

Owns the code's form (Crockford's base32 with his check symbol, https://www.crockford.com/base32.html) and the box:
HKDF makes a key of the code, AES-256-GCM seals with it. A code is random (134 bits): no slow derivation is needed.
Must not know what the key opens. Any thread.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHECK_MODULUS = 37
_RANDOM_SYMBOLS = 27
_GROUP = 4
# What is misread when it is copied by hand.
_READ_AS = str.maketrans("OIL", "011")
_SALT_BYTES = 16
_NONCE_BYTES = 12
_KEY_BYTES = 32
_PURPOSE = b"openclaw recovery code 1"


@dataclass(frozen=True, slots=True)
class Box:
    """A sealed key: `salt` of the derivation, then a nonce with the sealed bytes."""

    salt: bytes
    sealed: bytes


def new_code() -> str:
    """Return a random code such as `7K2M-…`, seven groups of four."""
    while True:
        number = secrets.randbits(5 * _RANDOM_SYMBOLS)
        # Five of the 37 check symbols are no letters: a code that would end with one is not taken.
        if (check := number % _CHECK_MODULUS) < len(ALPHABET):
            break
    symbols = [ALPHABET[(number >> shift) & 31] for shift in range(5 * (_RANDOM_SYMBOLS - 1), -1, -5)]
    line = "".join(symbols) + ALPHABET[check]
    return "-".join(line[start : start + _GROUP] for start in range(0, len(line), _GROUP))


def read_code(typed: str) -> str | None:
    """Return the code's symbols without its hyphens; None where it was mistyped."""
    line = "".join(typed.split()).replace("-", "").upper().translate(_READ_AS)
    if len(line) != _RANDOM_SYMBOLS + 1 or any(symbol not in ALPHABET for symbol in line):
        return None
    number = 0
    for symbol in line[:-1]:
        number = number * 32 + ALPHABET.index(symbol)
    return line if number % _CHECK_MODULUS == ALPHABET.index(line[-1]) else None


def seal_key(code: str, key: bytes, name: str) -> Box:
    """Return a box with `key` that `code` opens, bound to `name`."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    return Box(salt, nonce + AESGCM(_derive(code, salt)).encrypt(nonce, key, name.encode()))


def open_key(code: str, box: Box, name: str) -> bytes | None:
    """Return the key; None where `code` is not the one that the box was sealed with."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce, sealed = box.sealed[:_NONCE_BYTES], box.sealed[_NONCE_BYTES:]
    try:
        return AESGCM(_derive(code, box.salt)).decrypt(nonce, sealed, name.encode())
    except (InvalidTag, ValueError):
        return None


def _derive(code: str, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    symbols = read_code(code)
    assert symbols is not None
    return HKDF(SHA256(), _KEY_BYTES, salt, _PURPOSE).derive(symbols.encode())
