"""The inbox: calls of unattended work that wait for an answer.

Owns the table `inbox` and the states of its entries: open, running (answered yes, its effect begun), and how it ended.
Must not know tools. Loop; SQL on the database's threads.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import apsw

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.events import InboxChanged
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.labels import label_columns, label_of
from openclaw_desktop.storage.database import Database, Row, fetch

LIFE = timedelta(days=7)
# More than a person reads; what comes then is denied as if there were no inbox.
OPEN_LIMIT = 100
SHOWN = 200

EntryState = Literal["open", "running", "done", "failed", "denied", "expired", "unknown"]


@dataclass(frozen=True, slots=True)
class Parked:
    """A call that waits. `arguments`: as the model gave them; `frozen`: as it would run, None where that is not kept.

    `context`: the label of all that the model had read. `call_hash`: of the frozen call.
    """

    id: str
    session_id: str | None
    turn_id: str
    tool: str
    capability: str
    arguments: dict[str, Any]
    frozen: dict[str, Any] | None
    call_hash: str
    target: str
    preview: str
    reason: str
    folder: str | None
    context: Label
    created_at: str
    expires_at: str
    answered_at: str | None
    state: EntryState
    outcome: str

    @property
    def call(self) -> ToolCall:
        """The call as the model gave it, to be frozen anew."""
        return ToolCall(self.id, self.tool, dict(self.arguments))


_COLUMNS = (
    "id, session_id, turn_id, tool, capability, arguments, frozen, call_hash, target, preview, reason, folder, "
    "integrity, confidentiality, origins, created_at, expires_at, answered_at, state, outcome"
)


class InboxStore:
    """The entries of one file. `when_changed` is told of each change."""

    def __init__(
        self,
        database: Database,
        clock: Clock | None = None,
        when_changed: Callable[[InboxChanged], object] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock or SystemClock()
        self._when_changed = when_changed

    async def park(self, entry: Parked) -> str:
        """Keep an open entry and return its id: that of the same call of the same chat where it waits already.

        Raises UserError where too many wait.
        """

        def insert(connection: apsw.Connection) -> tuple[str, bool]:
            # A job's call belongs to no chat: each run of the job makes the same one.
            known = fetch(connection, "select 1 from conversations where id = ?", (entry.session_id,))
            session_id = entry.session_id if known else None
            same = fetch(
                connection,
                "select id from inbox where state = 'open' and call_hash = ? and session_id is ?",
                (entry.call_hash, session_id),
            )
            if same:
                return str(same[0][0]), False
            if fetch(connection, "select count(*) from inbox where state = 'open'")[0][0] >= OPEN_LIMIT:
                raise UserError(
                    "inbox_full",
                    tr("This needs your permission, and {count} calls wait for that already.", count=OPEN_LIMIT),
                    tr("Answer some of them: openclaw-agent inbox list"),
                    ExitCode.DENIED,
                )
            row = (
                entry.id, session_id, entry.turn_id, entry.tool, entry.capability,
                json.dumps(entry.arguments), json.dumps(entry.frozen), entry.call_hash, entry.target, entry.preview,
                entry.reason, entry.folder, *label_columns(entry.context), entry.created_at, entry.expires_at, None,
                "open", "",
            )  # fmt: skip
            connection.execute(f"insert into inbox ({_COLUMNS}) values ({'?, ' * 19}?)", row)
            return entry.id, True

        entry_id, added = await self._database.write(insert)
        if added:
            text = tr("A task waits for your answer: {tool}", tool=visible(entry.tool))
            await self._tell(entry_id, text, "open")
        return entry_id

    def new_entry(
        self,
        call: ToolCall,
        frozen: ToolCall | None,
        *,
        hash_: str,
        capability: str,
        target: str,
        preview: str,
        reason: str,
        session_id: str,
        turn_id: str,
        folder: str | None,
        context: Label,
    ) -> Parked:
        """Return an open entry for `call`, good for a week from now."""
        now = self._clock.now()
        return Parked(
            new_id("inb"), session_id, turn_id, call.name, capability, dict(call.arguments),
            dict(frozen.arguments) if frozen is not None else None, hash_, target, preview, reason, folder, context,
            now.isoformat(timespec="seconds"), (now + LIFE).isoformat(timespec="seconds"), None, "open", "",
        )  # fmt: skip

    async def list(self, everything: bool = False) -> tuple[Parked, ...]:
        """Return the open entries, oldest first; `everything`: those that were answered or expired, too."""
        await self.expire()
        which = "" if everything else "where state = 'open'"
        # What waits is never crowded out by what is over.
        sql = f"""select {_COLUMNS} from (select rowid as place, {_COLUMNS} from inbox {which}
            order by state = 'open' desc, rowid desc limit ?) order by place"""
        return tuple(_parked(row) for row in await self._database.rows(sql, (SHOWN,)))

    async def of_turn(self, session_id: str, turn_id: str) -> tuple[Parked, ...]:
        """Return all that a turn of a chat parked, in that order."""
        sql = f"select {_COLUMNS} from inbox where session_id = ? and turn_id = ? order by rowid"
        return tuple(_parked(row) for row in await self._database.rows(sql, (session_id, turn_id)))

    async def pending(self) -> int:
        """Return how many wait for an answer."""
        sql = "select count(*) from inbox where state = 'open' and expires_at > ?"
        return int((await self._database.rows(sql, (self._now(),)))[0][0])

    async def next_expiry_s(self) -> float | None:
        """Return the seconds until the next open entry expires, by the wall clock; None where none is open."""
        rows = await self._database.rows("select min(expires_at) from inbox where state = 'open'")
        if rows[0][0] is None:
            return None
        return (datetime.fromisoformat(str(rows[0][0])) - self._clock.now()).total_seconds()

    async def get(self, entry_id: str) -> Parked:
        """Return an entry; raises UserError where there is none of that id."""
        await self.expire()
        rows = await self._database.rows(f"select {_COLUMNS} from inbox where id = ?", (entry_id,))
        if not rows:
            raise UserError(
                "unknown_entry",
                tr("Nothing with the id {id} waits for an answer.", id=visible(entry_id)),
                tr("openclaw-agent inbox list shows what does."),
                ExitCode.USAGE,
            )
        return _parked(rows[0])

    async def begin(self, entry_id: str, call_hash: str) -> Parked:
        """Take an open entry that was answered yes; from the commit on its effect may have begun. Raises UserError.

        Only once, and only as it was shown: another hash is another call.
        """
        sql = "update inbox set state = 'running', answered_at = ? where id = ? and state = 'open' and call_hash = ?"
        entry = await self.get(entry_id)

        def take(connection: apsw.Connection) -> bool:
            connection.execute(sql, (self._now(), entry_id, call_hash))
            return bool(connection.changes())

        if not await self._database.write(take):
            raise _not_open(entry)
        return await self.get(entry_id)

    async def end(self, entry_id: str, state: EntryState, outcome: str, *, was: EntryState | None = None) -> None:
        """Keep how an entry ended; its content goes. `was`: only where it still stands so, else nothing is done."""
        sql = """update inbox set state = ?1, outcome = ?2, arguments = '{}', frozen = 'null', preview = '',
            answered_at = coalesce(answered_at, ?3) where id = ?4 and state = coalesce(?5, state)"""

        def finish(connection: apsw.Connection) -> bool:
            connection.execute(sql, (state, outcome, self._now(), entry_id, was))
            return bool(connection.changes())

        if await self._database.write(finish):
            await self._tell(entry_id, outcome, state)

    async def renew(self, entry_id: str, entry: Parked) -> None:
        """Put the call of `entry` in the place of a running one that turned out to be another by now; it is open."""
        sql = """update inbox set state = 'open', answered_at = null, frozen = ?, call_hash = ?, target = ?, preview = ?
            where id = ?"""
        row = (json.dumps(entry.frozen), entry.call_hash, entry.target, entry.preview, entry_id)
        await self._database.write(lambda c: c.execute(sql, row).fetchall())
        await self._tell(entry_id, tr("It changed meanwhile: look at it again."), "open")

    async def deny(self, entry_id: str) -> None:
        """End an open entry with a no; raises UserError where it is not open."""
        entry = await self.get(entry_id)
        if entry.state != "open":
            raise _not_open(entry)
        await self.end(entry_id, "denied", tr("You said no."))

    async def expire(self) -> None:
        """End what has waited too long."""
        now = self._now()
        rows = await self._database.rows("select id from inbox where state = 'open' and expires_at <= ?", (now,))
        for (entry_id,) in rows:
            # An answer that was just in time goes before.
            await self.end(str(entry_id), "expired", tr("Nobody answered in time, so it was not done."), was="open")

    async def settle(self) -> tuple[Parked, ...]:
        """End entries whose effect had begun when the agent ended: nobody knows how far it came. Return these."""
        rows = await self._database.rows(f"select {_COLUMNS} from inbox where state = 'running'")
        for row in rows:
            text = tr("The agent ended while this ran. Check whether it was done; it is not repeated by itself.")
            await self.end(str(row[0]), "unknown", text)
        return tuple(_parked(row) for row in rows)

    def _now(self) -> str:
        return self._clock.now().isoformat(timespec="seconds")

    async def _tell(self, entry_id: str, text: str, state: str) -> None:
        if self._when_changed is not None:
            self._when_changed(InboxChanged(await self.pending(), entry_id, text, state))


def _not_open(entry: Parked) -> UserError:
    if entry.state == "open":
        return UserError(
            "call_changed",
            tr("This is not the call that was shown: nothing was done."),
            tr("Look at it again: openclaw-agent inbox list"),
            ExitCode.DENIED,
        )
    return UserError(
        "already_answered",
        tr("This no longer waits for an answer ({state}).", state=entry.state),
        entry.outcome,
        ExitCode.DENIED if entry.state in ("denied", "expired") else ExitCode.FAILED,
    )


def _parked(row: Row) -> Parked:
    session_id, turn_id, tool, capability, arguments, frozen = row[1:7]
    return Parked(
        row[0], session_id, turn_id, tool, capability, json.loads(arguments), json.loads(frozen),
        call_hash=row[7], target=row[8], preview=row[9], reason=row[10], folder=row[11],
        context=label_of(*row[12:15]), created_at=row[15], expires_at=row[16], answered_at=row[17], state=row[18],
        outcome=row[19],
    )  # fmt: skip
