"""Sessions: what was said, and the scratch that a session's tools left.

Owns the tables `conversations`, `messages`, `session_summaries` and `working_memory`. Must not know prompts or models.
Loop; SQL runs on the database's threads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import apsw

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import Label
from openclaw_desktop.memory.erasures import end_erasure, mark_erasure
from openclaw_desktop.security.labels import label_columns, label_of
from openclaw_desktop.storage.database import Database, Row, fetch

SCRATCH_LIFE = timedelta(hours=24)
# So much of it a chat keeps, its newest: more turns than the history of any prompt.
SCRATCH_ENTRIES, SCRATCH_CHARS = 400, 1_000_000
# Among so many of the newest messages lies whatever a kill left without a memory.
UNREMEMBERED = 200
# The scratch that holds a question as the model read it, memories and all; the keys of all other scratch are calls.
QUESTION_KEY = "question"
# How the ids of turns begin that came of a parked call, before its entry's: its end is told, and its turn goes on.
AFTER_PARKED = ("turn_told_", "turn_then_")
# How the id of a job's turn begins, before its run's: nobody typed its words then.
JOB_TURN = "turn_job_"


@dataclass(frozen=True, slots=True)
class SpokenMessage:
    """One message as stored. `receipts` are the texts of what code proved was done."""

    turn_id: str
    role: Literal["user", "assistant"]
    text: str
    label: Label
    model: str | None = None
    receipts: tuple[str, ...] = ()
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class Scratch:
    """One working-memory entry: what a tool returned in a turn, for the questions that follow."""

    turn_id: str
    key: str
    value: str
    label: Label


class SessionStore:
    """The sessions of one file."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    async def begin(self) -> str:
        """Create a session and return its id."""
        session_id = new_id("ses")
        now = self._now()
        sql = "insert into conversations (id, created_at, updated_at) values (?, ?, ?)"
        await self._database.write(lambda c: c.execute(sql, (session_id, now, now)).fetchall())
        return session_id

    async def exists(self, session_id: str) -> bool:
        """True where the session is known."""
        sql = "select 1 from conversations where id = ?"
        return bool(await self._database.rows(sql, (session_id,)))

    async def has_turn(self, turn_id: str) -> bool:
        """True where a message of the turn is kept."""
        return bool(await self._database.rows("select 1 from messages where turn_id = ? limit 1", (turn_id,)))

    async def latest(self) -> str | None:
        """Return the session last spoken in, unless that is so long ago that it is archived; what jobs say is apart."""
        # By what was said last: a clock that was wrong dated another one later.
        sql = """select c.id from messages m join conversations c on c.id = m.conversation_id
            where c.archived_at is null and substr(m.turn_id, 1, ?) <> ? order by m.id desc limit 1"""
        rows = await self._database.rows(sql, (len(JOB_TURN), JOB_TURN))
        return str(rows[0][0]) if rows else None

    async def add_message(self, session_id: str, message: SpokenMessage) -> None:
        """Append a message; returns after the commit."""
        now = self._now()

        def insert(connection: apsw.Connection) -> None:
            connection.execute(
                """insert into messages (conversation_id, turn_id, role, text, model, receipts, integrity,
                confidentiality, origins, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                (session_id, message.turn_id, message.role, message.text, message.model,
                 json.dumps(message.receipts), *label_columns(message.label), now),
            )  # fmt: skip
            sql = "update conversations set updated_at = ?, archived_at = null where id = ?"
            connection.execute(sql, (now, session_id))

        await self._database.write(insert)

    async def redact(self, turn_id: str, text: str) -> None:
        """Put `text` in the place of what the user said in a turn, and leave no byte of that."""

        def redact(connection: apsw.Connection) -> int | None:
            sql = "update messages set text = ?1 where turn_id = ?2 and role = 'user' and text <> ?1"
            connection.execute(sql, (text, turn_id))
            return mark_erasure(connection) if connection.changes() else None

        if (mark := await self._database.write(redact)) is not None:
            await self._database.erase_traces()
            await end_erasure(self._database, mark)

    async def messages(self, session_id: str, limit: int = 200, folded: bool = True) -> tuple[SpokenMessage, ...]:
        """Return the last `limit` messages of a session, oldest first; `folded`: those that were folded too."""
        unfolded = "" if folded else "and id not in (select message_id from session_summaries)"
        sql = f"""select {_SPOKEN} from messages where conversation_id = ? {unfolded} order by id desc limit ?"""
        rows = await self._database.rows(sql, (session_id, limit))
        return tuple(_spoken(row) for row in reversed(rows))

    async def unremembered(self, turn_id: str | None = None) -> tuple[tuple[str, SpokenMessage], ...]:
        """Return messages of the user that no turn in memory was made of, oldest first, each with its session.

        Those of one turn, or of what was said last: a kill or a failure came before the answer.
        """
        of_turn = "and turn_id = ?1" if turn_id is not None else ""  # told apart, so that its index is used
        sql = f"""select conversation_id, {_SPOKEN} from (select * from messages
                where role = 'user' {of_turn} order by id desc limit ?2) m
            where not exists (select 1 from memories
                where turn_id = m.turn_id and kind = 'turn' and speaker = 'user') order by id"""
        rows = await self._database.rows(sql, (turn_id, UNREMEMBERED))
        return tuple((str(session_id), _spoken(tuple(row))) for session_id, *row in rows)

    async def folded(self, session_id: str) -> tuple[SpokenMessage, ...]:
        """Return the folded messages of a session, oldest first, each with what is left of its text."""
        sql = f"""select {_SPOKEN.replace("text", "session_summaries.text", 1)} from messages
            join session_summaries on message_id = messages.id where conversation_id = ? order by messages.id"""
        return tuple(_spoken(row) for row in await self._database.rows(sql, (session_id,)))

    async def fold(self, session_id: str, left: Sequence[SpokenMessage], lightened: Sequence[str] = ()) -> None:
        """Keep what is left of some messages: from now on they are folded. The messages themselves stay.

        `lightened`: turns whose question is no longer kept with the memories that a model read with it.
        """
        rows = [(message.text, session_id, message.turn_id, message.role) for message in left]
        sql = """insert or replace into session_summaries select id, ? from messages
            where conversation_id = ? and turn_id = ? and role = ?"""
        scratch = "delete from working_memory where conversation_id = ? and turn_id = ?"

        def fold(connection: apsw.Connection) -> None:
            connection.executemany(sql, rows)
            # No prompt holds these turns whole any more, and their scratch serves nothing else.
            connection.executemany(scratch, [(session_id, message.turn_id) for message in left])
            asked = [(session_id, turn_id, QUESTION_KEY) for turn_id in lightened]
            connection.executemany(f"{scratch} and key = ?", asked)

        await self._database.write(fold)

    async def add_scratch(self, session_id: str, entries: Sequence[Scratch]) -> None:
        """Keep what tools returned until it expires; what has expired goes, and the oldest of too much."""
        now = self._clock.now()
        expires_at = (now + SCRATCH_LIFE).isoformat(timespec="seconds")
        rows = [
            (
                session_id,
                e.turn_id,
                e.key,
                e.value,
                *label_columns(e.label),
                now.isoformat(timespec="seconds"),
                expires_at,
            )
            for e in entries
        ]

        def insert(connection: apsw.Connection) -> None:
            connection.execute("delete from working_memory where expires_at <= ?", (now.isoformat(timespec="seconds"),))
            connection.executemany(
                """insert or replace into working_memory (conversation_id, turn_id, key, value, integrity,
                confidentiality, origins, created_at, expires_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                rows,
            )
            connection.execute(_TOO_MUCH, (session_id, SCRATCH_ENTRIES, SCRATCH_CHARS))

        await self._database.write(insert)

    async def scratch(self, session_id: str) -> tuple[Scratch, ...]:
        """Return the session's live scratch, oldest first, and count the access."""
        now = self._clock.now().isoformat(timespec="seconds")

        def count_and_fetch(connection: apsw.Connection) -> list[Row]:
            live = (session_id, now)
            connection.execute(
                """update working_memory set access_count = access_count + 1
                where conversation_id = ? and expires_at > ?""",
                live,
            )
            return fetch(
                connection,
                """select turn_id, key, value, integrity, confidentiality, origins from working_memory
                where conversation_id = ? and expires_at > ? order by rowid""",
                live,
            )

        rows = await self._database.write(count_and_fetch)
        return tuple(Scratch(t, k, v, label_of(i, c, o)) for t, k, v, i, c, o in rows)

    async def drop_scratch(self) -> None:
        """Drop all scratch: room is short, and a chat goes on without it from what was said."""
        await self._database.write(lambda c: c.execute("delete from working_memory").fetchall())

    def _now(self) -> str:
        return self._clock.now().isoformat(timespec="milliseconds")


_TOO_MUCH = """delete from working_memory where rowid in (select rowid from (
    select rowid, row_number() over newest as place, sum(length(value)) over newest as chars
    from working_memory where conversation_id = ? window newest as (order by rowid desc))
    where place > ? or (place > 1 and chars > ?))"""
_SPOKEN = "turn_id, role, text, model, receipts, integrity, confidentiality, origins, created_at"


def _spoken(row: Row) -> SpokenMessage:
    turn_id, role, text, model, receipts, integrity, confidentiality, origins, created_at = row
    label = label_of(integrity, confidentiality, origins)
    return SpokenMessage(turn_id, role, text, label, model, tuple(json.loads(receipts)), created_at)
