"""To-dos: what is to be done, on which list, until when.

Owns the table `todos` and its tool. The words of a due time are read by whoever `runtime` hands over. Must not know
schedules: nothing here rings. Loop; SQL on the database's threads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, PlainForm, ToolResult
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.security.labels import label_columns, label_of
from openclaw_desktop.storage.database import Database
from openclaw_desktop.tools.personal.rows import LABEL_COLUMNS, find_meant, lines

Join = Callable[[Iterable[Label]], Label]
# The moment (aware) that words such as "Friday at 5" mean; None where they mean none.
ReadTime = Callable[[str], datetime | None]

_TEXT = {"type": "string", "minLength": 1, "maxLength": 500}
_LIST = {"type": "string", "minLength": 1, "maxLength": 60}


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing to do. `list`: "" for the one of every day. Times: ISO 8601, None where there is none."""

    id: str
    text: str
    list: str
    due_at: str | None
    done_at: str | None
    created_at: str
    label: Label


class TodoStore:
    """The to-dos of one file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, named: str | None = None, done: bool = False) -> tuple[Todo, ...]:
        """Return what is still to do, or what is done, of the list `named`, None for all: the soonest due first."""
        state = "done_at is not null" if done else "done_at is null"
        only = "" if named is None else " and list = ?"
        sql = (
            f"select id, text, list, due_at, done_at, created_at, {LABEL_COLUMNS} from todos where {state}{only}"
            " order by due_at is null, unixepoch(due_at), created_at, rowid"
        )
        rows = await self._database.rows(sql, () if named is None else (named,))
        return tuple(Todo(row[0], row[1], row[2], row[3], row[4], row[5], label_of(*row[6:9])) for row in rows)

    async def put(self, todo: Todo) -> None:
        """Keep a to-do, in place of what had its id."""
        sql = (
            "insert or replace into todos (id, text, list, due_at, done_at, created_at, integrity, confidentiality,"
            " origins) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        values = (todo.id, todo.text, todo.list, todo.due_at, todo.done_at, todo.created_at, *label_columns(todo.label))
        await self._database.write(lambda connection: connection.execute(sql, values).fetchall())

    async def remove(self, todo_id: str) -> None:
        """Remove a to-do."""
        sql = "delete from todos where id = ?"
        await self._database.write(lambda connection: connection.execute(sql, (todo_id,)).fetchall())


class TodosTool:
    """Keeps what is to be done."""

    spec = ToolSpec(
        "todos",
        "the user's to-dos and shopping lists: add one (with a due time in words), list, mark done or not, remove",
        {
            "type": "object",
            "properties": {
                "action": {"enum": ["add", "list", "done", "reopen", "remove"]},
                "text": _TEXT,
                "list": _LIST,
                "due": {"type": "string", "minLength": 1, "maxLength": 100},
            },
            "required": ["action"],
            "additionalProperties": False,
        },
        "local-reversible",
        undoable=True,
    )

    def __init__(self, store: TodoStore, clock: Clock, read_time: ReadTime, join: Join) -> None:
        self._store = store
        self._clock = clock
        self._read_time = read_time
        self._join = join

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call: it has no authority arguments."""
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Do what the action says; `text` names a to-do by its words."""
        asked = call.arguments
        named = str(asked.get("list", "")).strip().lower()
        now = self._clock.now()
        if asked["action"] == "list":
            return self._listed(call, await self._store.list(named or None), now)
        if not (text := str(asked.get("text", "")).strip()):
            raise UserError("nothing_given", tr("Say what is to be done."))
        if asked["action"] == "add":
            due = self._due(asked.get("due"))
            todo = Todo(new_id("todo"), text, named, due, None, now.isoformat(timespec="seconds"), scene.context)
            await self._store.put(todo)
            receipt = Receipt("todo.added", tr("put on the list"), call.id, todo.id)
            return ToolResult(
                tr("Added: {todo}", todo=_told(todo, now)), scene.context, (receipt,), {"id": todo.id, "due_at": due},
                undo={"added": todo.id},
            )  # fmt: skip
        before = find_meant(
            await self._store.list(named or None, done=asked["action"] == "reopen"), text, lambda todo: todo.text
        )
        told = _told(before, now)
        match asked["action"]:
            case "done":
                await self._store.put(replace(before, done_at=now.isoformat(timespec="seconds")))
                text, receipt = (
                    tr("Done: {todo}", todo=told),
                    Receipt("todo.done", tr("marked as done"), call.id, before.id),
                )
            case "reopen":
                await self._store.put(replace(before, done_at=None))
                text, receipt = (
                    tr("To do again: {todo}", todo=told),
                    Receipt("todo.reopened", tr("reopened"), call.id, before.id),
                )
            case _:
                await self._store.remove(before.id)
                text, receipt = (
                    tr("Removed: {todo}", todo=told),
                    Receipt("todo.removed", tr("removed"), call.id, before.id),
                )
        return ToolResult(text, before.label, (receipt,), {"id": before.id}, undo=_kept(before))

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Take a change back."""
        if "added" in token:
            await self._store.remove(str(token["added"]))
            return tr("It is off the list again.")
        label = label_of(token["integrity"], token["confidentiality"], token["origins"])
        await self._store.put(
            Todo(
                token["id"], token["text"], token["list"], token["due_at"], token["done_at"], token["created_at"], label
            )
        )
        return tr("The list is as it was.")

    def _listed(self, call: ToolCall, todos: tuple[Todo, ...], now: datetime) -> ToolResult:
        text = lines((f"- {_told(todo, now)}" for todo in todos), tr("There is nothing to do."))
        data = [
            {"id": todo.id, "text": todo.text, "list": todo.list, "due_at": todo.due_at, "overdue": _overdue(todo, now)}
            for todo in todos
        ]
        receipt = Receipt("todos.listed", tr("looked at the list"), call.id)
        return ToolResult(text, self._join(todo.label for todo in todos), (receipt,), data)

    def _due(self, words: Any) -> str | None:
        if words is None:
            return None
        moment = self._read_time(str(words))
        if moment is None:
            raise UserError(
                "unclear_time",
                tr("“{words}” is no time that is understood, so nothing was added.", words=visible(str(words))),
                tr("Say it as “tomorrow at 9” or “14 March”."),
            )
        return moment.isoformat(timespec="minutes")


def _overdue(todo: Todo, now: datetime) -> bool:
    return todo.due_at is not None and datetime.fromisoformat(todo.due_at) < now


def _told(todo: Todo, now: datetime) -> str:
    parts = []
    if todo.list:
        parts.append(tr("{name} list", name=todo.list))
    if todo.due_at:
        when = f"{datetime.fromisoformat(todo.due_at):%Y-%m-%d %H:%M}"
        parts.append(tr("overdue since {when}", when=when) if _overdue(todo, now) else tr("due {when}", when=when))
    return todo.text + (f" ({', '.join(parts)})" if parts else "")


def _kept(todo: Todo) -> dict[str, str | None]:
    integrity, confidentiality, origins = label_columns(todo.label)
    return {
        "id": todo.id, "text": todo.text, "list": todo.list, "due_at": todo.due_at, "done_at": todo.done_at,
        "created_at": todo.created_at, "integrity": integrity, "confidentiality": confidentiality, "origins": origins,
    }  # fmt: skip


_ON_LIST = r"(?:my|the|our) (?:(?P<list>[a-z][a-z -]{1,30}?) list|to-?dos?(?: list)?|list)"


def _on(match: re.Match[str], action: str, **more: str) -> Mapping[str, Any]:
    named = (match["list"] or "").lower()
    found = {"action": action, **more}
    return found if named in ("", "to-do", "todo") else {**found, "list": named}


PLAIN = (
    PlainForm(
        re.compile(rf"(?:please )?(?:add|put) (?P<text>[^,;:.!?]{{1,100}}?) (?:to|on) {_ON_LIST}[.!]*", re.I),
        "todos",
        lambda match: _on(match, "add", text=match["text"].strip("\"'“” ")),
    ),
    PlainForm(
        re.compile(rf"(?:what(?:'s| is) on|(?:please )?(?:show|list|read)(?: me)?) {_ON_LIST}[?.!]*", re.I),
        "todos",
        lambda match: _on(match, "list"),
    ),
    PlainForm(
        re.compile(
            rf"(?:please )?(?:cross|tick|check) (?P<text>[^,;:.!?]{{1,100}}?) off (?:of )?{_ON_LIST}[.!]*", re.I
        ),
        "todos",
        lambda match: _on(match, "done", text=match["text"].strip("\"'“” ")),
    ),
)
