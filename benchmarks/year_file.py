"""The file of a year that was lived, kept to be asked again, and what it does not find.

Owns what is noted beside such a file. Must not know how a year is lived.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from benchmarks.year_diary import Fact

DATABASE, NOTES, MISSES = "year.db", "year.json", "misses.txt"


@dataclass(frozen=True, slots=True)
class KeptYear:
    """What a year's file needs to be asked again. `key`: its key, in hex; `told`: the turn of each fact of the diary.

    `moment`: the diary's, ISO 8601, where the year ends. `planted`: how many facts were.
    """

    key: str
    days: int
    seed: int
    moment: str
    told: list[str]
    planted: int = 500

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return what lies in `folder`, None where nothing does."""
        notes = folder / NOTES
        return cls(**json.loads(notes.read_text(encoding="utf-8"))) if notes.is_file() else None

    def write(self, folder: Path, database: Path) -> None:
        """Copy a file that was checkpointed into `folder`, and what is to be known of it."""
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(database, folder / DATABASE)
        (folder / NOTES).write_text(json.dumps(asdict(self)), encoding="utf-8")

    def put_into(self, folder: Path, kept: Path) -> None:
        """Copy the file from the folder `kept`: asking changes it."""
        shutil.copyfile(kept / DATABASE, folder / DATABASE)


def describe_misses(folder: Path, looks: Sequence[tuple[Fact, int | None, int | None]]) -> None:
    """Write what was not found, or not above what it replaced, one a line; ranks from 0, None: not among the first."""
    lines = []
    for fact, rank, earlier in looks:
        if rank is None or (earlier is not None and earlier < rank):
            how = "not found" if rank is None else "outdated"
            lines.append(f"{how} | {fact.kind} | {fact.asks[-1]} | {fact.sentence} | day {fact.day}")
    (folder / MISSES).write_text("\n".join([*lines, ""]), encoding="utf-8")
