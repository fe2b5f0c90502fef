"""The values of a screenshot, and a picture written as PNG.

Owns their shape. Must not know where a picture comes from. Any thread.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class ScreenWindow:
    """A window that can be seen. `title` and `application` are its own words, which nobody checked."""

    id: int
    title: str
    application: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a window as PNG. `covered`: parts that other windows hid are black in it."""

    png: bytes
    width: int
    height: int
    title: str = ""
    application: str = ""
    covered: bool = False


def write_png(width: int, height: int, rgb: bytes) -> bytes:
    """Return `rgb`, three bytes a pixel and row after row, as PNG."""
    row = width * 3
    rows = b"".join(b"\0" + rgb[start : start + row] for start in range(0, row * height, row))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


def read_size(png: bytes) -> tuple[int, int] | None:
    """Return width and height as a PNG's head says, None where it is none."""
    if not png.startswith(SIGNATURE) or len(png) < 33 or png[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", png[16:24])
    return (width, height) if width and height else None
