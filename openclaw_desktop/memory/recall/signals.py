"""What speaks for each candidate of a search.

Owns how signals are read off a candidate, off its words and off the question. Must not know SQL, how vectors are kept,
nor how signals are weighed. Runs on a database thread.

All but the meaning and what depends on it is known before the question's vector: it is read off while an engine is at
work on that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from openclaw_desktop.memory.recall import scoring
from openclaw_desktop.memory.recall.candidates import Candidate
from openclaw_desktop.memory.recall.hits import Hit
from openclaw_desktop.memory.recall.pool import Pool
from openclaw_desktop.memory.recall.query import Query
from openclaw_desktop.memory.recall.scoring import Signals
from openclaw_desktop.memory.recall.standing import Standing, asks_for_gone, in_time, standing_of
from openclaw_desktop.memory.recall.subjects import is_of_other, only_asks


def begin(pool: Pool, query: Query, now_s: float) -> None:
    """Make a hit of each candidate that is none yet, unless it has expired, with what speaks for it by itself."""
    for rowid, memory in pool.memories.items():
        if rowid not in pool.hits and (standing := standing_of(memory, now_s)) is not Standing.EXPIRED:
            hit = Hit(memory, _own_signals(memory, pool, query, now_s))
            if standing is not Standing.HOLDS:
                hit.hidden, hit.ended = not asks_for_gone(query, memory, now_s), memory
                hit.signals.past = 1.0
            pool.hits[rowid] = hit


def finish(hits: Sequence[Hit], pool: Pool, nearest: Sequence[Mapping[int, float]]) -> None:
    """Set what words and meaning say of `hits`, and of one another. `nearest`: the cosines with each part, by rowid."""
    rowids = [hit.memory.rowid for hit in hits]
    texts, lengths = [pool.columns[rowid] for rowid in rowids], [pool.lengths[rowid] for rowid in rowids]
    beside = [scoring.ASKED_BY if hit.memory.kind == "fact" else scoring.NEIGHBOURS_COLUMN for hit in hits]
    words = [scoring.bm25(texts, one.weights, lengths, beside) for one in pool.found]
    for hit, value in zip(hits, words[0], strict=True):
        hit.signals.words = value
    closest = nearest[0] if len(nearest) == 1 else _closest(nearest)
    for hit in hits if closest else ():
        hit.signals.cosine = min(1.0, closest.get(hit.memory.rowid, 0.0))
    if len(words) > 1:
        _choose_parts(hits, words, nearest)
    signals = [hit.signals for hit in hits]
    scoring.add_meaning(signals)
    scoring.add_surroundings([(hit.memory, hit.signals) for hit in hits])


def _own_signals(memory: Candidate, pool: Pool, query: Query, now_s: float) -> Signals:
    signals = Signals(importance=memory.importance, many=query.many, pinned=float(memory.pinned))
    if query.names:
        spoken_by = memory.speaker.lower()
        signals.speaker = float(spoken_by in query.names or spoken_by.split(" ")[0] in query.names)
    if memory.kind == "turn":
        asks = memory.text.rstrip().endswith(("?", "？"))
        signals.asks = float(asks)
        signals.substance = scoring.substance(pool.text_lengths[memory.rowid])
        if not query.of_agent:
            asks = asks and memory.speaker == "user" and only_asks(memory.text)
            signals.talk = float(memory.speaker == "assistant" or asks)
    elif query.own and memory.kind == "fact":
        signals.other = float(is_of_other(memory.text))
    if pool.subjects:
        signals.named = _share_named(pool, memory.rowid)
    if query.span is not None:
        signals.in_time = in_time(memory, query.span)
    signals.recency = scoring.recency((now_s - memory.created_s) / 86_400)
    return signals


def _closest(nearest: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """Return the cosine of each with the part of the question that it fits best."""
    closest: dict[int, float] = {}
    for near in nearest:
        for rowid, cosine in near.items():
            closest[rowid] = max(cosine, closest.get(rowid, cosine))
    return closest


def _choose_parts(hits: Sequence[Hit], words: Sequence[list[float]], nearest: Sequence[Mapping[int, float]]) -> None:
    """Of a question that holds several, say which of them each hit fits best, and what its words are worth then."""
    for place, hit in enumerate(hits):
        values = [of_part[place] for of_part in words[1:]]
        meant = [near.get(hit.memory.rowid, 0.0) for near in nearest[1:]] or [0.0] * len(values)
        fits = list(map(float.__add__, values, meant))
        hit.part = fits.index(max(fits))
        hit.signals.words = (words[0][place] + max(values)) / 2


def _share_named(pool: Pool, rowid: int) -> float:
    """Return the share of the question's other names that stand in a text; half of it where they stand beside."""
    said, beside, _ = pool.columns[rowid]
    return sum(1.0 if name in said else 0.5 * (name in beside) for name in pool.subjects) / len(pool.subjects)
