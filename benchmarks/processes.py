"""Processes as the kernel sees them: who belongs together, what they use.

Owns the reading of /proc. Must not know what the processes are for, beyond their role's name.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

PROC = Path("/proc")
_SWITCHES = re.compile(r"^voluntary_ctxt_switches:\s*(\d+)$", re.MULTILINE)
_MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process had used at a moment: voluntary switches and CPU seconds by thread id, and threads' names."""

    role: str
    switches: dict[int, int] = field(default_factory=dict)
    cpu_s: dict[int, float] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)


def family(pid: int) -> dict[int, str]:
    """Return `pid` and all its descendants with their roles: agent, tools, inference."""
    parents: dict[int, int] = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):  # it has just ended
            continue
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return {member: _role(member) for member in found}


def _role(pid: int) -> str:
    words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    return words[words.index(b"worker") + 1].decode() if b"worker" in words else "agent"


def usage(pids: dict[int, str]) -> dict[int, Usage]:
    """Return what each process has used so far, thread by thread."""
    return {pid: _usage_of(pid, role) for pid, role in pids.items()}


def _usage_of(pid: int, role: str) -> Usage:
    found = Usage(role)
    for task in (PROC / str(pid) / "task").iterdir():
        thread = int(task.name)
        found.names[thread] = (task / "comm").read_text().strip()
        found.switches[thread] = int((_SWITCHES.search((task / "status").read_text()) or ["", "0"])[1])
        # Nanoseconds on the CPU; the clock ticks of `stat` are too coarse for an idle process.
        found.cpu_s[thread] = int((task / "schedstat").read_text().split()[0]) / 1e9
    return found


def growth(before: dict[int, Usage], after: dict[int, Usage]) -> dict[str, tuple[int, float]]:
    """Return (voluntary switches, CPU seconds) by role between two readings."""
    grown: dict[str, tuple[int, float]] = {}
    for pid, now in after.items():
        then = before.get(pid, Usage(now.role))
        switches = sum(count - then.switches.get(thread, 0) for thread, count in now.switches.items())
        cpu_s = sum(seconds - then.cpu_s.get(thread, 0.0) for thread, seconds in now.cpu_s.items())
        known = grown.get(now.role, (0, 0.0))
        grown[now.role] = (known[0] + switches, known[1] + cpu_s)
    return grown


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of all living threads of one process."""
    return sum(_usage_of(pid, "").cpu_s.values())


def memory_mib(pid: int) -> tuple[float, float]:
    """Return PSS (shared pages divided among all who map them) and USS (what is the process's alone) in MiB."""
    kib: Counter[str] = Counter()
    for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]:
        name, _, value = line.partition(":")
        kib[name] = int(value.split()[0])
    return kib["Pss"] / 1024, (kib["Private_Clean"] + kib["Private_Dirty"]) / 1024


def largest_mappings(pid: int, count: int) -> list[tuple[str, float]]:
    """Return the files (or [heap], [anonymous]) that hold the most of the process's PSS, in MiB."""
    shares: Counter[str] = Counter()
    name = ""
    for line in (PROC / str(pid) / "smaps").read_text().splitlines():
        if mapping := _MAPPING.match(line):
            name = Path(mapping[1]).name if mapping[1].startswith("/") else mapping[1] or "[anonymous]"
        elif line.startswith("Pss:"):
            shares[name] += int(line.split()[1])
    return [(name, kib / 1024) for name, kib in shares.most_common(count)]


def who_else_maps(library: str, pid: int) -> int:
    """Return how many processes outside the family of `pid` have a file of that name mapped."""
    count = 0
    ours = family(pid)
    for folder in PROC.glob("[0-9]*"):
        try:
            count += int(folder.name) not in ours and library in (folder / "maps").read_text()
        except OSError:  # it has just ended, or belongs to another user
            continue
    return count
