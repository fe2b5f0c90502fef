"""The audit log: every decision about a call, every answer and every outcome, in a chain that shows each change.

Owns the tables `audit_log`, `audit_targets` and `audit_head`. No word of a call's content is in the chain, which can't
be erased: seals of it alone, whose salt and readable target lie beside it and can. Loop; SQL on the database's threads.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import apsw

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.text import tr
from openclaw_desktop.storage.database import Database, Row, fetch

SALT_BYTES = 16
NO_ROW = "0" * 64
SHOWN = 50
# Of so many rows it is counted what was used: some months of daily use.
COUNTED_ROWS = 5_000
AuditEvent = Literal["decision", "answer", "outcome"]
_COLUMNS = (
    "id, at, call_ref, turn_id, tool, capability, event, value, reason, integrity, confidentiality, sandbox, "
    "call_seal, target_seal, previous"
)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is to be kept. `call_ref` binds the rows of one call; `value`: the decision, the choice or the end.

    `target`: what it was about, in words; "" where that would be content of the agent's own data.
    """

    call_ref: str
    turn_id: str
    tool: str
    event: AuditEvent
    value: str
    reason: str
    context: Label
    capability: str = ""
    call_hash: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of the log; `target` is "" once it was erased, and where there is none."""

    id: int
    at: str
    call_ref: str
    turn_id: str
    tool: str
    capability: str
    event: str
    value: str
    reason: str
    integrity: str
    confidentiality: str
    sandbox: str
    target: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """Whether the chain holds. `broken`: the id of the first row that is not as it was written, None where all are."""

    rows: int
    broken: int | None = None
    problem: str = ""


class AuditLog:
    """The log of one file. `sandbox`: the level that the jail proved, for each row."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()
        self.sandbox = ""

    def note_sandbox(self, level: str) -> None:
        """Note the level that the jail proved, such as "L3", for the rows that follow."""
        self.sandbox = level

    async def record(self, *entries: AuditEntry) -> None:
        """Append rows, all in one transaction; returns after the commit."""
        at = self._clock.now().isoformat(timespec="milliseconds")
        await self._database.write(lambda connection: _append(connection, entries, at, self.sandbox))

    async def last(self, count: int = SHOWN) -> tuple[AuditRow, ...]:
        """Return the last `count` rows, oldest first."""
        sql = """select l.id, l.at, l.call_ref, l.turn_id, l.tool, l.capability, l.event, l.value, l.reason,
            l.integrity, l.confidentiality, l.sandbox, coalesce(t.target, ''), l.hash
            from audit_log l left join audit_targets t on t.audit_id = l.id order by l.id desc limit ?"""
        return tuple(AuditRow(*row) for row in reversed(await self._database.rows(sql, (count,))))

    async def uses(self) -> dict[str, int]:
        """Return how often each tool was used, by the newest rows."""
        sql = """select tool, count(*) from audit_log where id > (select coalesce(max(id), 0) - ? from audit_log)
            and event = 'outcome' and value = 'done' group by tool"""
        return {str(tool): int(count) for tool, count in await self._database.rows(sql, (COUNTED_ROWS,))}

    async def verify(self) -> AuditCheck:
        """Go through the whole chain and say where it first breaks."""
        rows = await self._database.rows(f"select {_COLUMNS}, hash from audit_log order by id")
        head = await self._database.rows("select audit_id, hash from audit_head")
        return check_chain(rows, head[0] if head else None)

    async def unfinished(self) -> tuple[AuditRow, ...]:
        """Return the calls that were let run and never came to an end: a crash came between."""
        sql = """select l.id, l.at, l.call_ref, l.turn_id, l.tool, l.capability, l.event, l.value, l.reason,
            l.integrity, l.confidentiality, l.sandbox, coalesce(t.target, ''), l.hash
            from audit_log l left join audit_targets t on t.audit_id = l.id
            where l.event = 'outcome' and l.value = 'started'
            and not exists (select 1 from audit_log o where o.call_ref = l.call_ref and o.id > l.id) order by l.id"""
        return tuple(AuditRow(*row) for row in await self._database.rows(sql))

    async def settle(self) -> tuple[AuditRow, ...]:
        """Note of each call that a crash cut short that its end is unknown, and return these; before the first call."""
        cut = await self.unfinished()
        if cut:
            await self.record(
                *(
                    AuditEntry(
                        row.call_ref, row.turn_id, row.tool, "outcome", "unknown", "the agent ended while it ran",
                        Label(row.integrity, row.confidentiality), row.capability,  # type: ignore[arg-type]
                    )
                    for row in cut
                )
            )  # fmt: skip
        return cut


def _append(connection: apsw.Connection, entries: Sequence[AuditEntry], at: str, sandbox: str) -> None:
    last = fetch(connection, "select audit_id, hash from audit_head")
    number, previous = last[0] if last else (0, NO_ROW)
    for entry in entries:
        number += 1
        salt = secrets.token_bytes(SALT_BYTES)
        label = entry.context
        row = (
            number, at, entry.call_ref, entry.turn_id, entry.tool, entry.capability, entry.event, entry.value,
            entry.reason, label.integrity, label.confidentiality, sandbox, _seal(salt, entry.call_hash),
            _seal(salt, entry.target), previous,
        )  # fmt: skip
        previous = row_hash(row)
        connection.execute(f"insert into audit_log ({_COLUMNS}, hash) values ({'?, ' * 15}?)", (*row, previous))
        if entry.call_hash or entry.target:
            connection.execute("insert into audit_targets values (?, ?, ?)", (number, salt, entry.target))
    connection.execute("insert or replace into audit_head values (1, ?, ?)", (number, previous))


def _seal(salt: bytes, text: str) -> str:
    return hashlib.sha256(salt + text.encode("utf-8", "backslashreplace")).hexdigest() if text else ""


def row_hash(row: Sequence[object]) -> str:
    """Return the hash of a row: of all its columns, the hash of the row before among them."""
    return hashlib.sha256(json.dumps(list(row), ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


def check_chain(rows: Sequence[Row], head: Row | None) -> AuditCheck:
    """Return where the chain of `rows` (their columns, then their hash) first breaks; `head`: the last id and hash."""
    previous = NO_ROW
    for number, row in enumerate(rows, start=1):
        *columns, kept = row
        if columns[0] != number:
            return AuditCheck(len(rows), number, tr("Row {number} is missing.", number=number))
        if columns[-1] != previous or row_hash(columns) != kept:
            return AuditCheck(len(rows), number, tr("Row {number} is not as it was written.", number=number))
        previous = kept
    if head is not None and head != (len(rows), previous):
        missing = len(rows) + 1
        return AuditCheck(len(rows), missing, tr("Row {number} is missing.", number=missing))
    if head is None and rows:
        return AuditCheck(len(rows), len(rows), tr("The end of the log is not marked."))
    return AuditCheck(len(rows))
