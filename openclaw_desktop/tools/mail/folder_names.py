"""Names of mail folders: what people read, and IMAP's own way to write it (RFC 3501, 5.1.3).

Owns the encoding. Pure.
"""

from __future__ import annotations

import base64
import binascii
import re

_PLAIN = re.compile(rb"&([^-]*)-")
_OTHER = re.compile(r"[^\x20-\x7e]+|&")


def decode_name(data: bytes) -> str:
    """Return a folder's name as people read it; what can't be read stays as it is."""

    def letters(match: re.Match[bytes]) -> bytes:
        if not match[1]:
            return b"&"
        try:
            raw = base64.b64decode(match[1].replace(b",", b"/") + b"=" * (-len(match[1]) % 4), validate=True)
            return raw.decode("utf-16-be").encode("utf-8")
        except (binascii.Error, UnicodeError):
            return match[0]

    return _PLAIN.sub(letters, data).decode("utf-8", "backslashreplace")


def encode_name(name: str) -> bytes:
    """Return a folder's name as IMAP writes it."""

    def units(match: re.Match[str]) -> str:
        if match[0] == "&":
            return "&-"
        raw = match[0].encode("utf-16-be", "surrogatepass")
        return "&" + base64.b64encode(raw).decode().rstrip("=").replace("/", ",") + "-"

    return _OTHER.sub(units, name).encode("ascii")
