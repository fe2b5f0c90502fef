"""Facts that hold words of a question: there are few of them, and they drown among the turns that say the same words.

Owns that search: a word that hundreds of turns say ("live") leaves no place for the one fact that is asked by it. Must
not know scores. Runs on a database thread.
"""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Mapping

import apsw

from openclaw_desktop.memory.recall.candidates import POSTINGS_BUDGET, max_rowid
from openclaw_desktop.storage.database import fetch

FACT_CANDIDATES = 64
# So many of the newest facts of each tier are looked through.
MOST_FACTS = 10_000

_NEWEST = """select rowid from (select rowid from memories where tier = '{}' and kind = 'fact'
    order by created_s desc limit {})"""
_ANY = "select 1 where exists (select 1 from memories where tier in ('medium', 'long') and kind = 'fact')"
# The plus keeps the index from being asked for each fact by itself.
_HOLDING = f"""select j.key, f.rowid from json_each(?) j cross join memories_fts f
    where f.memories_fts match j.value and +f.rowid in
    ({_NEWEST.format("medium", MOST_FACTS)} union all {_NEWEST.format("long", MOST_FACTS)})"""


def facts_holding(connection: apsw.Connection, words: Mapping[str, float]) -> list[int]:
    """Return the facts that hold most of `words`, in their text or beside it; with each word, how much it tells.

    The rarest words choose, as far as the budget of postings goes.
    """
    sought, left, total = dict[str, float](), float(POSTINGS_BUDGET), max_rowid(connection)
    for word, told in sorted(words.items(), key=lambda one: -one[1]):
        # How many hold it, from how much that tells.
        left -= total / (math.exp(told) + 1) if total > POSTINGS_BUDGET else 0
        if left < 0:
            break
        sought[word] = told
    if not sought or not fetch(connection, _ANY):
        return []
    sums: dict[int, float] = {}
    for word, rowid in connection.execute(_HOLDING, (json.dumps({word: f'"{word}"' for word in sought}),)):
        sums[rowid] = sums.get(rowid, 0.0) + sought[word]
    return heapq.nlargest(FACT_CANDIDATES, sums, key=lambda rowid: (sums[rowid], rowid))
