"""Whether a memory still holds, and whether it falls in a time that was asked for.

Owns these two judgements, as pure functions. Must not know scores or SQL.
"""

from __future__ import annotations

from openclaw_desktop.memory.recall.candidates import Candidate
from openclaw_desktop.memory.recall.query import Query
from openclaw_desktop.memory.recall.times import Span, seconds_of

OUT, HOLDS = "out", ""


def standing_of(memory: Candidate, query: Query, now_s: float) -> str:
    """Return HOLDS, OUT for what must not be found, or how it ended: "replaced" or "ended".

    What has expired is never found. What was replaced or has ended is found only by a question for the past, or for a
    past time in which it held.
    """
    expires_s = seconds_of(memory.expires_at)
    if expires_s is not None and expires_s <= now_s:
        return OUT
    ends_s = seconds_of(memory.valid_to)
    if memory.superseded_by is not None:
        ended = "replaced"
    elif ends_s is not None and ends_s <= now_s:
        ended = "ended"
    else:
        return HOLDS
    return ended if query.past or _asked_for(memory, query.span, now_s) else OUT


def held_until(memory: Candidate) -> int | None:
    """Return when a memory ceased to hold, in Unix seconds; None where it still holds or nobody knows."""
    ends = [end for end in (seconds_of(memory.valid_to), memory.superseded_s) if end is not None]
    return min(ends, default=None)


def in_time(memory: Candidate, span: Span | None) -> float:
    """Return 1 for what was said or held in `span`, 0.5 where the question is not sure of the time, else 0."""
    if span is None:
        return 0.0
    start_s, end_s = span.seconds()
    said = (start_s is None or memory.created_s >= start_s) and (end_s is None or memory.created_s < end_s)
    has_term = memory.valid_from is not None or memory.valid_to is not None or memory.superseded_by is not None
    if said or (has_term and _overlaps(memory, start_s, end_s)):
        return 1.0 if span.sure else 0.5
    return 0.0


def _asked_for(memory: Candidate, span: Span | None, now_s: float) -> bool:
    if span is None or span.end is None or span.end.timestamp() > now_s:
        return False
    return (span.sure or span.start is None) and _overlaps(memory, *span.seconds())


def _overlaps(memory: Candidate, start_s: int | None, end_s: int | None) -> bool:
    from_s, until_s = seconds_of(memory.valid_from), held_until(memory)
    begins_s = memory.created_s if from_s is None else from_s
    return (end_s is None or begins_s < end_s) and (start_s is None or until_s is None or until_s > start_s)
