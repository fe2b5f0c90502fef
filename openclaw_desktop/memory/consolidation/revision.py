"""What the user says to keep or puts right takes effect at once.

Owns the immediate way: one memory, in the transaction that keeps it. Writer's thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import apsw

from openclaw_desktop.memory import history
from openclaw_desktop.memory.consolidation import facts, reading
from openclaw_desktop.memory.consolidation.deeds import learn_rejections
from openclaw_desktop.memory.consolidation.facts import Candidate, Diff
from openclaw_desktop.memory.consolidation.statements import find_statements, is_correction
from openclaw_desktop.memory.rows import fetch_memories


def settle(connection: apsw.Connection, rowids: Sequence[int], now: datetime) -> tuple[str, ...]:
    """Let what the user just said end what it contradicts, and return the ids of what ended.

    `rowids`: facts that the user said to keep, or turns of theirs, of which one that puts something right becomes a
    fact at once. What ends keeps its text and gets its end; all of it is one run that `memory undo` takes back.
    """
    diff = Diff(connection, now, lambda c: history.begin_run(c, "correction", now))
    ended: list[str] = []
    for memory in sorted(fetch_memories(connection, rowids), key=lambda memory: memory.rowid):
        if memory.label.integrity == "untrusted" or memory.speaker not in ("", "user"):
            continue
        if memory.kind == "fact":
            learn_rejections(connection)
            ended += reading.read_fact(diff, memory)
        elif memory.kind == "turn" and memory.speaker == "user" and is_correction(memory.text):
            learn_rejections(connection)
            told = [
                Candidate(one.text, (memory,), changes=one.changes)
                for one in find_statements(memory.text)
                if one.claims
            ]
            corrected = reading.corrects(connection, memory)
            for candidate in [*told, corrected] if corrected else told:
                if (rowid := facts.add(diff, candidate)) is not None:
                    ended += _ended_by(connection, rowid)
    if diff.begun:
        history.finish_run(connection, diff.run_id, now)
    return tuple(ended)


def _ended_by(connection: apsw.Connection, rowid: int) -> list[str]:
    return [str(id_) for (id_,) in connection.execute("select id from memories where superseded_by = ?", (rowid,))]
