"""The machine and the code that were measured.

Owns how both are named in the table.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VECTOR_UNITS = ("avx2", "avx512f", "amx_int8")


def describe_machine() -> str:
    """Return cores, processor, vector units, memory and kernel in one line."""
    cpu = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)$", cpu, re.MULTILINE)
    flags = (re.search(r"^flags\s*:\s*(.*)$", cpu, re.MULTILINE) or ["", ""])[1].split()
    units = " ".join(unit.split("_")[0].upper() for unit in VECTOR_UNITS if unit in flags)
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{len(os.sched_getaffinity(0))} cores {model[1] if model else '?'} ({units}), {memory_gib:.0f} GiB, "
        f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}"
    )


def describe_commit() -> str:
    """Return the short id of the commit, with a + where the product's files differ from it."""
    commit = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--", "openclaw_desktop", "resources", "pyproject.toml")
    return commit + ("+" if changed else "")


def _git(*words: str) -> str:
    done = subprocess.run(("git", *words), cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or ("?" if words[0] == "rev-parse" else "")


def describe_load() -> str:
    """Return how busy the machine was: the mean number of runnable processes of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"
