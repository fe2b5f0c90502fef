"""Several answers to one question lie in several conversations, and one long conversation must not crowd them out.

Owns what a turn loses to the better ones of its conversation. Must not know how hits are found. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from openclaw_desktop.memory.recall.hits import Hit

# From the fourth turn of a conversation on none loses more.
MOST_BETTER = 3


def thin_out(hits: Sequence[Hit], weight: float) -> None:
    """Set `crowd` of turns to the share of MOST_BETTER that are better and of their conversation, and lower scores.

    A fact was chosen to tell something, and stands for itself. `weight`: what the whole share counts for.
    """
    better: dict[str, int] = {}
    for hit in sorted(hits, key=lambda hit: (-hit.score, hit.memory.rowid)):
        session = hit.memory.session_id
        if hit.memory.kind != "turn" or session is None:
            continue
        hit.signals.crowd = min(1.0, better.get(session, 0) / MOST_BETTER)
        hit.score += weight * hit.signals.crowd
        better[session] = better.get(session, 0) + 1
