"""Standing permissions, kept in the one file.

Owns the table `grants` and which capabilities can be granted. Must not know tools. Loop; SQL on the database's threads.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.storage.database import Database, fetch

CAPABILITIES = ("file:read",)


@dataclass(frozen=True, slots=True)
class StoredGrant:
    """A grant with its id and the time it was given (ISO 8601)."""

    id: str
    grant: Grant
    created_at: str


class GrantStore:
    """The standing permissions of one file. `forbidden` folders can never be granted: they are the agent's own."""

    def __init__(self, database: Database, forbidden: tuple[Path, ...], clock: Clock | None = None) -> None:
        self._database = database
        self._forbidden = tuple(folder.resolve() for folder in forbidden)
        self._clock = clock or SystemClock()

    async def list(self) -> tuple[StoredGrant, ...]:
        """Return every grant, oldest first."""
        sql = "select id, capability, scope, created_at from grants order by created_at, id"
        rows = await self._database.rows(sql)
        return tuple(StoredGrant(row[0], Grant(row[1], row[2]), row[3]) for row in rows)

    async def active(self) -> frozenset[Grant]:
        """Return the grants as the gate wants them."""
        return frozenset(stored.grant for stored in await self.list())

    async def add(self, capability: str, scope: str) -> StoredGrant:
        """Keep a grant for an existing path, made canonical; raises UserError where it makes no sense."""
        if capability not in CAPABILITIES:
            raise UserError(
                "unknown_capability",
                tr("There is no capability {capability} to grant.", capability=visible(capability)),
                tr("These exist: {capabilities}.", capabilities=", ".join(CAPABILITIES)),
                ExitCode.USAGE,
            )
        path = await asyncio.to_thread(canonical_path, scope)
        self.check(path)
        now = self._clock.now().isoformat(timespec="seconds")
        row = (new_id("grt"), capability, str(path), now)
        await self._database.write(
            lambda c: c.execute("insert or ignore into grants values (?, ?, ?, ?)", row).fetchall()
        )
        return next(s for s in await self.list() if s.grant == Grant(capability, str(path)))

    def check(self, path: Path) -> None:
        """Raise UserError where `path` is one of the agent's own files: no grant opens those, not even one above."""
        if any(path.is_relative_to(own) for own in self._forbidden):
            raise UserError(
                "own_folder",
                tr("{path} belongs to the agent itself, and its tools may never touch that.", path=visible(str(path))),
                tr("Choose something outside the agent's own folders."),
                ExitCode.DENIED,
            )

    async def remove(self, grant_id: str) -> bool:
        """Take a grant back by its id or its scope; False where there is none."""
        sql = "delete from grants where id = ?1 or scope = ?1 returning id"
        return bool(await self._database.write(lambda connection: fetch(connection, sql, (grant_id,))))


def canonical_path(path: str) -> Path:
    """Return `path` absolute, with `~` and links resolved; raises UserError where nothing is there."""
    try:
        found = Path(path).expanduser().resolve(strict=True)
        str(found).encode()  # a name that is no text cannot be kept
        return found
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(
            "no_such_path",
            tr("There is nothing at {path}.", path=visible(path)),
            tr("Check the spelling, and give the whole path."),
        ) from error
