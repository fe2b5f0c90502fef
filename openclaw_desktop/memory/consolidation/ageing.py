"""Facts over time: once a day each derived one is weighed anew, moves to the tier that it earns, or goes.

Owns how far the day's pass is, what is looked up for the formula of `importance`, and that a clock which jumps lets
nothing go: more than a fifth at once waits for a word of the user's. Writer's thread, within the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime

import apsw

from openclaw_desktop.memory.consolidation import facts
from openclaw_desktop.memory.consolidation.facts import DERIVED, Diff
from openclaw_desktop.memory.consolidation.importance import Signs, earned_tier, weigh
from openclaw_desktop.memory.marks import read_mark, set_mark
from openclaw_desktop.memory.records import StoredMemory
from openclaw_desktop.memory.rows import COLUMNS, stored
from openclaw_desktop.memory.tiers import FEW, LARGEST_SHARE
from openclaw_desktop.storage.database import Row, fetch

BATCH = 200
_PASS, _AGREED = "consolidation.pass", "consolidation.fading_agreed"

# (praise, blame), 0 to 1 each, of a memory by its id: the marks that the user gave to answers that used it.
Feedback = Callable[[apsw.Connection, str], tuple[float, float]]

_ABOUT = f"""select {COLUMNS},
    (select coalesce(max(weight), 0) from memory_claims c where c.memory_rowid = m.rowid),
    (select count(*) from memory_sources s where s.memory_rowid = m.rowid),
    (select max(max(t.created_s, coalesce(unixepoch(t.last_access_at), 0))) from memory_sources s
      join memories t on t.rowid = s.source_rowid
      where s.memory_rowid = m.rowid),
    (select max(o.importance) from memory_claims c
      join memory_claims d on d.subject = c.subject and d.memory_rowid <> c.memory_rowid
      join memories o on o.rowid = d.memory_rowid and o.superseded_by is null
      where c.memory_rowid = m.rowid and c.subject not in ('', 'user')),
    exists (select 1 from memory_changes h join memory_runs r on r.id = h.run_id
      where h.memory_id = m.id and r.kind = 'edit' and r.undone_at is null)
    from memories m where m.kind = 'fact' and m.source = '{DERIVED}' and m.superseded_by is null"""


@dataclass(slots=True)
class _Pass:
    """A day's pass. `after`: the rowid that it has come to, None at the end; `fading`: ids of what is to go.

    `counted`: those are few enough, and some have gone.
    """

    day: str = ""
    after: int | None = 0
    fading: list[str] = field(default_factory=list)
    counted: bool = False


def age_some(diff: Diff, feedback: Feedback | None = None) -> bool:
    """Do the next of today's pass over the derived facts; False where there is no more to do."""
    today = diff.now.date().isoformat()
    now = _Pass(**json.loads(read_mark(diff.connection, _PASS) or "{}"))
    if now.day != today:
        facts.settle_begun(diff, now.day)
        now = _Pass(today)
    elif now.after is None:
        return _let_go(diff, now, feedback)
    found = fetch(diff.connection, f"{_ABOUT} and m.rowid > ? order by m.rowid limit ?", (now.after, BATCH))
    now.fading += [fact.id for fact in _weigh(diff, found, feedback)]
    now.after = stored(found[-1][:-5]).rowid if len(found) == BATCH else None
    _keep(diff, now)
    return True


def agree_to_fading(connection: apsw.Connection) -> None:
    """Let go what waits: the user says that the clock is right."""
    set_mark(connection, _AGREED, "yes")


def _let_go(diff: Diff, now: _Pass, feedback: Feedback | None) -> bool:
    agreed = read_mark(diff.connection, _AGREED) != ""
    if now.fading and not (now.counted or agreed) and _are_too_many(diff, now.fading):
        diff.count("held", len(now.fading))
        return False
    if not (now.fading or agreed):
        return False
    now.counted = True
    going, now.fading = now.fading[:BATCH], now.fading[BATCH:]
    # Some may have been said or used again since.
    found = fetch(diff.connection, f"{_ABOUT} and m.id in (select value from json_each(?))", (json.dumps(going),))
    for fact in _weigh(diff, found, feedback):
        facts.drop(diff, fact)
    _keep(diff, now)
    if agreed and not now.fading:
        set_mark(diff.connection, _AGREED, "")  # once is not for ever
    return bool(now.fading)


def _are_too_many(diff: Diff, ids: list[str]) -> bool:
    sql = "select count(*) from memories where kind = 'fact' and source = ? and superseded_by is null"
    ((total,),) = fetch(diff.connection, sql, (DERIVED,))
    return len(ids) > max(FEW, LARGEST_SHARE * int(total))


def _keep(diff: Diff, now: _Pass) -> None:
    set_mark(diff.connection, _PASS, json.dumps(asdict(now)))


def _weigh(diff: Diff, found: list[Row], feedback: Feedback | None) -> list[StoredMemory]:
    """Give each fact the importance and the tier that it has by now; return those that earn none."""
    fading: list[StoredMemory] = []
    for row in found:
        fact = stored(row[:-5])
        importance = weigh(_signs(diff, fact, row[-5:], feedback))
        if (tier := earned_tier(importance)) is not None:
            facts.move(diff, fact, importance, tier)
        elif not fact.pinned and not diff.deeds.is_rejected("drop", fact.id):
            fading.append(fact)
    return fading


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
