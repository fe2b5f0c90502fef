"""Two sizes of proof: CI takes a tenth of each count, at least ten; the full one is noted in docs/proof.md."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

FULL = os.environ.get("OPENCLAW_PROOF") == "full"
TABLE = Path(__file__).parents[1] / "docs" / "proof.md"
_HEAD = "| what | times in CI | times here | commit | day |\n|---|---|---|---|---|\n"
_ROWS = re.compile(re.escape(_HEAD) + r"((?:\|.*\n)*)")
_taken: dict[str, int] = {}


def count(what: str, full: int) -> int:
    """Return how often to do `what`: `full` times in the proof, a tenth (at least ten) in CI."""
    _taken[what] = full if FULL else _in_ci(full)
    return _taken[what]


def write_table() -> None:
    """Note what this run counted; what only other runs counted stays as it is."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
        cwd=TABLE.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    commit = described.stdout.strip() or "unknown"
    text = merged(TABLE.read_text(encoding="utf-8"), _taken, commit, f"{datetime.now(UTC):%Y-%m-%d}")
    TABLE.write_text(text, encoding="utf-8")


def merged(text: str, taken: Mapping[str, int], commit: str, day: str) -> str:
    """Return the document with a row of its table for each count of `taken`, and its other rows and words as before."""
    found = _ROWS.search(text)
    assert found is not None, "docs/proof.md has lost its table"
    rows = {row.split("|")[1].strip(): row for row in found[1].splitlines()}
    for what, times in taken.items():
        rows[what] = f"| {what} | {_in_ci(times):,} | {times:,} | {commit} | {day} |"
    return text[: found.start(1)] + "".join(f"{rows[what]}\n" for what in sorted(rows)) + text[found.end(1) :]


def _in_ci(full: int) -> int:
    return max(10, full // 10)
