"""The table in docs/benchmarks.md.

Owns the file: its head, the markers and the lines between them. Rows that were not measured this time stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.results import Row

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
COLUMNS = (
    "what",
    "bar",
    "seen",
    "verdict",
    "n",
    "command",
    "date",
    "commit",
    "machine",
    "load before",
    "the run before",
)
HEAD = f"""# Benchmarks

What was measured on the real programs, with `make bench` (`python -m benchmarks [NAME…]`), and the bar that each
figure is held to. A bar is *met* where the 95th percentile keeps it, *median only* where just the median does. PSS is
memory with shared pages divided among those who share them. A `+` at the commit: files differed from it. "Load before"
is the machine's in the minute before: well above 0, and times are those of a busy machine. The last column has what the
run before saw, and on which commit.

{BEGIN}
{END}
"""


def update(path: Path, rows: Iterable[tuple[Row, dict[str, str]]]) -> None:
    """Put `rows` (each with its command, date, commit, machine and load) into the table at `path`."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEAD
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    table = {cells["what"]: cells for cells in _read(old)}
    for row, circumstances in rows:
        values = {"what": row.what, "bar": row.bar, "seen": row.seen, "verdict": row.verdict, "n": str(row.n)}
        last = table.get(row.what)
        values["the run before"] = f"{last['seen']} ({last['commit']})" if last else ""
        table[row.what] = {column: text.replace("|", "/") for column, text in (values | circumstances).items()}
    lines = [_line(COLUMNS), "|" + "---|" * len(COLUMNS)]
    lines += [_line([cells.get(column, "") for column in COLUMNS]) for cells in table.values()]
    path.write_text("\n".join([before + BEGIN, *lines, END + after]), encoding="utf-8")


def _read(table: str) -> list[dict[str, str]]:
    """Return the rows of a table in Markdown, by the names in its head."""
    lines = [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in table.strip().splitlines()]
    return [dict(zip(lines[0], cells, strict=True)) for cells in lines[2:]]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
