"""How important a fact is, 0 to 1, and which tier that earns it.

Owns the formula and its weights. Pure.

    importance = 1 - (1 - 0.72 content) (1 - 0.50 frequency) (1 - 0.20 recency) (1 - 0.20 links) (1 - 0.90 praise)
    and of that (1 - 0.80 blame)

Each part lies between 0 and 1: any one can lift a fact, none is needed, and more of one never lowers it (but `blame`,
which never lifts it). `content` is the loaded model's score, else what kind of fact it is (`slots.weight_of`): 1 for
what tells who the user is, so that it is offered to prompts though it was said only once; `frequency` is 1 - 1 / (1 +
(mentions - 1 + uses / 2) / 3); `recency` halves every 180 days since it was last said or used; `links` is the
importance of the most important memory about the same person or thing; `praise` is 1 for what was pinned or put right
by hand, and less, as `blame` is more, for a mark on an answer that used it (`memory.feedback`). At 0.7 or
more a fact is offered to every prompt that it fits, at 0.3 it is kept, and below it goes: what was said itself stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MEDIUM_FROM = 0.7
LONG_FROM = 0.3
CONTENT_WEIGHT = 0.72
FREQUENCY_WEIGHT = 0.50
RECENCY_WEIGHT = 0.20
LINKS_WEIGHT = 0.20
PRAISE_WEIGHT = 0.90
BLAME_WEIGHT = 0.80
RECENCY_HALF_LIFE_DAYS = 180.0
MENTIONS_SCALE = 3.0


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for a fact. `age_days`: since it was last said or used; the other fractions lie between 0 and 1."""

    content: float
    mentions: int = 1
    uses: int = 0
    age_days: float = 0.0
    links: float = 0.0
    praise: float = 0.0
    blame: float = 0.0


def weigh(signs: Signs) -> float:
    """Return the importance by the formula above."""
    said = max(0, signs.mentions - 1) + max(0, signs.uses) / 2
    frequency = 1 - 1 / (1 + said / MENTIONS_SCALE)
    recency: float = 0.5 ** (max(0.0, signs.age_days) / RECENCY_HALF_LIFE_DAYS)
    left = (
        (1 - CONTENT_WEIGHT * signs.content)
        * (1 - FREQUENCY_WEIGHT * frequency)
        * (1 - RECENCY_WEIGHT * recency)
        * (1 - LINKS_WEIGHT * signs.links)
        * (1 - PRAISE_WEIGHT * signs.praise)
    )
    return min(1.0, max(0.0, (1 - left) * (1 - BLAME_WEIGHT * signs.blame)))


def earned_tier(importance: float) -> Literal["medium", "long"] | None:
    """Return the tier of a derived fact; None where it goes."""
    if importance >= MEDIUM_FROM:
        return "medium"
    return "long" if importance >= LONG_FROM else None
