"""Identifiers: a short prefix that says what it names, then a part that sorts by time and cannot be guessed."""

from __future__ import annotations

import secrets
import time


def new_id(prefix: str) -> str:
    """Return an id such as `mem_0192f0c1a2b3_9f3c2a71`: milliseconds in hex, then 32 random bits."""
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}_{secrets.token_hex(4)}"
