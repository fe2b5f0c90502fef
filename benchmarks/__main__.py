"""`python -m benchmarks`: measure, print, and bring docs/benchmarks.md up to date.

Owns the command line and the order.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from pathlib import Path

from benchmarks.machine import ROOT, describe_commit, describe_load, describe_machine
from benchmarks.results import MISSED, SEED, Options, Unavailable
from benchmarks.table import update
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.system.paths import find_home, model_folders

NAMES = (
    "start", "popup", "idle", "footprint", "jobs",
    "decode", "first_token", "plain", "memory", "memory_scale", "memory_million", "fit", "schedules",
    "side_jobs", "calls", "restart", "neighbour", "year", "tool_call",
)  # fmt: skip
TABLE = ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Run the benchmarks that were named, all where none was, and return 1 where a bar was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the product.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(NAMES)} (all where none is named)")
    parser.add_argument("--quick", action="store_true", help="fewer samples, for trying out")
    parser.add_argument("--days", type=int, metavar="N", help="of year: so many days, at least 8, rather than 365")
    parser.add_argument("--print", action="store_true", dest="only_print", help="leave docs/benchmarks.md as it is")
    engines = ("minilm", "wordllama")
    parser.add_argument("--engine", choices=engines, help="of year: which vectors, rather than what the product takes")
    parser.add_argument("--seed", type=int, default=SEED, metavar="N", help="of year: another diary")
    parser.add_argument("--planted", type=int, metavar="N", help="of year: so many facts, at most 500")
    kept = "of year: keep its file and its misses there; where it lies there already, ask alone"
    parser.add_argument("--folder", type=Path, metavar="FOLDER", help=kept)
    arguments = parser.parse_args()
    names = arguments.names or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    if arguments.days is not None and arguments.days < 8:
        parser.error("--days: at least 8")
    if arguments.planted is not None and not 1 <= arguments.planted <= 500:
        parser.error("--planted: 1 to 500")
    folders = model_folders(find_home(None, os.environ), os.environ)
    options = Options(
        arguments.quick, folders, arguments.days, arguments.engine, arguments.seed, arguments.planted, arguments.folder
    )
    chosen = (" --quick" if arguments.quick else "") + (f" --days {arguments.days}" if arguments.days else "")
    chosen += f" --engine {arguments.engine}" if arguments.engine else ""
    chosen += f" --seed {arguments.seed}" if arguments.seed != SEED else ""
    chosen += f" --planted {arguments.planted}" if arguments.planted else ""
    chosen += " --folder F" if arguments.folder else ""
    verdicts = []
    for name in names:
        circumstances = {
            "command": f"`python -m benchmarks {name}{chosen}`",
            "date": time.strftime("%Y-%m-%d"),
            "commit": describe_commit(),
            "machine": describe_machine(),
            "load before": describe_load(),
        }
        print(f"== {name} (load {circumstances['load before']})", flush=True)
        try:
            rows = importlib.import_module(f"benchmarks.{name}").measure(options)
        except (Unavailable, TimeoutError, UserError) as reason:
            print(f"   not measured: {reason}", file=sys.stderr)
            continue
        for row in rows:
            print(f"{row.verdict:>15}  {row.what}: {row.seen} (bar {row.bar}, n = {row.n})", flush=True)
        if not arguments.only_print:
            update(TABLE, [(row, circumstances) for row in rows])
        verdicts += [row.verdict for row in rows]
    return int(MISSED in verdicts)


if __name__ == "__main__":
    raise SystemExit(main())
