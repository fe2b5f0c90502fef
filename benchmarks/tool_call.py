"""What the walls cost: a function in the jail over the bare one, and a command over a bare start.

The worker is warm. The function reads a small file and is called in the jail directly; the command is carried out by
the executor: schema, frozen words, gate, fork, jail, answer. Between two calls stand 20 ms, far less than a model
takes: in that time the worker makes a keeper ready for the next. Strays are processes that are left when calls were cut
short, but for that one keeper.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.results import MET, MISSED, Options, Row, percentile
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.messages import ToolCall
from openclaw_desktop.core.protocols import CallScene
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.tools import file_functions
from openclaw_desktop.tools.arguments import find_problem
from openclaw_desktop.tools.commands import RunCommandTool
from openclaw_desktop.tools.execution import Executor
from openclaw_desktop.tools.path_finder import PathFinder
from openclaw_desktop.workers.calls import CallFailed
from openclaw_desktop.workers.programs import Program
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail
from openclaw_desktop.workers.tool_host import ToolHost

BAR_MS = 15.0
PAUSE_S = 0.02
SCENE = CallScene("s", "t", USER)


class Granted:
    """Grants for one folder."""

    def __init__(self, folder: Path) -> None:
        self._grants = frozenset(Grant(capability, str(folder)) for capability in ("file:read", "file:write")) | {
            Grant("process:run", "/usr/bin/true")
        }

    async def active(self) -> frozenset[Grant]:
        """Return them."""
        return self._grants

    async def add(self, capability: str, scope: str) -> object:
        """Nothing is asked here."""
        raise NotImplementedError

    def check(self, path: Path) -> None:
        """No path is the agent's own."""


def measure(options: Options) -> list[Row]:
    """Return the overhead of a call and of a program, and the strays."""
    return asyncio.run(_measure(50 if options.quick else 500))


async def _measure(count: int) -> list[Row]:
    host = ToolHost()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        (folder / "notes.txt").write_text("bread and milk\n" * 20)
        grants = Granted(folder)
        finder = PathFinder(grants, folder)
        executor = Executor([RunCommandTool(host, finder, grants)], grants, find_problem)
        path = str(folder / "notes.txt")
        arguments = {"path": path, "limit_bytes": 1000}

        async def jailed() -> None:
            await host.call("files.read", arguments, read=(path,))

        async def bare() -> None:
            file_functions.read_text(path, 1000)

        async def command() -> None:
            call = ToolCall("c", "run_command", {"argv": ["/usr/bin/true"], "folder": str(folder)})
            outcome, _ = await executor(call, SCENE, None)
            if outcome.status != "done":
                raise RuntimeError(outcome.error)

        async def bare_command() -> None:
            await asyncio.to_thread(subprocess.run, ["/usr/bin/true"], check=True, cwd=folder)

        try:
            await jailed()
            await command()
            rows = [
                _row(
                    "tool call in the jail, over the bare function",
                    await _times(jailed, count),
                    await _times(bare, count),
                    BAR_MS,
                ),
                _row(
                    "command through gate and jail, over the bare program",
                    await _times(command, count),
                    await _times(bare_command, count),
                    BAR_MS,
                ),
                await _strays(host, 20),
            ]
        finally:
            await host.stop()
    return rows


async def _times(act: Callable[[], Awaitable[None]], count: int) -> list[float]:
    times = []
    for _ in range(count):
        await asyncio.sleep(PAUSE_S)
        started_s = time.perf_counter()
        await act()
        times.append(1000 * (time.perf_counter() - started_s))
    return times


def _row(what: str, with_walls: list[float], without: list[float], bar_ms: float) -> Row:
    bare_ms = percentile(without, 0.5)
    p50, p95 = (percentile(with_walls, share) - bare_ms for share in (0.5, 0.95))
    seen = f"{p50:.1f} / {p95:.1f} ms (p50 / p95) over {bare_ms:.2f} ms"
    return Row(what, f"<= {bar_ms:.0f} ms p50", seen, MET if p50 <= bar_ms else MISSED, len(with_walls))


async def _strays(host: ToolHost, count: int) -> Row:
    script = "(setsid sleep 600 || sleep 600) & (sleep 600 & ) ; sleep 600"
    for number in range(count):
        jail = ProgramJail(any_program=True, namespaces=number % 2 == 0)
        try:
            await host.run(Program(("/bin/sh", "-c", script), jail, timeout_s=0.1))
        except CallFailed as failure:
            raise RuntimeError(failure.message) from failure
    children = Path(f"/proc/{host.pid}/task/{host.pid}/children").read_text().split()
    names = [Path(f"/proc/{pid}/comm").read_text().strip() for pid in children]
    left = names[1:] if names[:1] == ["openclaw-spare"] else names
    return Row("strays after a time limit and double forks", "0", f"{len(left)}", MET if not left else MISSED, count)
