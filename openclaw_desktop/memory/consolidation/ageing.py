"""Facts over time: each derived one is weighed anew, moves to the tier that it earns, or goes.

Owns what is looked up for the formula of `importance`. Writer's thread, within the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import apsw

from openclaw_desktop.memory.consolidation import facts
from openclaw_desktop.memory.consolidation.facts import DERIVED, Diff
from openclaw_desktop.memory.consolidation.importance import Signs, weigh
from openclaw_desktop.memory.records import StoredMemory
from openclaw_desktop.memory.rows import COLUMNS, stored
from openclaw_desktop.storage.database import Row, fetch

# (praise, blame), 0 to 1 each, of a memory by its id: the marks that the user gave to answers that used it.
Feedback = Callable[[apsw.Connection, str], tuple[float, float]]

_ABOUT = f"""select {COLUMNS},
    (select coalesce(max(weight), 0) from memory_claims c where c.memory_rowid = m.rowid),
    (select count(*) from memory_sources s where s.memory_rowid = m.rowid),
    (select max(t.created_s) from memory_sources s join memories t on t.rowid = s.source_rowid
      where s.memory_rowid = m.rowid),
    (select max(o.importance) from memory_claims c
      join memory_claims d on d.subject = c.subject and d.memory_rowid <> c.memory_rowid
      join memories o on o.rowid = d.memory_rowid and o.superseded_by is null
      where c.memory_rowid = m.rowid and c.subject not in ('', 'user')),
    exists (select 1 from memory_changes h join memory_runs r on r.id = h.run_id
      where h.memory_id = m.id and r.kind = 'edit' and r.undone_at is null)
    from memories m where m.kind = 'fact' and m.source = '{DERIVED}' and m.superseded_by is null and m.rowid > ?
    order by m.rowid limit ?"""


def weigh_anew(diff: Diff, after: int, limit: int, feedback: Feedback | None = None) -> int | None:
    """Weigh up to `limit` derived facts beyond the rowid `after`; return the last one's, None where that was all."""
    found = fetch(diff.connection, _ABOUT, (after, limit))
    for row in found:
        fact = stored(row[:-5])
        facts.move(diff, fact, weigh(_signs(diff, fact, row[-5:], feedback)))
    return stored(found[-1][:-5]).rowid if len(found) == limit else None


def _signs(diff: Diff, fact: StoredMemory, looked_up: Row, feedback: Feedback | None) -> Signs:
    content, mentions, last_said_s, links, edited = looked_up
    praise, blame = feedback(diff.connection, fact.id) if feedback else (0.0, 0.0)
    last_s = max(float(last_said_s or fact.created_s), _seconds(fact.last_access_at))
    return Signs(
        content=float(content),
        mentions=int(mentions),
        uses=fact.access_count,
        age_days=max(0.0, (diff.now.timestamp() - last_s) / 86_400),
        links=float(links or 0.0),
        praise=1.0 if fact.pinned or edited else praise,
        blame=blame,
    )


def _seconds(moment: str | None) -> float:
    try:
        return datetime.fromisoformat(moment).timestamp() if moment else 0.0
    except ValueError:
        return 0.0
