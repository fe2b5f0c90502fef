"""A connection to a file of ours: its key, its extension, its settings.

Owns what is the same for every connection, to the one file and to its copies. Must not know any table. Any thread.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path

import apsw

BUSY_TIMEOUT_MS = 5_000
# Whoever waits for another process looks this often, however long it has waited. SQLite's own waiting looks ever less
# often, so that of twenty writers those that came last went first, and one waited its whole five seconds.
LOOKS_AGAIN_S = 0.004
# What of a file is kept in memory: this much of the smallest, for a reader a share of larger ones. A search reads some
# thousand pages of a large file, and an encrypted page costs three times a plain one to read anew.
PAGE_CACHE_KIB, MOST_CACHE_KIB = 4_096, 65_536
READER_SHARE, WRITER_SHARE = 1 / 11, 1 / 24
# A key of this length is the cipher's own: stretching it would cost 40 ms a connection and add nothing to 256 bits.
RAW_KEY_BYTES = 32


def connect(
    path: Path, key: bytes | None, flags: int = apsw.SQLITE_OPEN_READWRITE, busy_timeout_ms: int = BUSY_TIMEOUT_MS
) -> apsw.Connection:
    """Open the file that is there. `key`: 32 bytes are used as they are, others are stretched. Raises apsw.Error."""
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_handler(_wait_turn(busy_timeout_ms))
    if key is not None and len(key) == RAW_KEY_BYTES:
        connection.pragma("key", f"raw:{key.hex()}")
        if not _reads(connection):
            # Files of version 0.1 had such keys stretched too. A connection can't take a second key.
            connection.close()
            connection = apsw.Connection(str(path), flags=flags)
            connection.set_busy_handler(_wait_turn(busy_timeout_ms))
            connection.pragma("hexkey", key.hex())
    elif key is not None:
        connection.pragma("hexkey", key.hex())
    # A transaction that began by reading could not wait for another process that writes: it would fail at once.
    connection.transaction_mode = "IMMEDIATE"
    connection.enable_load_extension(True)
    connection.load_extension(_vector_extension())
    connection.enable_load_extension(False)
    connection.pragma("foreign_keys", True)
    connection.pragma("secure_delete", True)
    connection.pragma("trusted_schema", True)
    share = READER_SHARE if flags & apsw.SQLITE_OPEN_READONLY else WRITER_SHARE
    wanted_kib = int(path.stat().st_size * share) // 1024
    connection.pragma("cache_size", -min(max(wanted_kib, PAGE_CACHE_KIB), MOST_CACHE_KIB))
    return connection


def _wait_turn(timeout_ms: int) -> Callable[[int], bool]:
    """Return what SQLite calls while another process holds the lock; it says whether to look again."""
    gives_up_s = 0.0

    def wait(looked: int) -> bool:
        nonlocal gives_up_s
        if not looked:
            gives_up_s = time.monotonic() + timeout_ms / 1_000
        if time.monotonic() >= gives_up_s:
            return False
        time.sleep(LOOKS_AGAIN_S)
        return True

    return wait


def _reads(connection: apsw.Connection) -> bool:
    try:
        connection.execute("select count(*) from sqlite_schema").fetchall()
    except apsw.NotADBError:
        return False
    return True


def _vector_extension() -> str:
    # Found, not imported: the package's module imports numpy, 14 MB that an idle agent must not hold.
    found = importlib.util.find_spec("sqlite_vec")
    assert found is not None
    assert found.submodule_search_locations
    return str(Path(found.submodule_search_locations[0]) / "vec0")
