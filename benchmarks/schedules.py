"""Schedules in words: how many of the list in data/schedules.toml are understood as a person means them.

Owns the comparison: every one of the next three times must be right, and what must be refused is refused.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.results import MET, MISSED, Options, Row
from openclaw_desktop.scheduler.words import Unclear, understand

LIST = Path(__file__).parent / "data" / "schedules.toml"


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words, where and when they are said, and the wall times they mean; none where they must be refused."""

    words: str
    times: tuple[str, ...]
    now: datetime
    zone: ZoneInfo
    day_first: bool

    def understood_times(self) -> tuple[str, ...]:
        """Return the next three wall times as the product understands the words; none where it refuses."""
        understood = understand(self.words, self.now, self.zone, self.day_first)
        if isinstance(understood, Unclear):
            return ()
        return tuple(moment.strftime("%Y-%m-%dT%H:%M") for moment in understood.next_times(self.now))


def phrases() -> Iterator[Phrase]:
    """Yield the list."""
    table = tomllib.loads(LIST.read_text(encoding="utf-8"))
    for entry in table["phrase"]:
        zone = ZoneInfo(entry.get("zone", table["zone"]))
        now = datetime.fromisoformat(entry.get("now", table["now"])).replace(tzinfo=zone)
        yield Phrase(entry["words"], tuple(entry["times"]), now, zone, not entry.get("month_first", False))


def measure(options: Options) -> list[Row]:
    """Return how many are right, and print those that are not."""
    rows = []
    for what, wanted in (("schedules in words, understood", True), ("schedules in words, refused", False)):
        chosen = [phrase for phrase in phrases() if bool(phrase.times) is wanted]
        wrong = [phrase for phrase in chosen if phrase.understood_times() != phrase.times]
        for phrase in wrong:
            print(f"   {phrase.words!r}: {phrase.understood_times()}, not {phrase.times}")
        seen = f"{len(chosen) - len(wrong)} of {len(chosen)}"
        rows.append(Row(what, "all", seen, MISSED if wrong else MET, len(chosen)))
    return rows
