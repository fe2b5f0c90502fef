"""Files that come with a mail or go with one: the functions that run inside the jail.

Owns how a part of a mail becomes a new file, and a file becomes pieces that fit an answer. Must not know whether it
may: the jail has decided. Tool worker, in the jailed child.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import stat
from collections.abc import Mapping
from types import MappingProxyType

from openclaw_desktop.tools.change_functions import write_new
from openclaw_desktop.workers.calls import JSON, CallFailed, Handler

PIECE_BYTES = 600_000
_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_CLOEXEC: int = getattr(os, "O_CLOEXEC", 0)


def save_part(path: str, data: str, encoding: str) -> JSON:
    """Write a part of a mail, `data` (base64) as it was sent, to a new file: {"sha256", "size_bytes"}.

    Raises CallFailed `exists`, `broken` (it is not packed as it says), OSError.
    """
    content = _unpack(base64.b64decode(data), encoding)
    write_new(path, content)
    return {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}


def hash_part(data: str, encoding: str) -> JSON:
    """Return {"sha256"} of what `save_part` would write; raises CallFailed `broken`."""
    return {"sha256": hashlib.sha256(_unpack(base64.b64decode(data), encoding)).hexdigest()}


def read_piece(path: str, start: int) -> JSON:
    """Return {"data": the next PIECE_BYTES of a regular file from `start` on (base64), "size_bytes": of all of it}.

    Raises CallFailed `not_file`, OSError.
    """
    file = os.open(path, os.O_RDONLY | _NOFOLLOW | _CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise CallFailed("not_file", "this is not a regular file")
        os.lseek(file, start, os.SEEK_SET)
        data = bytearray()
        while len(data) < PIECE_BYTES and (chunk := os.read(file, PIECE_BYTES - len(data))):
            data += chunk
    finally:
        os.close(file)
    return {"data": base64.b64encode(data).decode(), "size_bytes": status.st_size}


def _unpack(content: bytes, encoding: str) -> bytes:
    try:
        match encoding:
            case "base64":
                return binascii.a2b_base64(re.sub(rb"\s", b"", content), strict_mode=True)
            case "quoted-printable":
                return binascii.a2b_qp(content)
            case _:
                return content
    except binascii.Error:
        raise CallFailed("broken", "the attachment is damaged") from None


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {"mail.hash_part": hash_part, "mail.save_part": save_part, "mail.file_piece": read_piece}
)
