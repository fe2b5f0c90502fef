"""Why a memory was found, in words for people.

Owns those words. Must not know SQL or weights. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.memory.recall.scoring import Signals

# From here on a signal is worth a word.
MEANT, NEAR, SESSION, IMPORTANT, RECENT = 0.2, 0.6, 0.7, 0.7, 0.8


@dataclass(frozen=True, slots=True)
class Evidence:
    """What spoke for a hit. `ended`: it holds no more, `until` the day on which that came, where it is known.

    `corrects`: it took the place of what was said before. `questioned`: it stays, for it is pinned or tells more, and
    was said otherwise since.
    `newer`: it tells of a change, after another hit of the same matter.
    `trusted`: it is the user's or the agent's own, not read.
    """

    signals: Signals
    matched: tuple[str, ...] = ()
    speaker: str = ""
    time: str = ""
    ended: bool = False
    until: str | None = None
    corrects: bool = False
    questioned: bool = False
    newer: bool = False
    trusted: bool = True


def explain(evidence: Evidence) -> str:
    """Say what made it a hit, the weightiest first, joined by semicolons."""
    signals = evidence.signals
    parts = []
    if evidence.matched:
        parts.append(tr("words: {words}", words=", ".join(visible(word) for word in evidence.matched)))
    if signals.cosine >= MEANT or (signals.cosine > 0 and not evidence.matched):
        parts.append(tr("meaning {cosine}", cosine=f"{signals.cosine:.2f}"))
    if signals.speaker and evidence.speaker:
        parts.append(tr("said by {speaker}", speaker=visible(evidence.speaker)))
    if signals.in_time and evidence.time:
        parts.append(tr("date: {time}", time=visible(evidence.time)))
    if signals.company and signals.near >= NEAR:
        parts.append(tr("said next to another hit"))
    if signals.company and signals.session >= SESSION:
        parts.append(tr("same conversation as other hits"))
    if signals.pinned:
        parts.append(tr("pinned, but you said otherwise later") if evidence.questioned else tr("pinned"))
    elif evidence.questioned:
        parts.append(tr("you said otherwise of a part of it later"))
    if signals.importance >= IMPORTANT:
        parts.append(tr("important"))
    if signals.recency >= RECENT:
        parts.append(tr("recent"))
    if evidence.corrects:
        parts.append(tr("took the place of what was said before"))
    if evidence.newer:
        parts.append(tr("newer than another hit"))
    if evidence.ended and evidence.until:
        parts.append(tr("no longer true since {day}", day=evidence.until))
    elif evidence.ended:
        parts.append(tr("no longer true"))
    if not evidence.trusted:
        parts.append(tr("from a text that is not yours"))
    return "; ".join(parts) or tr("words nearby")
