"""Taking back what a tool did: the tokens that undo it, and the tool `undo`.

Owns the table `undo_tokens`. Must not know how a tool takes something back. Loop; SQL on the database's threads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, PlainForm, Tool, ToolResult, Undoes
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.labels import label_columns, label_of
from openclaw_desktop.storage.database import Database, Row

# So many of the newest can be taken back.
KEPT = 200


@dataclass(frozen=True, slots=True)
class Undoable:
    """A call that can be taken back: by which tool, with which token, and what it did in words."""

    id: str
    session_id: str
    turn_id: str
    tool: str
    what: str
    token: Mapping[str, Any]
    label: Label


class UndoStore:
    """The tokens of one file."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    async def keep(self, tool: str, what: str, token: Mapping[str, Any], scene: CallScene, label: Label) -> str:
        """Keep a token and return its id; of the oldest ones beyond `KEPT` only that they were is kept."""
        undo_id = new_id("und")
        row = (
            undo_id, scene.session_id, scene.turn_id, tool, what, json.dumps(token), *label_columns(label),
            self._clock.now().isoformat(timespec="milliseconds"), None,
        )  # fmt: skip
        await self._database.write(
            lambda c: (
                c.execute("insert into undo_tokens values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row).fetchall(),
                c.execute(
                    "delete from undo_tokens where rowid <= (select max(rowid) from undo_tokens) - ?", (KEPT,)
                ).fetchall(),
            )
        )
        return undo_id

    async def find(self, session_id: str, undo_id: str = "") -> Undoable:
        """Return the call of that id, or the last one of the chat that was not taken back yet; raises UserError."""
        sql = """select id, session_id, turn_id, tool, what, token, integrity, confidentiality, origins from undo_tokens
            where session_id = ?1 and used_at is null and (?2 = '' or id = ?2) order by rowid desc limit 1"""
        rows = await self._database.rows(sql, (session_id, undo_id))
        if not rows:
            raise UserError(
                "nothing_to_undo", tr("There is nothing in this chat that I can take back."), tr("Say what to change.")
            )
        return _undoable(rows[0])

    async def use(self, undo_id: str) -> None:
        """Mark a token as used: a call is taken back once. Its content goes."""
        now = self._clock.now().isoformat(timespec="milliseconds")
        sql = "update undo_tokens set used_at = ?, token = '{}' where id = ?"
        await self._database.write(lambda c: c.execute(sql, (now, undo_id)).fetchall())


def _undoable(row: Row) -> Undoable:
    undo_id, session_id, turn_id, tool, what, token, *label = row
    return Undoable(undo_id, session_id, turn_id, tool, what, json.loads(token), label_of(*label))


class UndoTool:
    """Takes the last change of this chat back, or the one that is named."""

    spec = ToolSpec(
        name="undo",
        description="take back the last thing that was done in this chat; only when the user asks for it",
        parameters={
            "type": "object",
            "properties": {"undo_id": {"type": "string", "maxLength": 100}},
            "additionalProperties": False,
        },
        effect="local-reversible",
        timeout_s=30.0,
    )

    def __init__(self, store: UndoStore, find_tool: Callable[[str], Tool | None]) -> None:
        self._store = store
        self._find_tool = find_tool

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the id of what it takes back."""
        found = await self._store.find(scene.session_id, str(call.arguments.get("undo_id", "")))
        return ToolCall(call.id, call.name, {"undo_id": found.id})

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Take it back; the tool that did it says whether it still can."""
        found = await self._store.find(scene.session_id, call.arguments["undo_id"])
        tool = self._find_tool(found.tool)
        if not isinstance(tool, Undoes):
            raise UserError(
                "cannot_undo",
                tr("{tool} is not there any more, so that can't be taken back.", tool=visible(found.tool)),
            )
        said = await tool.undo(found.token)
        await self._store.use(found.id)
        return ToolResult(said, found.label, (Receipt("undone", tr("taken back"), call.id, found.id),))


def _no_arguments(_: re.Match[str]) -> Mapping[str, Any]:
    return {}


PLAIN: tuple[PlainForm, ...] = (
    PlainForm(
        re.compile(
            r"(?:please )?(?:undo(?: (?:that|this|it|the last (?:change|action|step)))?|take (?:that|it) back|"
            r"revert (?:that|it|the last change))(?: please)?[.!]*",
            re.IGNORECASE,
        ),
        "undo",
        _no_arguments,
    ),
)
