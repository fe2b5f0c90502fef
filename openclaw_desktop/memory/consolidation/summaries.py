"""Old chats in few sentences: what the user told in one, chosen whole and in their own words.

Owns when a chat is worth a summary, and that none is kept which lost more than a fifth of the names, dates, numbers and
denials that it read. Writer's thread, within the caller's transaction.
"""

from __future__ import annotations

import json
from datetime import timedelta

import apsw

from openclaw_desktop.core.ids import new_id
from openclaw_desktop.core.sentences import Passage, choose
from openclaw_desktop.core.tokens import estimate_tokens
from openclaw_desktop.memory import history, rows
from openclaw_desktop.memory.consolidation.checking import SMALLEST_SHARE, survives
from openclaw_desktop.memory.consolidation.facts import DERIVED, Diff
from openclaw_desktop.memory.consolidation.statements import find_statements
from openclaw_desktop.memory.records import NewMemory, StoredMemory
from openclaw_desktop.security.labels import join
from openclaw_desktop.storage.database import fetch

IDLE = timedelta(days=30)
WINDOW_S = 86_400
# A chat that told less is short enough as it is: its facts say all of it.
LEAST_TOKENS = 300
SHARES = (1 / 3, 1 / 2, 2 / 3)
SUMMARY_IMPORTANCE = 0.4
_CURSOR = "consolidation.summarised_to"


def summarise_next(diff: Diff) -> bool:
    """Summarise the chats that ended in the next day's window of time; False where all up to a month ago are done."""
    connection = diff.connection
    limit_s = int((diff.now - IDLE).timestamp())
    first = fetch(
        connection, "select min(created_s) from memories where kind = 'turn' and created_s > ?", (_cursor(connection),)
    )
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
        _summarise(diff, str(session), end_s)
    connection.execute("insert or replace into memory_state (key, value) values (?, ?)", (_CURSOR, str(end_s)))
    return end_s < limit_s


def _summarise(diff: Diff, session: str, end_s: int) -> None:
    connection = diff.connection
    turns = _turns(connection, session)
    if not turns or max(turn.created_s for turn in turns) > end_s or diff.deeds.is_rejected("summary", session):
        return  # it goes on later, and is looked at with its end
    if fetch(connection, "select 1 from memories where session_id = ? and kind = 'summary'", (session,)):
        return
    told = [
        Passage(str(turn.rowid), statement.text, turn.label)
        for turn in turns
        if turn.label.integrity != "untrusted"
        for statement in find_statements(turn.text)
    ]
    if sum(estimate_tokens(passage.text) for passage in told) < LEAST_TOKENS:
        return
    chosen = choose_lasting(told)
    if chosen is None:
        return
    by_rowid = {str(turn.rowid): turn for turn in turns}
    sources = list(dict.fromkeys(by_rowid[passage.turn_id] for passage in chosen))
    _insert(diff, session, " ".join(_ended(passage.text) for passage in chosen), sources)


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
    diff.deeds.note(diff.run_id, "summary", session)
    diff.count("summarised")


def _turns(connection: apsw.Connection, session: str) -> list[StoredMemory]:
    sql = "select rowid from memories where session_id = ? and kind = 'turn' and speaker = 'user'"
    found = rows.fetch_memories(connection, [int(rowid) for (rowid,) in fetch(connection, sql, (session,))])
    return sorted(found, key=lambda turn: (turn.created_s, turn.rowid))


def _cursor(connection: apsw.Connection) -> int:
    found = fetch(connection, "select value from memory_state where key = ?", (_CURSOR,))
    return int(json.loads(found[0][0])) if found else -1


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "…")) else f"{text}."
