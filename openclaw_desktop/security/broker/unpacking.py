"""Unpacking what a server packed, no further than was asked for.

Owns the two packings that we ask for. Pure, but for its state.
"""

from __future__ import annotations

import zlib

ACCEPTED = "gzip, deflate"


class UnpackingError(Exception):
    """The bytes are not packed as the server says, or in a way that was not asked for."""


class Unpacker:
    """Unpacks pieces of one body. `encoding`: the server's Content-Encoding."""

    def __init__(self, encoding: str) -> None:
        names = [
            name for name in (part.strip().lower() for part in encoding.split(",")) if name not in ("", "identity")
        ]
        if len(names) > 1 or (names and names[0] not in ("gzip", "x-gzip", "deflate")):
            # Packed twice is what bombs are; the rest was not asked for.
            raise UnpackingError
        self._packed = bool(names)
        self._deflate = names == ["deflate"]
        self._unpack = zlib.decompressobj(wbits=47)  # reads both headers
        self._fed = False

    def feed(self, data: bytes, room: int) -> bytes:
        """Return at most `room` (more than 0) bytes of what `data` unpacks to; raises UnpackingError."""
        if not self._packed:
            return data[:room]
        try:
            return self._unpack.decompress(data, room)
        except zlib.error:
            if not self._deflate or self._fed:
                raise UnpackingError from None
            # Some servers leave the header out.
            self._unpack = zlib.decompressobj(wbits=-15)
            try:
                return self._unpack.decompress(data, room)
            except zlib.error:
                raise UnpackingError from None
        finally:
            self._fed = True
