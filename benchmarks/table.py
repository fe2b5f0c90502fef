"""The table in docs/benchmarks.md.

Owns the file: its head, the markers and the lines between them. Rows that were not measured this time stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks.results import Row

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
COLUMNS = ("what", "bar", "seen", "verdict", "n", "command", "date", "commit", "machine", "load before")
HEAD = f"""# Benchmarks

What was measured on the real programs, with `make bench` (`python -m benchmarks [NAME…]`), and the bar that each
figure is held to. A bar is *met* where the 95th percentile keeps it, *median only* where just the median does. PSS is
memory with shared pages divided among those who share them. A `+` at the commit: files differed from it. The last
column is the machine's load in the minute before: well above 0, and times are those of a busy machine.

{BEGIN}
{END}
"""


def update(path: Path, rows: Iterable[tuple[Row, dict[str, str]]]) -> None:
    """Put `rows` (each with its command, date, commit, machine and load) into the table at `path`."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEAD
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    lines = {_cells(line)[0]: line for line in old.strip().splitlines()[2:]}
    for row, circumstances in rows:
        values = {"what": row.what, "bar": row.bar, "seen": row.seen, "verdict": row.verdict, "n": str(row.n)}
        cells = [(values | circumstances)[column].replace("|", "/") for column in COLUMNS]
        lines[row.what] = "| " + " | ".join(cells) + " |"
    head = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    path.write_text("\n".join([before + BEGIN, *head, *lines.values(), END + after]), encoding="utf-8")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
