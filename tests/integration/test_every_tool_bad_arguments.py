"""Every built-in tool, called with arguments that make no sense: a clear sentence each time, and no crash."""

import os
import random
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from counts import count
from hostile_repository import git

from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, Connection, WebRequest, WebResponse
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.storage.database import Database
from openclaw_desktop.tools.accounts import Account, AccountBook, Server
from openclaw_desktop.tools.arguments import find_problem
from openclaw_desktop.tools.built_in import Surroundings, make_built_in
from openclaw_desktop.tools.calendar.provider import CalendarProvider, CalendarRoom
from openclaw_desktop.tools.execution import Executor
from openclaw_desktop.tools.mail.provider import make_mail
from openclaw_desktop.tools.parsers import ParserHost
from openclaw_desktop.tools.web import FetchPageTool
from openclaw_desktop.tools.web_search import SearchChoice, WebSearchTool
from openclaw_desktop.workers.tool_host import ToolHost

ODD: tuple[Any, ...] = (
    "", " ", "\0", "a\u202eb", "../../etc/passwd", "/", "~", "~nobody/x", "-rf", "x" * 5000, "ü\n\t", "\ud800",
    "https://", "{}", "9**9**9", "tomorrow", None, True, 0, -1, 10**30, 1e308, float("inf"), float("nan"), [],
    ["a", 1], [[]], {}, {"a": {}},
)  # fmt: skip


async def offline(request: WebRequest, hosts: Any) -> WebResponse:
    raise UserError("no_network", "There is no network.")


async def no_dial(host: str, port: int, **more: Any) -> Connection:
    raise UserError("no_network", "There is no network.")


@pytest.fixture
async def execute(tmp_path: Path) -> AsyncIterator[Executor]:
    folder = Path(os.path.realpath(tmp_path)) / "files"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    database = await Database.open(tmp_path / "openclaw.db")
    grants = GrantStore(database, ())
    for capability in ("file:read", "file:write"):
        await grants.add(capability, str(folder))
    jail, parsers = ToolHost(), ParserHost()
    around = Surroundings(
        folder, (), tmp_path / "share", {}, "0", SystemClock(), lambda: "UTC", lambda words: None, (folder, folder),
        tmp_path / "pictures",
    )  # fmt: skip
    git(folder, "init", "-q", ".")
    (folder / "b.ics").write_text("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART:20261201T100000Z\nSUMMARY:a.txt\n")
    book = AccountBook(tmp_path / "accounts.toml")
    book.put(Account("home", "calendar", "", "", path=str(folder / "b.ics")))
    imap = Server("imap.example.com", 993, True)
    book.put(Account("work", "mail", "me", "secret:work", "me@example.com", imap, imap, "secret:work"))
    times = CalendarRoom(folder, tmp_path / "share", SystemClock(), lambda: "UTC", lambda words: None)
    calendars = CalendarProvider(book, database, grants, jail, parsers, offline, times)
    tools = (
        *make_built_in(database, grants, jail, parsers, around),
        FetchPageTool(offline, parsers, grants),
        WebSearchTool(offline, lambda: SearchChoice("", "", "")),
        *calendars.tools(),
        *make_mail(book, no_dial, parsers, jail, database, grants, (folder, tmp_path / "share")).tools(),
    )
    yield Executor(tools, grants, find_problem)
    await parsers.stop()
    await jail.stop()
    await database.close()


def arguments_for(spec: ToolSpec, rng: random.Random) -> dict[str, Any]:
    """Return arguments of which some fit the schema and some do not."""
    properties: Mapping[str, Any] = spec.parameters.get("properties", {})
    given: dict[str, Any] = {}
    for name, schema in properties.items():
        if rng.random() < 0.8:
            given[name] = rng.choice(schema["enum"]) if "enum" in schema and rng.random() < 0.8 else _value(schema, rng)
    if rng.random() < 0.1:
        given["unknown"] = rng.choice(ODD)
    return given


def _value(schema: Mapping[str, Any], rng: random.Random) -> Any:
    match schema.get("type") if rng.random() < 0.8 else None:
        case "string":
            return rng.choice([value for value in ODD if isinstance(value, str)] + ["a.txt", "b.txt", "2026-02-30"])
        case "integer":
            return rng.choice([0, -1, 1, 10**30, 7])
        case "number":
            return rng.choice([0.5, -1.0, 1e308, float("inf")])
        case "array":
            return rng.sample(["a", "", "-x", "\0", "/bin/true", "sh"], rng.randint(0, 4))
        case "boolean":
            return rng.random() < 0.5
        case _:
            return rng.choice(ODD)


async def test_no_arguments_break_a_tool(execute: Executor) -> None:
    scene = CallScene("ses", "turn", USER, result_tokens=500)
    rng = random.Random(20261129)
    for spec in execute.specs():
        for number in range(count("calls of each tool with odd arguments", 150)):
            given = arguments_for(spec, rng)
            outcome, _ = await execute(ToolCall(f"c{number}", spec.name, given), scene, None)
            assert outcome.status in ("done", "failed", "denied", "parked"), (spec.name, given)
            if outcome.status != "done":
                assert outcome.error, (spec.name, given)
                assert "error of its own" not in outcome.error, (spec.name, given)
                assert "Traceback" not in outcome.error, (spec.name, given)
