"""Standing permissions, kept in the one file.

Owns the table `grants` and what makes a scope sound. Must not know tools. Loop; SQL on the database's threads, and
paths are looked at in threads.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.broker.hosts import clean_scope
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.security.programs import is_runner
from openclaw_desktop.security.scopes import ALL, CAPABILITIES, FILES, HOSTS, WHOLE
from openclaw_desktop.storage.database import Database, fetch

NAME_CHARS = 200
_MCP = re.compile(r"[\w.-]{1,100}/(?:[\w.-]{1,100}|\*)")
# Folders whose texts others wrote, whatever the user thinks of them.
_OTHERS = frozenset(
    (
        "downloads", "download", ".thunderbird", ".mail", "mail", "maildir", ".maildir", ".evolution", ".cache",
        "trash", ".trash", "node_modules",
    )
)  # fmt: skip


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
        """Keep a grant with its scope in canonical form; raises UserError where it makes no sense or never stands."""
        scope = await self.clean(capability, scope)
        now = self._clock.now().isoformat(timespec="seconds")
        row = (new_id("grt"), capability, scope, now)
        await self._database.write(
            lambda c: c.execute("insert or ignore into grants values (?, ?, ?, ?)", row).fetchall()
        )
        return next(s for s in await self.list() if s.grant == Grant(capability, scope))

    async def clean(self, capability: str, scope: str) -> str:
        """Return the scope of a grant in canonical form; raises UserError where it makes no sense or never stands."""
        if capability not in CAPABILITIES:
            raise UserError(
                "unknown_capability",
                tr("There is no capability {capability} to grant.", capability=visible(capability)),
                tr("These exist: {capabilities}.", capabilities=", ".join(CAPABILITIES)),
                ExitCode.USAGE,
            )
        return await asyncio.to_thread(self._clean, capability, scope)

    def _clean(self, capability: str, scope: str) -> str:
        if capability in FILES:
            path = canonical_path(scope)
            self.check(path)
            if capability == "file:own" and (problem := _whose(path)):
                raise _refused(scope, problem)
            return str(path)
        if capability in HOSTS:
            return clean_scope(scope)
        if capability == "process:run":
            return _clean_command(scope)
        if capability in WHOLE:
            if scope.strip() != ALL:
                raise _refused(scope, tr("There is only one thing to allow here: give * as the scope."))
            return ALL
        name = scope.strip()
        if capability == "mcp:call":
            if not _MCP.fullmatch(name):
                raise _refused(scope, tr("Give SERVER/TOOL, or SERVER/* for all tools of a server."))
            return name
        if not name or name == ALL or not name.isprintable() or len(name) > NAME_CHARS:
            raise _refused(scope, tr("Give the one name that is allowed, as it is shown in the question."))
        return name

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


def _clean_command(scope: str) -> str:
    """Return a command as a grant's scope: its program as the real path, then its words; raises UserError (R8)."""
    try:
        words = shlex.split(scope)
    except ValueError:
        words = []
    if not words or words[0] == ALL or ALL in words[:-1] or not scope.isprintable():
        raise _refused(scope, tr("Give one command with its words; a * at its end allows more words, not options."))
    found = shutil.which(words[0])
    if found is None:
        raise _refused(scope, tr("There is no program {program}.", program=visible(words[0])))
    program = Path(found).resolve()
    if is_runner(words[0]) or is_runner(found) or is_runner(str(program)) or _is_script(program):
        reason = tr("{program} can run any other program, so it is asked about each time.", program=visible(words[0]))
        raise _refused(scope, reason)
    if any(program.is_relative_to(place) for place in (Path.home().resolve(), Path(tempfile.gettempdir()).resolve())):
        raise _refused(scope, tr("{program} lies where its file can be changed.", program=visible(str(program))))
    if words[-1] != ALL:
        return shlex.join([str(program), *words[1:]])
    return shlex.join([str(program), *words[1:-1]]) + " *"


def _is_script(program: Path) -> bool:
    try:
        with program.open("rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return True


def _whose(path: Path) -> str:
    """Return why what lies in a folder cannot be taken for the user's own words, "" where it can."""
    if not path.is_dir():
        return tr("Give a folder.")
    temporary = Path(tempfile.gettempdir()).resolve()
    inside = {part.casefold() for part in path.parts}
    if inside & _OTHERS or path.is_relative_to(temporary) or path == Path(path.anchor):
        return tr("Others' texts land there, so what it holds is never taken for your own words.")
    if path == Path.home().resolve():
        return tr("Downloads and mail lie in it. Choose the folder that you write in.")
    for folder in (path, *path.parents):
        try:
            if "[remote " in (folder / ".git" / "config").read_text(encoding="utf-8", errors="replace"):
                return tr("It is a copy of a repository that others write to.")
        except OSError:
            continue
    return ""


def _refused(scope: str, reason: str) -> UserError:
    return UserError(
        "bad_scope", tr("{scope} cannot be granted for good.", scope=visible(scope)), reason, ExitCode.USAGE
    )
