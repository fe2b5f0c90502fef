"""Why a memory was found, in words for people.

Owns those words. Must not know SQL or weights. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.memory.recall.scoring import Signals

# From here on a signal is worth a word.
MEANT, NEAR, SESSION, IMPORTANT, RECENT = 0.2, 0.6, 0.7, 0.7, 0.8


@dataclass(frozen=True, slots=True)
class Evidence:
    """What spoke for a hit. `ended`: "replaced" or "ended" where it holds no more, `until_s` when that came."""

    signals: Signals
    matched: tuple[str, ...] = ()
    speaker: str = ""
    time: str = ""
    ended: str | None = None
    until_s: int | None = None


def explain(evidence: Evidence) -> str:
    """Say what made it a hit, the weightiest first, joined by semicolons."""
    signals = evidence.signals
    parts = []
    if evidence.matched:
        parts.append(tr("words: {words}", words=", ".join(visible(word) for word in evidence.matched)))
    if signals.meaning >= MEANT or (signals.meaning > 0 and not evidence.matched):
        parts.append(tr("meaning {cosine}", cosine=f"{signals.meaning:.2f}"))
    if signals.speaker and evidence.speaker:
        parts.append(tr("said by {speaker}", speaker=visible(evidence.speaker)))
    if signals.in_time and evidence.time:
        parts.append(tr("date: {time}", time=visible(evidence.time)))
    if signals.near >= NEAR:
        parts.append(tr("said next to another hit"))
    if signals.company and signals.session >= SESSION:
        parts.append(tr("same conversation as other hits"))
    if signals.pinned:
        parts.append(tr("pinned"))
    if signals.importance >= IMPORTANT:
        parts.append(tr("important"))
    if signals.recency >= RECENT:
        parts.append(tr("recent"))
    if evidence.ended:
        parts.append(_ended(evidence))
    return "; ".join(parts) or tr("words nearby")


def _ended(evidence: Evidence) -> str:
    if evidence.until_s is None:
        return tr("no longer true")
    return tr("no longer true since {day}", day=datetime.fromtimestamp(evidence.until_s, UTC).date().isoformat())
