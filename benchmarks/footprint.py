"""The memory of all our processes: the tray with its popup and the tool worker, then with the word vectors too.

PSS of each process, added up. The measuring process is Python too and shares some pages with them, so the sum of what
they alone hold (USS) is printed beside it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks import desk, processes
from benchmarks.results import MET, MISSED, Options, Row

BARE_BAR_MIB, ENGINE_BAR_MIB = 110.0, 175.0
MAPPINGS_SHOWN = 12


def measure(options: Options) -> list[Row]:
    """Read the memory before and after the word vectors are loaded."""
    with desk.desktop(options) as session:
        home = desk.warm_home(session.folder / "measured", session.env)
        desk.command_line(home, session.env, "remember", "my sister's birthday is on March 14")
        tray = session.start(desk.TRAY, "--hidden", "--home", home)
        desk.wait_until_settled(home, session.env)
        bare = _read(tray.pid)
        asyncio.run(_recall(home))
        with_engine = _read(tray.pid)
        session.stop(tray)
    return [
        _row("memory, no engine and no model", bare, BARE_BAR_MIB),
        _row("memory with the word vectors", with_engine, ENGINE_BAR_MIB),
    ]


async def _recall(home: Path) -> None:
    agent = await desk.attach(home)
    try:
        await agent.recall("when is the birthday of my sister?")
    finally:
        await agent.close()


def _read(pid: int) -> dict[str, tuple[float, float]]:
    """Return (PSS, USS) by role, and print what holds the most."""
    sizes: dict[str, tuple[float, float]] = {}
    for member, role in processes.family(pid).items():
        pss, uss = processes.memory_mib(member)
        known = sizes.get(role, (0.0, 0.0))
        sizes[role] = (known[0] + pss, known[1] + uss)
        top = ", ".join(f"{name} {mib:.1f}" for name, mib in processes.largest_mappings(member, MAPPINGS_SHOWN))
        print(f"   {role} {member}: PSS {pss:.1f} MiB, USS {uss:.1f}; {top}")
    return sizes


def _row(what: str, sizes: dict[str, tuple[float, float]], bar_mib: float) -> Row:
    pss, uss = (sum(each[part] for each in sizes.values()) for part in (0, 1))
    each = ", ".join(f"{role} {size[0]:.1f}" for role, size in sizes.items())
    seen = f"PSS {pss:.1f} MiB ({each}); USS {uss:.1f} MiB"
    return Row(what, f"<= {bar_mib:.0f} MiB PSS", seen, MET if pss <= bar_mib else MISSED, 1)
