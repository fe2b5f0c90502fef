"""A program whose keeper was killed where it has no namespaces, and that no longer dies with its parent, is found.

Run as a program it is the agent: it runs such a program and waits to be killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the jail is Linux's", allow_module_level=True)

from jailed_functions import COMMAND

from openclaw_desktop.workers.calls import CallFailed
from openclaw_desktop.workers.fork_server import NAMESPACES_VARIABLE
from openclaw_desktop.workers.jailed_process import open_jailed
from openclaw_desktop.workers.programs import Program
from openclaw_desktop.workers.sandbox import bpf, landlock, strays
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail
from openclaw_desktop.workers.tool_host import ToolHost

pytestmark = pytest.mark.skipif(
    not landlock.kernel_abi() or not bpf.available(), reason="this kernel has no jail to test"
)
# It clears the signal at its parent's death (PR_SET_PDEATHSIG), and so does a child, whose parent ends.
STAYING = """
import ctypes, os, sys, time
ctypes.CDLL(None).prctl(1, 0)
held = os.open(sys.argv[1], os.O_WRONLY)
if os.fork() == 0:
    if os.fork():
        os._exit(0)
os.write(held, b"up\\n")
print("up", flush=True)
while True:
    time.sleep(1000)
"""


def staying(fifo: Path, timeout_s: float = 0.0) -> Program:
    jail = ProgramJail(any_program=True, write=(str(fifo.parent),), namespaces=False)
    return Program(("/usr/bin/python3", "-c", STAYING, str(fifo)), jail, timeout_s=timeout_s)


@pytest.fixture
def fifo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipe that is at its end once nobody is left; the marks lie in a folder of this test alone."""
    marks = Path(os.path.realpath(tmp_path)) / "marks"
    marks.mkdir()
    monkeypatch.setenv("TMPDIR", str(marks))
    path = marks.parent / "files" / "fifo"
    path.parent.mkdir()
    os.mkfifo(path)
    return path


async def both_up(alive: int) -> None:
    told = b""
    while told != b"up\nup\n":
        assert await asyncio.to_thread(select.select, [alive], [], [], 20) != ([], [], [])
        told += os.read(alive, 9)


async def all_gone(alive: int) -> None:
    assert await asyncio.to_thread(select.select, [alive], [], [], 20) != ([], [], [])
    assert os.read(alive, 9) == b""
    os.close(alive)


async def test_where_the_keeper_is_killed_the_agent_ends_what_it_left(fifo: Path) -> None:
    alive = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    process = await open_jailed(staying(fifo))
    await both_up(alive)
    os.kill(process.pid, signal.SIGKILL)
    assert (await process.wait()).ended == "life"
    await all_gone(alive)
    assert [path.name for path in Path(os.environ["TMPDIR"]).glob("*.session")] == []


async def test_where_the_tool_worker_is_killed_the_agent_ends_what_it_left(fifo: Path) -> None:
    alive = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    host = ToolHost(command=COMMAND, environment={NAMESPACES_VARIABLE: "0"})
    call = asyncio.ensure_future(host.run(staying(fifo, 600.0)))
    await both_up(alive)
    assert host.pid is not None
    os.kill(host.pid, signal.SIGKILL)
    with pytest.raises(CallFailed):
        await call
    await all_gone(alive)
    await host.stop()


async def test_where_the_agent_was_killed_with_it_the_next_start_ends_what_is_left(fifo: Path) -> None:
    alive = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    agent = await asyncio.create_subprocess_exec(
        sys.executable, __file__, str(fifo), env=os.environ | {NAMESPACES_VARIABLE: "0"}, stdout=subprocess.PIPE
    )
    assert agent.stdout is not None
    worker = int(await agent.stdout.readline())
    await both_up(alive)
    # First the agent, or it would end them.
    os.kill(agent.pid, signal.SIGSTOP)
    os.kill(worker, signal.SIGKILL)
    os.kill(agent.pid, signal.SIGKILL)
    await agent.wait()
    assert await asyncio.to_thread(select.select, [alive], [], [], 0) == ([], [], []), "they live on"
    host = ToolHost(command=COMMAND)
    assert await host.call("echo", {"value": 1}) == 1
    await all_gone(alive)
    await host.stop()


async def test_a_mark_that_is_old_or_not_ours_ends_nobody(fifo: Path) -> None:
    innocent = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
    began = int(Path(f"/proc/{innocent.pid}/stat").read_text().rpartition(")")[2].split()[19])
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    gone = {"keeper": 2**22 + 1, "keeper_began": 1, "worker": 1}
    marks = Path(os.environ["TMPDIR"])
    try:
        for number, said in enumerate(
            (
                {"boot": boot, "session": innocent.pid, "began": began - 5, **gone},  # its number was another's
                {"boot": "before", "session": innocent.pid, "began": began, **gone},
                {"boot": boot, "session": innocent.pid, "began": began, **gone},  # in no jail, so none of ours
                {"boot": boot, "session": "x"},
                ["no mark"],
            )
        ):
            (marks / f"openclaw-run-1-{number}.session").write_text(json.dumps(said))
        (marks / "openclaw-run-1-link.session").symlink_to(__file__)
        os.mkfifo(marks / "openclaw-run-1-fifo.session")
        assert await asyncio.to_thread(strays.end_strays) == 0
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


async def _be_agent(fifo: Path) -> None:
    host = ToolHost(command=COMMAND, environment={NAMESPACES_VARIABLE: "0"})
    await host.call("echo", {"value": 1})
    print(host.pid, flush=True)
    await host.run(staying(fifo, 600.0))


if __name__ == "__main__":
    asyncio.run(_be_agent(Path(sys.argv[1])))
