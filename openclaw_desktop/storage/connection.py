"""A connection to a file of ours: its key, its extension, its settings.

Owns what is the same for every connection, to the one file and to its copies. Must not know any table. Any thread.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import apsw

BUSY_TIMEOUT_MS = 5_000
# Whoever waits for another process looks this often, however long it has waited. SQLite's own waiting looks ever less
# often, so that of twenty writers those that came last went first, and one waited its whole five seconds.
LOOKS_AGAIN_S = 0.004
# A line of writers that never ends is told of in the end.
MOST_TURNS = 12
# Keeps in memory what connections share in a file of 32 KB, which a full disk has no room for. No other process can
# have the database open then.
WITHOUT_SHARED_FILE = "" if sys.platform == "win32" else "multipleciphers-unix-excl"
# What of a file is kept in memory: this much of the smallest, for a reader a share of larger ones. A search reads some
# thousand pages of a large file, and an encrypted page costs three times a plain one to read anew.
PAGE_CACHE_KIB, MOST_CACHE_KIB = 4_096, 65_536
READER_SHARE, WRITER_SHARE = 1 / 24, 1 / 34
# A key of this length is the cipher's own: stretching it would cost 40 ms a connection and add nothing to 256 bits.
RAW_KEY_BYTES = 32
# To read a page of 4 KB anew takes 1.5 microseconds more than a plain one, and 8 more: AEGIS is made of AES, which most
# processors compute themselves.
AEGIS, CHACHA20 = "aegis", "chacha20"

PROCESSORS = Path("/proc/cpuinfo")
_HAS_AES = re.compile(rb"^(?:flags|Features)\s*:.*\baes\b", re.MULTILINE)


def connect(
    path: Path,
    key: bytes | None,
    flags: int = apsw.SQLITE_OPEN_READWRITE,
    busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    vfs: str | None = None,
    *,
    cut: bool = False,
) -> apsw.Connection:
    """Open the file that is there. `key`: 32 bytes are used as they are, others are stretched. Raises apsw.Error.

    A file that is empty yet will be under `usual_cipher`, one with something in it opens whichever it is under. `cut`:
    open one whose end is missing too, of which SQLite reads nothing else; only its missing pages can't be read then.
    """
    connection = _unlocked(path, key, flags, busy_timeout_ms, vfs, cut)
    try:
        _set_up(connection)
        share = READER_SHARE if flags & apsw.SQLITE_OPEN_READONLY else WRITER_SHARE
        wanted_kib = int(path.stat().st_size * share) // 1024
        connection.pragma("cache_size", -min(max(wanted_kib, PAGE_CACHE_KIB), MOST_CACHE_KIB))
    except BaseException:
        connection.close()  # an error would keep it open for as long as somebody looks at it
        raise
    return connection


@functools.cache
def usual_cipher() -> str:
    """Return the cipher of new files: AEGIS-256, but ChaCha20-Poly1305 where the processor is known to have no AES."""
    try:
        with PROCESSORS.open("rb") as told:
            return AEGIS if _HAS_AES.search(told.read(8_192)) else CHACHA20
    except OSError:  # macOS and Windows run on no such processor any more
        return AEGIS


def _unlocked(
    path: Path, key: bytes | None, flags: int, busy_timeout_ms: int, vfs: str | None, cut: bool
) -> apsw.Connection:
    """Return a connection that has the key; under which cipher a file is, only trying tells."""
    ways: list[tuple[str, str] | None]
    if key is None:
        ways = [None]
    elif len(key) != RAW_KEY_BYTES:
        ways = [("hexkey", CHACHA20)]
    else:
        usual = usual_cipher()
        other = CHACHA20 if usual == AEGIS else AEGIS
        # Files of version 0.1 had such keys stretched too.
        ways = [("raw", usual), ("raw", other), ("hexkey", CHACHA20)]
    for way in ways:
        connection = apsw.Connection(str(path), flags=flags, vfs=vfs)
        try:
            connection.set_busy_handler(_wait_turn(path, busy_timeout_ms))
            if cut:  # the number of pages that the first page tells is not held against the file's size
                connection.config(apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1)
            if way is not None and key is not None:
                form, cipher = way
                connection.pragma("cipher", cipher)
                connection.pragma(*(("key", f"raw:{key.hex()}") if form == "raw" else ("hexkey", key.hex())))
            if way == ways[-1] or _reads(connection):
                return connection
        except BaseException:
            connection.close()  # an error would keep it open for as long as somebody looks at it
            raise
        # A connection can't take a second key. What stands in the log is not this one's to fold into the file.
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.close()
    raise AssertionError("there is always a last way")


def _set_up(connection: apsw.Connection) -> None:
    # A transaction that began by reading could not wait for another process that writes: it would fail at once.
    connection.transaction_mode = "IMMEDIATE"
    connection.enable_load_extension(True)
    connection.load_extension(_vector_extension())
    connection.enable_load_extension(False)
    connection.pragma("foreign_keys", True)
    connection.pragma("secure_delete", True)
    connection.pragma("trusted_schema", True)


def _wait_turn(path: Path, timeout_ms: int) -> Callable[[int], bool]:
    """Return what SQLite calls while another process holds the lock; it says whether to look again.

    The wait is for one writer, however many stand before us: it begins anew whenever one of them has written.
    """
    log = path.with_name(path.name + "-wal")
    seen, gives_up_s, ends_s = 0, 0.0, 0.0

    def wait(looked: int) -> bool:
        nonlocal seen, gives_up_s, ends_s
        now_s, written = time.monotonic(), _written_ns(log)
        if not looked:
            ends_s = now_s + MOST_TURNS * timeout_ms / 1_000
        if not looked or written != seen:
            seen, gives_up_s = written, min(ends_s, now_s + timeout_ms / 1_000)
        if now_s >= gives_up_s:
            return False
        time.sleep(LOOKS_AGAIN_S)
        return True

    return wait


def _written_ns(log: Path) -> int:
    try:
        return log.stat().st_mtime_ns
    except OSError:  # no log is no write
        return 0


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
