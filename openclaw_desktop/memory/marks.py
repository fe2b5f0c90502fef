"""Marks of the memory's own that outlive a restart, each a text under a name.

Owns how one is read and set (table `memory_state`). Must not know what any of them means. The database's threads.
"""

from __future__ import annotations

import apsw

from openclaw_desktop.storage.database import fetch


def read_mark(connection: apsw.Connection, name: str) -> str:
    """Return the mark of that name; "" where there is none."""
    found = fetch(connection, "select value from memory_state where key = ?", (name,))
    return str(found[0][0]) if found else ""


def set_mark(connection: apsw.Connection, name: str, value: str) -> None:
    """Set the mark of that name."""
    connection.execute("insert or replace into memory_state (key, value) values (?, ?)", (name, value))
