"""What the user thinks of answers: good, bad, or in their own words.

Owns the table `answer_feedback`, and how much that speaks for or against what an answer was made of. Must not know who
asks, nor how importance is weighed. The database's threads.
"""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from openclaw_desktop.storage.database import Row, fetch

# So many marks of one kind make half of what they can make: one may have been for another part of the answer.
HALF_AT = 2

_FOUND = """select m.turn_id, m.text, coalesce(f.mark, 0), coalesce(f.note, '') from memories m
    left join answer_feedback f on f.memory_rowid = m.rowid where m.kind = 'turn' and m.speaker = 'assistant'"""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the user thinks of the answer of a turn. `mark`: 1 good, -1 bad, 0 neither; `note`: in their words."""

    turn_id: str
    answer: str
    mark: int
    note: str


def find_feedback(connection: apsw.Connection, turn_id: str | None) -> Feedback | None:
    """Return what is thought of a turn's answer, None: of the last one; None where no such answer is kept."""
    if turn_id is None:
        return _first(fetch(connection, f"{_FOUND} and m.turn_id is not null order by m.rowid desc limit 1"))
    return _first(fetch(connection, f"{_FOUND} and m.turn_id = ? order by m.rowid desc limit 1", (turn_id,)))


def give_feedback(
    connection: apsw.Connection, turn_id: str | None, moment: str, mark: int | None = None, note: str | None = None
) -> Feedback | None:
    """Keep what the user thinks of a turn's answer, None: of the last one; what is None stays as it was."""
    if (known := find_feedback(connection, turn_id)) is None:
        return None
    given = (known.mark if mark is None else mark, known.note if note is None else note)
    connection.execute(
        """insert or replace into answer_feedback (memory_rowid, mark, note, given_at)
        select max(rowid), ?, ?, ? from memories where turn_id = ? and kind = 'turn' and speaker = 'assistant'""",
        (*given, moment, known.turn_id),
    )
    return Feedback(known.turn_id, known.answer, *given)


def weigh_feedback(connection: apsw.Connection, memory_id: str) -> tuple[float, float]:
    """Return what speaks for and against a memory, 0 to 1 each: the marks on the answers that repeat it."""
    sql = """select count(*) filter (where f.mark > 0), count(*) filter (where f.mark < 0) from memories m
        join memory_sources s on s.source_rowid = m.rowid join answer_feedback f on f.memory_rowid = s.memory_rowid
        where m.id = ?"""
    ((good, bad),) = fetch(connection, sql, (memory_id,))
    return good / (good + HALF_AT), bad / (bad + HALF_AT)


def _first(rows: list[Row]) -> Feedback | None:
    return Feedback(*rows[0]) if rows else None
