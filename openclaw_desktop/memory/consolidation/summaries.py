"""Old talks in few sentences: what the user told in one, chosen whole and in their own words.

A talk is what was said in a chat up to a pause of some hours: a chat may go on for years. Owns when a talk is worth a
summary, and that none is kept which lost more than a fifth of the names, dates, numbers and denials that it read.
Writer's thread, within the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta

import apsw

from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.sentences import Passage, choose
from openclaw_desktop.core.tokens import estimate_tokens
from openclaw_desktop.memory import history, rows
from openclaw_desktop.memory.consolidation.checking import SMALLEST_SHARE, survives
from openclaw_desktop.memory.consolidation.facts import DERIVED, Diff
from openclaw_desktop.memory.consolidation.statements import find_statements
from openclaw_desktop.memory.marks import read_mark, set_mark
from openclaw_desktop.memory.records import NewMemory, StoredMemory
from openclaw_desktop.security.labels import join
from openclaw_desktop.storage.database import fetch

AGE = timedelta(days=30)
PAUSE_S = 8 * 3600
WINDOW_S = 86_400
# Nobody talks for longer without a pause.
LONGEST_S = 2 * WINDOW_S
# Of talks that came in late: what one transaction reads, for others wait for it.
TURNS_AT_ONCE = 100
# A talk that told less is short enough as it is: its facts say all of it.
LEAST_TOKENS = 300
SHARES = (1 / 3, 1 / 2, 2 / 3)
SUMMARY_IMPORTANCE = 0.4
_CURSOR, _LATE = "consolidation.summarised_to", "consolidation.said_late"


def summarise_next(diff: Diff) -> bool:
    """Summarise the talks that ended in the next day's window of time; False where all up to a month ago are done."""
    connection = diff.connection
    limit_s = int((diff.now - AGE).timestamp())
    cursor_s = _cursor(connection, limit_s)
    set_mark(connection, _CURSOR, str(cursor_s))
    if late := _late(connection):
        turns = 0
        while late and turns < TURNS_AT_ONCE:
            session, (first_s, last_s) = late.popitem()
            until_s = min(first_s + WINDOW_S, last_s + LONGEST_S, limit_s)
            turns += 1 + _summarise(diff, session, first_s, until_s)
            following_s = _next_turn(connection, session, until_s)
            if following_s is not None and following_s <= min(last_s + LONGEST_S, limit_s):
                late[session] = following_s, last_s
        set_mark(connection, _LATE, json.dumps(late))
        return True
    first = fetch(connection, "select min(created_s) from memories where kind = 'turn' and created_s > ?", (cursor_s,))
    if not first or first[0][0] is None or first[0][0] > limit_s:
        return False
    begin_s = int(first[0][0])
    end_s = min(begin_s + WINDOW_S, limit_s)
    sessions = fetch(
        connection,
        """select distinct session_id from memories
        where created_s between ? and ? and kind = 'turn' and session_id is not null""",
        (begin_s, end_s),
    )
    for (session,) in sessions:
        _summarise(diff, str(session), begin_s, end_s)
    set_mark(connection, _CURSOR, str(end_s))
    return end_s < limit_s


def note_late(diff: Diff, turns: Iterable[StoredMemory]) -> None:
    """Have the talks looked at of which a turn came in, as by an import, when their time had been gone through."""
    cursor_s = _cursor(diff.connection, int((diff.now - AGE).timestamp()))
    if not (coming := [turn for turn in turns if turn.session_id and turn.created_s <= cursor_s]):
        return
    late = _late(diff.connection)
    for turn in coming:
        first_s, last_s = late.get(str(turn.session_id), (turn.created_s, turn.created_s))
        late[str(turn.session_id)] = min(first_s, turn.created_s), max(last_s, turn.created_s)
    set_mark(diff.connection, _LATE, json.dumps(late))


def _summarise(diff: Diff, session: str, begin_s: int, end_s: int) -> int:
    """Summarise the talks of a chat that ended between these, and return how many turns were looked at."""
    talks = _talks(diff.connection, session, begin_s, end_s)
    for talk in talks:
        if begin_s <= talk[-1].created_s <= end_s and not diff.deeds.is_rejected("summary", talk[0].id):
            _summarise_talk(diff, session, talk)
    return sum(map(len, talks))


def _summarise_talk(diff: Diff, session: str, talk: Sequence[StoredMemory]) -> None:
    if _has_summary(diff.connection, talk):
        return
    told = [
        Passage(str(turn.rowid), statement.text, turn.label)
        for turn in talk
        if turn.label.integrity != "untrusted"
        for statement in find_statements(turn.text)
    ]
    if sum(estimate_tokens(passage.text) for passage in told) < LEAST_TOKENS:
        return
    chosen = choose_lasting(told)
    if chosen is None:
        return
    by_rowid = {str(turn.rowid): turn for turn in talk}
    sources = list(dict.fromkeys(by_rowid[passage.turn_id] for passage in chosen))
    _insert(diff, session, " ".join(_ended(passage.text) for passage in chosen), sources)
    diff.deeds.note(diff.run_id, "summary", talk[0].id)


def choose_lasting(told: list[Passage]) -> list[Passage] | None:
    """Return the fewest of some sentences that keep four fifths of what must not be lost; None where none do."""
    texts = [passage.text for passage in told]
    total = sum(estimate_tokens(text) for text in texts)
    for share in SHARES:
        chosen = [told[place] for place in choose(told, int(total * share))]
        if survives(texts, " ".join(passage.text for passage in chosen)) >= SMALLEST_SHARE:
            return chosen
    return None


def _insert(diff: Diff, session: str, text: str, sources: list[StoredMemory]) -> None:
    memory_id = new_id("mem")
    summary = NewMemory(
        text, source=DERIVED, created_at=max(source.created_at for source in sources), session_id=session,
        speaker="user", importance=SUMMARY_IMPORTANCE, kind="summary", tier="long",
        label=join(source.label for source in sources),
        derived_from=tuple(source.id for source in sources),
    )  # fmt: skip
    rows.insert(diff.connection, [rows.Placed(memory_id, summary)], diff.now)
    history.note_change(diff.connection, diff.run_id, memory_id, "summarised", None, {})
    diff.count("summarised")


def _talks(connection: apsw.Connection, session: str, begin_s: int, end_s: int) -> list[list[StoredMemory]]:
    """Return what the user said in a chat about that time, cut where there was a pause."""
    # By time: a chat that goes on for years has many turns.
    found = fetch(
        connection,
        f"""select {rows.COLUMNS} from memories m indexed by memories_by_time where created_s between ? and ?
        and session_id = ? and kind = 'turn' and speaker = 'user' order by created_s, rowid""",
        (begin_s - LONGEST_S, end_s + PAUSE_S, session),
    )
    talks: list[list[StoredMemory]] = []
    for turn in map(rows.stored, found):
        if talks and turn.created_s - talks[-1][-1].created_s < PAUSE_S:
            talks[-1].append(turn)
        else:
            talks.append([turn])
    return talks


def _next_turn(connection: apsw.Connection, session: str, after_s: int) -> int | None:
    sql = "select min(created_s) from memories where session_id = ? and kind = 'turn' and created_s > ?"
    ((found,),) = fetch(connection, sql, (session, after_s))
    return None if found is None else int(found)


def _has_summary(connection: apsw.Connection, talk: Sequence[StoredMemory]) -> bool:
    sql = """select 1 from memory_sources s join memories m on m.rowid = s.memory_rowid
        where s.source_rowid in (select value from json_each(?)) and m.kind = 'summary' limit 1"""
    return bool(fetch(connection, sql, (json.dumps([turn.rowid for turn in talk]),)))


def _cursor(connection: apsw.Connection, limit_s: int) -> int:
    """Return up to when all is done; a clock that was ahead went through what by the right one is not old enough."""
    return min(int(read_mark(connection, _CURSOR) or -1), limit_s)


def _late(connection: apsw.Connection) -> dict[str, tuple[int, int]]:
    """Return the chats of which turns came in late, each with the first second and the last of these."""
    return {
        session: (first, last) for session, (first, last) in json.loads(read_mark(connection, _LATE) or "{}").items()
    }


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "…")) else f"{text}."
