"""Count what is in the columns of a CSV file: python facts.py FILE."""

import csv
import io
import math
import sys
from collections import Counter
from pathlib import Path

ROWS, COLUMNS, BYTES = 200_000, 50, 50_000_000


def number(cell: str) -> float | None:
    """Return a cell as a number, with a point or a comma before its decimals; None where it is none."""
    text = cell.strip().replace("\u00a0", "").removesuffix("%")
    if "," in text and "." in text:
        text = text.replace(",", "") if text.rfind(".") > text.rfind(",") else text.replace(".", "").replace(",", ".")
    elif text.count(",") == 1:
        text = text.replace(",", ".")
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def shown(value: float) -> str:
    """Return a number without needless decimals."""
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:,.4g}"


def describe(name: str, cells: list[str]) -> str:
    """Return one line about a column."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    values = Counter(filled)
    line = f"{name}: {len(filled)} of {len(cells)} filled, {len(values)} different"
    numbers = [found for cell in filled if (found := number(cell)) is not None]
    if filled and len(numbers) == len(filled):
        mean = math.fsum(numbers) / len(numbers)
        line += f"; lowest {shown(min(numbers))}, mean {shown(mean)}, highest {shown(max(numbers))}, "
        line += f"sum {shown(math.fsum(numbers))}"
    elif values:
        often = ", ".join(f"{value[:40]} ({count})" for value, count in values.most_common(3))
        line += f"; most often {often}"
    return line


def facts(rows: list[list[str]]) -> list[str]:
    """Return what there is to say of a table, a line each; its first row names the columns."""
    if not rows:
        return ["The file is empty."]
    head, body = rows[0], rows[1 : ROWS + 1]
    fitting = [row for row in body if len(row) == len(head)]
    lines = [f"{len(body):,} rows, {len(head)} columns"]
    if len(fitting) != len(body):
        lines.append(f"{len(body) - len(fitting):,} rows have another number of cells and were left out")
    if len(rows) > ROWS + 1:
        lines.append(f"only the first {ROWS:,} rows were counted")
    for place, name in enumerate(head[:COLUMNS]):
        lines.append(describe(name.strip()[:60] or f"column {place + 1}", [row[place] for row in fitting]))
    return lines


def main() -> int:
    """Print the facts; return the exit code."""
    if len(sys.argv) != 2:
        sys.stderr.write("Give the name of one CSV file.\n")
        return 2
    try:
        with Path(sys.argv[1]).open("rb") as file:
            data = file.read(BYTES + 1)
    except OSError as error:
        sys.stderr.write(f"{sys.argv[1]} can't be read: {error.strerror}.\n")
        return 1
    if len(data) > BYTES or b"\0" in data:
        sys.stderr.write("That is larger than 50 MB, or no text.\n")
        return 1
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    first = text.split("\n", 1)[0]
    csv.field_size_limit(1 << 20)
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t|", key=first.count))
        rows = [row for row in lines if any(cell.strip() for cell in row)]
    except csv.Error as error:
        sys.stderr.write(f"{sys.argv[1]} is no CSV file: {error}.\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in facts(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
