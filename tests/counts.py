"""Two sizes of proof: CI takes a tenth of each count, at least ten; `make proof` takes all and writes docs/proof.md."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

FULL = os.environ.get("OPENCLAW_PROOF") == "full"
TABLE = Path(__file__).parents[1] / "docs" / "proof.md"
_taken: dict[str, int] = {}


def count(what: str, full: int) -> int:
    """Return how often to do `what`: `full` times in the proof, a tenth (at least ten) in CI."""
    _taken[what] = full if FULL else max(10, full // 10)
    return _taken[what]


def write_table(passed: int, failed: int) -> None:
    """Write what the proof counted, with the commit that it ran on."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=TABLE.parent, capture_output=True, text=True, check=False
    ).stdout.strip()
    rows = "\n".join(f"| {what} | {max(10, times // 10):,} | {times:,} |" for what, times in sorted(_taken.items()))
    TABLE.write_text(
        "# Proof\n\nThe full counts, run with `make proof` on commit "
        f"`{commit}`: {passed:,} tests passed, {failed:,} failed.\n\n"
        f"| what | times in CI | times here |\n|---|---|---|\n{rows}\n",
        encoding="utf-8",
    )
