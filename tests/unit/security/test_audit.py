"""The audit log: appended to alone, and whatever was changed in it is found."""

from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from openclaw_desktop.core.labels import USER
from openclaw_desktop.security.audit import AuditEntry, AuditEvent, AuditLog
from openclaw_desktop.storage.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "a.db")
    yield database
    await database.close()


def entry(ref: str, event: AuditEvent, value: str, target: str = "") -> AuditEntry:
    return AuditEntry(ref, "turn", "write_file", event, value, "", USER, "file:write", "hash" if target else "", target)


async def filled(database: Database) -> AuditLog:
    log = AuditLog(database)
    log.note_sandbox("L3")
    await log.record(entry("a", "decision", "ask", "/home/me/canary"), entry("a", "answer", "once"))
    await log.record(entry("a", "outcome", "done"))
    return log


async def test_every_row_is_bound_to_the_one_before(database: Database) -> None:
    log = await filled(database)
    assert await log.verify() == type(await log.verify())(3)
    rows = await log.last()
    assert [(row.event, row.value, row.sandbox) for row in rows] == [
        ("decision", "ask", "L3"), ("answer", "once", "L3"), ("outcome", "done", "L3"),
    ]  # fmt: skip
    assert rows[0].target == "/home/me/canary"


async def change(database: Database, *statements: str) -> None:
    def run(connection: apsw.Connection) -> None:
        for statement in statements:
            connection.execute(statement)

    await database.write(run)


@pytest.mark.parametrize("statement", ["update audit_log set value = 'no'", "delete from audit_log where id = 2"])
async def test_nothing_of_it_can_be_changed(database: Database, statement: str) -> None:
    await filled(database)
    with pytest.raises(apsw.ConstraintError):
        await change(database, statement)


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("update audit_log set value = 'refuse' where id = 1", 1),
        ("update audit_log set sandbox = 'L0' where id = 2", 2),
        ("delete from audit_log where id = 2", 2),
        ("delete from audit_log where id = 3", 3),
    ],
)
async def test_who_goes_around_that_is_found_out(database: Database, statement: str, broken: int) -> None:
    log = await filled(database)
    await change(
        database,
        "delete from audit_targets",
        "drop trigger audit_log_unchanged",
        "drop trigger audit_log_kept",
        statement,
    )
    assert (await log.verify()).broken == broken


async def test_its_content_can_be_erased_and_the_chain_still_holds(database: Database) -> None:
    log = await filled(database)
    await change(database, "delete from audit_targets")
    assert (await log.verify()).broken is None
    assert (await log.last())[0].target == ""
    await database.checkpoint()
    assert b"/home/me/canary" not in database.path.read_bytes()


async def test_what_a_crash_cut_short_is_unknown_and_said_once(database: Database) -> None:
    log = await filled(database)
    await log.record(entry("b", "decision", "allow"), entry("b", "outcome", "started"))
    assert [row.call_ref for row in await log.settle()] == ["b"]
    assert await log.settle() == ()
    assert (await log.last())[-1].value == "unknown"
    assert (await log.verify()).broken is None
