"""What consolidation did before, so that what the user took back is not done again.

Owns the table `memory_deeds`: keyed hashes, so that nothing of an erased memory can be read in it. Writer's thread.
"""

from __future__ import annotations

import hashlib
import secrets

import apsw

from openclaw_desktop.storage.database import fetch

_KEY = "consolidation.key"


class Deeds:
    """The deeds of one file, within one transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._key = _find_key(connection)

    def note(self, run_id: int, *words: str) -> None:
        """Keep that a run did this."""
        sql = "insert or replace into memory_deeds (deed, run_id) values (?, ?)"
        self._connection.execute(sql, (self._hash(words), run_id))

    def is_rejected(self, *words: str) -> bool:
        """True where this was done once and taken back."""
        sql = "select 1 from memory_deeds where deed = ? and run_id is null"
        return bool(fetch(self._connection, sql, (self._hash(words),)))

    def _hash(self, words: tuple[str, ...]) -> bytes:
        return hashlib.blake2b("\0".join(words).encode(), key=self._key, digest_size=16).digest()


def learn_rejections(connection: apsw.Connection) -> None:
    """Keep for good what was done by runs that were taken back since."""
    connection.execute(
        "update memory_deeds set run_id = null where run_id in (select id from memory_runs where undone_at is not null)"
    )


def _find_key(connection: apsw.Connection) -> bytes:
    if found := fetch(connection, "select value from memory_state where key = ?", (_KEY,)):
        return bytes.fromhex(found[0][0])
    key = secrets.token_bytes(32)
    connection.execute("insert into memory_state (key, value) values (?, ?)", (_KEY, key.hex()))
    return key
