"""The table of what was measured: rows are replaced by name, and the last run stays beside the new one."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))  # `benchmarks` is no part of the package

from benchmarks.results import Row
from benchmarks.table import update

CIRCUMSTANCES = {"command": "`x`", "date": "2026-01-01", "commit": "aaa", "machine": "m", "load before": "0.1"}


def test_a_second_run_keeps_the_first_beside_it(tmp_path: Path) -> None:
    table = tmp_path / "benchmarks.md"
    update(
        table, [(Row("speed", ">= 1", "2 | 3", "met", 5), CIRCUMSTANCES), (Row("size", "", "7", "", 1), CIRCUMSTANCES)]
    )
    update(table, [(Row("speed", ">= 1", "4", "met", 5), CIRCUMSTANCES | {"commit": "bbb"})])
    lines = [line for line in table.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert lines[2] == "| speed | >= 1 | 4 | met | 5 | `x` | 2026-01-01 | bbb | m | 0.1 | 2 / 3 (aaa) |"
    assert lines[3] == "| size |  | 7 |  | 1 | `x` | 2026-01-01 | aaa | m | 0.1 |  |"
    assert len(lines) == 4


def test_a_table_with_fewer_columns_is_taken_over(tmp_path: Path) -> None:
    table = tmp_path / "benchmarks.md"
    table.write_text(
        "Words.\n<!-- benchmarks: begin -->\n| what | seen | commit |\n|---|---|---|\n| speed | 2 | aaa |\n"
        "<!-- benchmarks: end -->\nMore.\n",
        encoding="utf-8",
    )
    update(table, [(Row("speed", "", "4", "met", 5), CIRCUMSTANCES)])
    text = table.read_text(encoding="utf-8")
    assert text.startswith("Words.\n") and text.endswith("\nMore.\n")
    assert "| speed |  | 4 | met | 5 | `x` | 2026-01-01 | aaa | m | 0.1 | 2 (aaa) |" in text
