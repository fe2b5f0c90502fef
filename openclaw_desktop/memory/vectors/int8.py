"""Vectors as they are stored: one byte a dimension.

Owns the scale and the way from distance back to cosine. Pure, standard library only: an agent that only answers
questions never loads numpy.
"""

from __future__ import annotations

import array
import math
import sys

# A dimension of a normalised vector is about 1 / sqrt(dimension); what lies beyond so many times that is cut off.
REACH = 5.0


class Vector(bytes):
    """A stored vector that knows which engine made it, so that it is never compared with another's."""

    engine_id: int

    @classmethod
    def of(cls, floats: bytes, engine_id: int) -> Vector:
        """Return normalised little-endian float32 values as a stored vector; empty where all of them are 0."""
        made = cls(quantise(floats))
        made.engine_id = engine_id
        return made


def scale_of(dimension: int) -> float:
    """Return the whole number that stands for 1."""
    return 127.0 * math.sqrt(dimension) / REACH


def quantise(floats: bytes) -> bytes:
    """Return float32 values as one signed byte each; nothing where all are 0."""
    values = array.array("f", floats)
    if sys.byteorder == "big":
        values.byteswap()
    scale = scale_of(len(values))
    try:
        whole = array.array("b", map(round, map(scale.__mul__, values)))
    except OverflowError:
        whole = array.array("b", (max(-127, min(127, round(scale * value))) for value in values))
    return whole.tobytes() if any(whole) else b""


def cosine_of(distance: float, dimension: int) -> float:
    """Return the cosine of two stored vectors from their Euclidean distance."""
    return float(1.0 - (distance / scale_of(dimension)) ** 2 / 2.0)


def floats_of(vector: Vector) -> bytes:
    """Return a stored vector as normalised float32 values again, as earlier versions stored them."""
    values = array.array("b", vector)
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return array.array("f", (value / length for value in values)).tobytes()


def cosine_of_floats(distance: float) -> float:
    """Return the cosine for the Euclidean distance of two normalised vectors: 1 - d^2 / 2."""
    return float(1.0 - distance * distance / 2.0)
