"""Notes: kept, found, changed, removed, and each change can be taken back.

Owns the table `notes` and its tool. A note carries the label of all that the model had read when it was made, so that a
poisoned text that becomes a note stays what it is. Must not know memory. Loop; SQL on the database's threads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import apsw

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, PlainForm, ToolResult
from openclaw_desktop.core.text import tr
from openclaw_desktop.security.labels import label_columns, label_of
from openclaw_desktop.storage.database import Database
from openclaw_desktop.tools.personal.rows import LABEL_COLUMNS, find_meant, lines, match_words

Join = Callable[[Iterable[Label]], Label]

_TEXT = {"type": "string", "minLength": 1, "maxLength": 4000}


@dataclass(frozen=True, slots=True)
class Note:
    """One note. Times: ISO 8601."""

    id: str
    text: str
    created_at: str
    changed_at: str
    label: Label


class NoteStore:
    """The notes of one file."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(self, text: str, label: Label) -> Note:
        """Keep a note; returns after its commit."""
        now = self._clock.now().isoformat(timespec="seconds")
        note = Note(new_id("note"), text, now, now, label)
        await self._put(note)
        return note

    async def list(self, query: str = "") -> tuple[Note, ...]:
        """Return all notes, newest first, or those that have all words of `query`, best first."""
        columns = f"id, text, created_at, changed_at, {LABEL_COLUMNS}"
        if query:
            sql = (
                f"select {columns} from notes join (select rowid as found, rank from notes_fts where notes_fts match ?)"
                " on found = notes.rowid order by rank, created_at desc"
            )
            rows = await self._database.rows(sql, (match_words(query),)) if match_words(query) else []
        else:
            rows = await self._database.rows(f"select {columns} from notes order by created_at desc, rowid desc")
        return tuple(Note(row[0], row[1], row[2], row[3], label_of(*row[4:7])) for row in rows)

    async def get(self, note_id: str) -> Note | None:
        """Return one note."""
        return next((note for note in await self.list() if note.id == note_id), None)

    async def edit(self, note_id: str, text: str, label: Label) -> None:
        """Replace a note's text and label."""
        now = self._clock.now().isoformat(timespec="seconds")
        sql = "update notes set text = ?, changed_at = ?, integrity = ?, confidentiality = ?, origins = ? where id = ?"
        values = (text, now, *label_columns(label), note_id)
        await self._database.write(lambda connection: connection.execute(sql, values).fetchall())

    async def remove(self, note_id: str) -> None:
        """Remove a note, and its words from the index."""
        sql = "delete from notes where id = ?"
        await self._database.write(lambda connection: connection.execute(sql, (note_id,)).fetchall())

    async def restore(self, note: Note) -> None:
        """Put a note back as it was."""
        await self._put(note)

    async def _put(self, note: Note) -> None:
        sql = f"insert into notes (id, text, created_at, changed_at, {LABEL_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?)"
        values = (note.id, note.text, note.created_at, note.changed_at, *label_columns(note.label))

        def put(connection: apsw.Connection) -> None:
            connection.execute(sql, values)

        await self._database.write(put)


class NotesTool:
    """Keeps and finds notes."""

    spec = ToolSpec(
        "notes",
        "the user's notes: add one, list or search them, edit or remove one",
        {
            "type": "object",
            "properties": {
                "action": {"enum": ["add", "list", "search", "edit", "remove"]},
                "text": _TEXT,
                "note": {"type": "string", "minLength": 1, "maxLength": 500},
            },
            "required": ["action"],
            "additionalProperties": False,
        },
        "local-reversible",
        undoable=True,
    )

    def __init__(self, store: NoteStore, join: Join) -> None:
        self._store = store
        self._join = join

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call: it has no authority arguments."""
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Do what the action says; `note` names a note by its words."""
        asked = call.arguments
        match asked["action"]:
            case "add":
                note = await self._store.add(_needed(asked, "text"), scene.context)
                receipt = Receipt("note.added", tr("noted"), call.id, note.id)
                return ToolResult(
                    tr("Noted: {text}", text=note.text),
                    scene.context,
                    (receipt,),
                    {"id": note.id},
                    undo={"added": note.id},
                )
            case "list" | "search":
                query = _needed(asked, "text") if asked["action"] == "search" else ""
                return self._listed(call, await self._store.list(query))
            case "edit":
                note, text = await self._meant(asked), _needed(asked, "text")
                label = self._join([note.label, scene.context])
                await self._store.edit(note.id, text, label)
                receipt = Receipt("note.edited", tr("changed a note"), call.id, note.id)
                return ToolResult(
                    tr("The note now says: {text}", text=text), label, (receipt,), {"id": note.id}, undo=_kept(note)
                )
            case _:
                note = await self._meant(asked)
                await self._store.remove(note.id)
                receipt = Receipt("note.removed", tr("removed a note"), call.id, note.id)
                return ToolResult(
                    tr("Removed: {text}", text=note.text), note.label, (receipt,), {"id": note.id}, undo=_kept(note)
                )

    async def undo(self, token: Mapping[str, Any]) -> str:
        """Take a change back."""
        if "added" in token:
            await self._store.remove(str(token["added"]))
            return tr("The note is gone again.")
        note = Note(
            token["id"], token["text"], token["created_at"], token["changed_at"],
            label_of(token["integrity"], token["confidentiality"], token["origins"]),
        )  # fmt: skip
        if await self._store.get(note.id) is None:
            await self._store.restore(note)
        else:
            await self._store.edit(note.id, note.text, note.label)
        return tr("The note is as it was.")

    def _listed(self, call: ToolCall, notes: tuple[Note, ...]) -> ToolResult:
        text = lines((f"- {note.text} ({note.created_at[:10]})" for note in notes), tr("There is no such note."))
        data = [{"id": note.id, "text": note.text, "created_at": note.created_at} for note in notes]
        receipt = Receipt("notes.listed", tr("looked at the notes"), call.id)
        return ToolResult(text, self._join(note.label for note in notes), (receipt,), data)

    async def _meant(self, asked: Mapping[str, Any]) -> Note:
        return find_meant(await self._store.list(), _needed(asked, "note"), lambda note: note.text)


def _kept(note: Note) -> dict[str, str]:
    integrity, confidentiality, origins = label_columns(note.label)
    return {
        "id": note.id, "text": note.text, "created_at": note.created_at, "changed_at": note.changed_at,
        "integrity": integrity, "confidentiality": confidentiality, "origins": origins,
    }  # fmt: skip


def _needed(asked: Mapping[str, Any], name: str) -> str:
    if not (text := str(asked.get(name, "")).strip()):
        raise UserError("nothing_given", tr("{action} needs {name}.", action=asked["action"], name=name))
    return text


PLAIN = (
    PlainForm(
        re.compile(
            r"(?:please )?(?:take a note|make a note|note|new note|add a note)\s*:\s*(?P<text>\S.{0,3990})", re.I | re.S
        ),
        "notes",
        lambda match: {"action": "add", "text": match["text"].strip()},
    ),
    PlainForm(
        re.compile(r"(?:please )?(?:show|list|read)(?: me)?(?: all)? my notes[.!]*", re.I),
        "notes",
        lambda match: {"action": "list"},
    ),
    PlainForm(
        re.compile(r"(?:please )?search my notes for (?P<text>[^?]{1,200}?)[?.!]*", re.I),
        "notes",
        lambda match: {"action": "search", "text": match["text"].strip("\"'“” ")},
    ),
)
