"""The memory of all our processes: the tray with its popup and the tool worker, then with the word vectors too.

PSS of each process, added up. Programs of others that use the same libraries make it smaller: how many there were is
said where there were any. The measuring process is Python too, which makes it smaller by up to 2 MiB.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks import desk, processes
from benchmarks.results import MET, MISSED, Options, Row, Unavailable
from openclaw_desktop.core.errors import UserError

BARE_BAR_MIB, ENGINE_BAR_MIB = 110.0, 175.0
MAPPINGS_SHOWN = 12
SHARED_LIBRARY = "libQt6Core"


def measure(options: Options) -> list[Row]:
    """Read the memory before and after the word vectors are loaded."""
    with desk.desktop(options) as session:
        home = desk.warm_home(session.folder / "measured", session.env)
        desk.command_line(home, session.env, "remember", "my sister's birthday is on March 14")
        tray = session.start(desk.TRAY, "--hidden", "--home", home)
        desk.wait_until_settled(home, session.env)
        bare = _read(tray.pid)
        strangers = processes.who_else_maps(SHARED_LIBRARY, tray.pid)
        asyncio.run(_recall(home))
        with_engine = _read(tray.pid)
        session.stop(tray)
    return [
        _row("memory, no engine and no model", bare, BARE_BAR_MIB, strangers),
        _row("memory with the word vectors", with_engine, ENGINE_BAR_MIB, strangers),
    ]


async def _recall(home: Path) -> None:
    agent = await desk.attach(home)
    try:
        await agent.recall("when is the birthday of my sister?")
    except UserError as error:
        raise Unavailable(f"{error}: {desk.log_of(home)}") from error
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


def _row(what: str, sizes: dict[str, tuple[float, float]], bar_mib: float, strangers: int) -> Row:
    pss, uss = (sum(each[part] for each in sizes.values()) for part in (0, 1))
    each = ", ".join(f"{role} {size[0]:.1f}" for role, size in sizes.items())
    seen = f"PSS {pss:.1f} MiB ({each}); USS {uss:.1f} MiB"
    if strangers:
        seen += f"; {strangers} programs of others shared libraries"
    return Row(what, f"<= {bar_mib:.0f} MiB PSS", seen, MET if pss <= bar_mib else MISSED, 1)
