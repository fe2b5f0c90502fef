"""What a benchmark hands over: rows for the table, with the bar that each is held to.

Owns the rows, their numbers as text and the verdicts. Must not know how anything is measured.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MET, PARTLY, MISSED, INFORMATION = "met", "median only", "missed", "for information"


# The diary of a simulated year where none is asked for.
SEED = 7


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure. `model_folders`: where the product looks for models here.

    `days`: of a simulated year, or all. `engine`: "minilm" or "wordllama"; None: what the product chooses here.
    `seed`: of its diary. `planted`: how many facts, rather than as many as a year of 500 has in those days.
    `folder`: where its file stays, or lies already.
    """

    quick: bool
    model_folders: tuple[Path, ...]
    days: int | None = None
    engine: str | None = None
    seed: int = SEED
    planted: int | None = None
    folder: Path | None = None

    def find_model(self, file: str) -> Path:
        """Return the whole path of a model's file; raises Unavailable."""
        for folder in self.model_folders:
            if (folder / file).is_file():
                return (folder / file).resolve()
        raise Unavailable(f"{file} is in none of {', '.join(map(str, self.model_folders))}; set OPENCLAW_MODELS")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `what` is its name and stays the same from run to run. `n`: of how many samples."""

    what: str
    bar: str
    seen: str
    verdict: str
    n: int


class Unavailable(Exception):
    """The machine lacks what the benchmark needs; the text says what."""


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of `values` do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, int(-(-share * len(ordered) // 1)) - 1))]


def at_most(values: Sequence[float], bar: float) -> str:
    """Return the verdict on `values` that should not exceed `bar`: by their 95th percentile and their median."""
    if percentile(values, 0.95) <= bar:
        return MET
    return PARTLY if statistics.median(values) <= bar else MISSED


def in_words(values: Sequence[float], unit: str, digits: int = 0) -> str:
    """Return median, 95th percentile and worst of `values`."""
    median, p95, worst = statistics.median(values), percentile(values, 0.95), max(values)
    return f"median {median:.{digits}f}, p95 {p95:.{digits}f}, worst {worst:.{digits}f} {unit}"
