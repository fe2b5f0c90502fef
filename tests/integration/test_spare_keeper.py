"""The keeper that waits for the next program: it is used, renewed, ended, and no program is run by a wrong one."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the jail is Linux's", allow_module_level=True)

from jailed_functions import COMMAND

from openclaw_desktop.workers import fork_server
from openclaw_desktop.workers.calls import CallFailed
from openclaw_desktop.workers.fork_server import NAMESPACES_VARIABLE
from openclaw_desktop.workers.programs import Program
from openclaw_desktop.workers.sandbox import bpf, landlock
from openclaw_desktop.workers.sandbox.jail import Jail
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail
from openclaw_desktop.workers.tool_host import ToolHost

pytestmark = pytest.mark.skipif(
    not landlock.kernel_abi() or not bpf.available(), reason="this kernel has no jail to test"
)


@pytest.fixture(params=["1", "0"], ids=["namespaces", "plain"])
async def host(request: pytest.FixtureRequest) -> AsyncIterator[ToolHost]:
    host = ToolHost(command=COMMAND, environment={NAMESPACES_VARIABLE: request.param})
    yield host
    await host.stop()


def program(script: str, timeout_s: float = 20.0, stdin: str = "", **jail: object) -> Program:
    return Program(("/bin/sh", "-c", script), ProgramJail(any_program=True, **jail), "", {}, timeout_s, stdin=stdin)  # type: ignore[arg-type]


def waiting(host: ToolHost) -> int:
    """The one child of the server, which waits: its process id."""
    (pid,) = map(int, Path(f"/proc/{host.pid}/task/{host.pid}/children").read_text().split())
    return pid


async def warm(host: ToolHost) -> int:
    assert (await host.run(program("echo first"))).stdout == "first\n"
    await host.call("echo", {"value": 1})  # the server's loop went on: the next keeper is there
    return waiting(host)


async def gone(pid: int) -> None:
    try:
        ended = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(ended, done.set)
    try:
        await asyncio.wait_for(done.wait(), 20)
    finally:
        loop.remove_reader(ended)
        os.close(ended)


async def test_a_function_s_call_makes_none(host: ToolHost) -> None:
    await host.call("echo", {"value": 1})
    assert Path(f"/proc/{host.pid}/task/{host.pid}/children").read_text() == ""


async def test_the_next_program_is_run_by_it_and_another_waits(host: ToolHost, tmp_path: Path) -> None:
    first = await warm(host)
    folder = os.path.realpath(tmp_path)
    script = f"cat; echo no >&2; echo x > {folder}/new; exit 3"
    result = await host.run(program(script, stdin="typed " * 30_000, write=(folder,)))
    assert (result.exit_code, result.stderr, result.ended) == (3, "no\n", "exit")
    assert result.stdout == "typed " * 30_000
    assert Path(folder, "new").read_text() == "x\n"
    await gone(first)
    await host.call("echo", {"value": 1})
    assert waiting(host) != first


async def test_one_that_was_killed_is_replaced(host: ToolHost) -> None:
    first = await warm(host)
    os.kill(first, 9)
    await gone(first)
    assert (await host.run(program("echo second"))).stdout == "second\n"


async def test_it_is_given_no_program_with_another_jail(host: ToolHost) -> None:
    first = await warm(host)
    result = await host.run(program("echo open", network="full"))
    assert result.stdout == "open\n"
    assert waiting(host) == first
    if result.namespaces:
        assert not (await host.run(program("echo plain", namespaces=False))).namespaces
        assert waiting(host) == first


async def test_no_such_program_is_said_by_it_too(host: ToolHost) -> None:
    await warm(host)
    with pytest.raises(CallFailed) as caught:
        await host.run(Program(("/nonexistent/program",), ProgramJail(any_program=True), timeout_s=20.0))
    assert caught.value.code == "not_started"


async def test_a_cancelled_program_is_ended_and_the_server_goes_on(host: ToolHost) -> None:
    first = await warm(host)
    call = asyncio.ensure_future(host.run(program("sleep 1000", timeout_s=600)))
    await host.call("echo", {"value": 1})
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await gone(first)
    assert (await host.run(program("echo third"))).stdout == "third\n"


async def test_it_ends_with_the_server(host: ToolHost) -> None:
    first = await warm(host)
    below = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    await host.stop()
    for pid in (first, *map(int, below)):
        await gone(pid)


async def test_it_dies_with_a_server_that_is_killed(host: ToolHost) -> None:
    first = await warm(host)
    below = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    assert host.pid is not None
    os.kill(host.pid, 9)
    for pid in (first, *map(int, below)):
        await gone(pid)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_proof_holds_no_end_of_its_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would wait for the end of its program's words until the proof is done."""
    monkeypatch.setattr(fork_server, "_as_json", lambda jail: os.write(order, b"x"))
    (orders, order), (told, end) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        fork_server._live_and_die(os.getppid(), end, fork_server._proving(Jail()))
    for descriptor in (order, end):
        os.close(descriptor)
    answer = os.read(told, 1000)
    os.waitpid(pid, 0)
    assert (os.read(orders, 1), b"EBADF" in answer) == (b"", True)
    for descriptor in (orders, told):
        os.close(descriptor)


async def test_one_that_nobody_needs_goes() -> None:
    code = "from openclaw_desktop.workers import fork_server as f; f.SPARE_LIFE_S = 0.0; raise SystemExit(f.serve({}))"
    hasty = ToolHost(command=[sys.executable, "-P", "-c", code])
    try:
        assert (await hasty.run(program("echo once"))).stdout == "once\n"
        children = Path(f"/proc/{hasty.pid}/task/{hasty.pid}/children").read_text().split()
        for pid in map(int, children):
            await gone(pid)
        assert (await hasty.run(program("echo twice"))).stdout == "twice\n"
    finally:
        await hasty.stop()
