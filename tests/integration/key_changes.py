"""A home whose key is changed, with a keyring in a file: the fake's real counterpart is tests/desktop/test_keyring.py.

Run as a program it changes the key until it is killed: at a named step, or by a timer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import apsw
from keyring.backend import KeyringBackend

from openclaw_desktop.security.file_key import FileKeys
from openclaw_desktop.service.memory.file_key import FileKeyDesk
from openclaw_desktop.service.memory.key_views import KeyAction
from openclaw_desktop.storage import encryption
from openclaw_desktop.storage.atomic import write_atomically
from openclaw_desktop.storage.backup import BY_HAND, back_up
from openclaw_desktop.storage.database import Database
from openclaw_desktop.system.secrets import KeyringStore

CANARY = "canary-7b1e44"
CHANGES: dict[str, tuple[KeyAction, ...]] = {
    "on": ("on",), "new_key": ("on", "new_key"), "off": ("on", "off"),
}  # fmt: skip


class FileRing(KeyringBackend):
    """A keyring that a killed program leaves as it was."""

    priority = 1

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def _values(self) -> dict[str, str]:
        return dict(json.loads(self._path.read_bytes())) if self._path.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        return self._values().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        values = self._values() | {f"{service} {username}": password}
        write_atomically(self._path, json.dumps(values).encode())

    def delete_password(self, service: str, username: str) -> None:
        values = self._values()
        del values[f"{service} {username}"]
        write_atomically(self._path, json.dumps(values).encode())

    def kept(self) -> list[bytes]:
        return [bytes.fromhex(word) for value in self._values().values() for word in value.split()]


@dataclass
class KeyHome:
    """Where it all lies."""

    folder: Path
    others: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        for place in (self.file.parent, self.backups):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def file(self) -> Path:
        return self.folder / "data" / "openclaw.db"

    @property
    def backups(self) -> Path:
        return self.folder / "backups"

    @property
    def folders(self) -> tuple[Path, ...]:
        return (self.backups, *self.others)

    @property
    def ring(self) -> FileRing:
        return FileRing(self.folder / "ring.json")

    @property
    def keys(self) -> FileKeys:
        store = KeyringStore("test", 30, lambda: self.ring)
        return FileKeys(self.file.parent, self.folders, store, {}, (self.file.parent,))

    @contextlib.asynccontextmanager
    async def open(self, code: str | None = None) -> AsyncIterator[tuple[Database, FileKeyDesk]]:
        """Open it as the runtime does."""
        found = await self.keys.find(self.file, code)
        database = await Database.open(self.file, key=found.key)
        desk = FileKeyDesk(database, self.keys, found, self.folders)
        try:
            await desk.settle()
            yield database, desk
            await desk.stop()
        finally:
            await database.close()

    def canaries(self) -> list[Path]:
        """Return the files that can be read without a key."""
        files = (path for place in (self.file.parent, self.backups) for path in place.rglob("*") if path.is_file())
        return sorted(path for path in files if CANARY.encode() in path.read_bytes())


def add(connection: apsw.Connection) -> str:
    """Write a row and return its id."""
    number = os.urandom(8).hex()
    connection.execute("insert into grants values (?, 'file:read', ?, ?)", (number, f"/{number}", CANARY))
    return number


async def ids(database: Database) -> set[str]:
    return {str(row[0]) for row in await database.rows("select id from grants")}


async def _die_at(home: KeyHome, change: str, place: str) -> None:
    *before, last = CHANGES[change]
    async with home.open() as (database, desk):
        print(await database.write(add), flush=True)
        await database.maintain(lambda connection: back_up(connection, home.backups, BY_HAND))
        for action in before:
            await desk.change(action, None, None)
        encryption.step = lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == place else None
        await desk.change(last, None, None)


async def _change_for_ever(home: KeyHome, seconds: float) -> None:
    async with home.open() as (database, desk):
        # In seconds of its own work, so that a busy machine changes nothing. The timer's signal ends a program as
        # SIGKILL does: nothing of ours runs any more.
        signal.setitimer(signal.ITIMER_PROF, seconds)
        while True:
            for action in ("on", "new_key", "off") if not database.encrypted else ("new_key", "off"):
                print(await database.write(add), flush=True)
                await desk.change(action, None, None)
            await database.maintain(lambda connection: back_up(connection, home.backups, BY_HAND))


if __name__ == "__main__":
    if sys.argv[2] == "timer":
        asyncio.run(_change_for_ever(KeyHome(Path(sys.argv[1])), float(sys.argv[3])))
    else:
        asyncio.run(_die_at(KeyHome(Path(sys.argv[1])), sys.argv[2], sys.argv[3]))
