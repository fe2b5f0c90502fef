"""Changing a memory by hand.

Owns what follows from a change: whose words they are then and since when, what they end, and that it can be taken
back. Must not know who asks. Runs on the writer's thread, within one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import apsw

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.memory import history, rows
from openclaw_desktop.memory.consolidation import facts, reading
from openclaw_desktop.memory.consolidation.deeds import learn_rejections
from openclaw_desktop.memory.consolidation.facts import DERIVED, Diff, named_times, sense_key
from openclaw_desktop.memory.consolidation.importance import MEDIUM_FROM
from openclaw_desktop.memory.reach import EARLIER
from openclaw_desktop.memory.recall.words import telling, words_in
from openclaw_desktop.memory.records import NewMemory, StoredMemory
from openclaw_desktop.memory.rows import COLUMNS, fetch_memories, stored
from openclaw_desktop.storage.database import fetch

TIMES = ("valid_from", "valid_to", "expires_at")


def edit(connection: apsw.Connection, memory_id: str, columns: Mapping[str, Any], now: datetime) -> int | None:
    """Change columns of a memory in a run of its own and return that; None where nothing differs.

    `columns`: `text`, `importance` (0-1), `pinned` and times, "" for none. A text is the user's own from then on: they
    typed it. Raises UserError where there is no such memory, or a value makes no sense.
    """
    found = fetch(connection, f"select {COLUMNS} from memories m where m.id = ?", (memory_id,))
    if not found:
        raise unknown_memory(memory_id)
    before = stored(found[0])
    changes = {name: _checked(name, value, now) for name, value in columns.items()}
    if "text" in changes:
        changes = _own_words(before, changes["text"], now) | changes
    run = history.begin_run(connection, "edit", now)
    action = "pinned" if changes.get("pinned") else "unpinned" if "pinned" in changes else "edited"
    changed = history.change_columns(connection, run, memory_id, action, changes)
    if changes.keys() & set(TIMES):
        _check_times(connection, memory_id)
    if changed and "text" in changes:
        # What is put right by hand takes effect at once, as what is said does.
        learn_rejections(connection)
        diff = Diff(connection, now, lambda _: run)
        (after,) = fetch_memories(connection, [before.rowid])
        if before.kind == "fact":
            if before.superseded_by is None and _is_of_same_matter(before.text, after.text):
                _keep_earlier(diff, before)
            reading.read_fact(diff, after)
        elif before.kind == "turn":
            facts.withdraw(diff, after, reading.told_in(after))
            reading.read(diff, [after])
    history.finish_run(connection, run, now)
    return run if changed else None


def _is_of_same_matter(earlier: str, later: str) -> bool:
    """Return whether an edit puts something right: it says else of the same, and nothing quite different."""
    in_common = set(telling(words_in(earlier))).intersection(telling(words_in(later)))
    return sense_key(earlier) != sense_key(later) and bool(in_common)


def _keep_earlier(diff: Diff, before: StoredMemory) -> None:
    """Keep what a fact said until now as one that ended: so the turn that said it is known to hold no more."""
    memory = NewMemory(
        before.text, source=EARLIER, created_at=before.created_at, session_id=before.session_id,
        speaker=before.speaker, importance=before.importance, turn_id=before.turn_id, kind="fact", tier="long",
        label=before.label, purpose=before.purpose, confidence=before.confidence,
        valid_from=before.valid_from, valid_to=diff.now.isoformat(timespec="seconds"),
        derived_from=history.snapshot(diff.connection, before.id)["sources"],
    )  # fmt: skip
    memory_id = new_id("mem")
    (rowid,) = rows.insert(diff.connection, [rows.Placed(memory_id, memory)], diff.now)
    history.note_change(diff.connection, diff.run_id, memory_id, "added", None, {})
    diff.connection.execute("update memories set superseded_by = ? where rowid = ?", (before.rowid, rowid))
    # The new words stand in no turn.
    history.change_columns(diff.connection, diff.run_id, before.id, "edited", {"sources": [], "turn_id": None})
    diff.connection.execute("delete from reading_queue where memory_rowid = ?", (rowid,))


def _own_words(before: StoredMemory, text: str, now: datetime) -> dict[str, Any]:
    """Return what else changes with the text: it is the user's, and of a fact that still holds, what they say now."""
    changes: dict[str, Any] = {"integrity": USER.integrity, "origins": json.dumps(USER.origins), "confidence": 1.0}
    if before.speaker not in ("", "user"):
        changes["speaker"] = "user"
    if before.source == DERIVED:
        changes["source"] = "user"  # what was derived may go, and what they typed stands nowhere else
    if before.kind != "fact" or before.superseded_by is not None or sense_key(before.text) == sense_key(text):
        return changes
    changes |= {"created_at": now.isoformat(timespec="milliseconds"), "created_s": int(now.timestamp())}
    changes |= {"tier": "medium", "importance": max(before.importance, MEDIUM_FROM)}
    named = named_times(before.text, before.created_at)
    return changes | {name: None for name, value in named.items() if getattr(before, name) == value}


def unknown_memory(memory_id: str) -> UserError:
    """Return the sentence for an id that there is no memory of."""
    return UserError(
        "memory_unknown",
        tr("There is no memory {id}.", id=visible(memory_id)),
        tr("openclaw-agent recall or memory list shows them with their ids."),
        ExitCode.USAGE,
    )


def parse_moment(text: str, now: datetime) -> datetime:
    """Return an ISO date or time, in `now`'s zone where it names none; raises UserError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(
            "bad_moment",
            tr("“{text}” is no date or time.", text=visible(text)),
            tr("Write it as 2026-11-23 or 2026-11-23T09:00."),
            ExitCode.USAGE,
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=now.tzinfo)


def _checked(name: str, value: Any, now: datetime) -> Any:
    if name in TIMES:
        return parse_moment(value, now).isoformat(timespec="seconds") if value else None
    if name == "importance" and not 0.0 <= value <= 1.0:
        raise UserError(
            "bad_importance",
            tr("{value} is no importance.", value=value),
            tr("It is a number from 0 to 1."),
            ExitCode.USAGE,
        )
    return int(value) if name == "pinned" else value


def _check_times(connection: apsw.Connection, memory_id: str) -> None:
    sql = "select julianday(valid_to) < julianday(valid_from) from memories where id = ?"
    if fetch(connection, sql, (memory_id,))[0][0]:
        raise UserError("bad_times", tr("It can't end before it begins."), tr("Give both times anew."), ExitCode.USAGE)
